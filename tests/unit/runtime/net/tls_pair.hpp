// SPDX-License-Identifier: Apache-2.0
// For tests of TLS: certificates made on the spot, and two streams of ours joined by a socket pair.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <string>

#include "runtime/net/tls.hpp"

namespace weir::net::test {

inline std::string pem_of(int (*write)(BIO*, const void*), const void* what) {
    auto* bio = BIO_new(BIO_s_mem());
    write(bio, what);
    char* bytes = nullptr;
    auto size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

// A self-signed certificate (P-256 or RSA 2048) and its key, as files.
struct Made {
    std::string certificate, key;
    explicit Made(const std::string& name, bool rsa = false) {
        auto* pair = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
        auto* x509 = X509_new();
        X509_set_version(x509, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 7);
        X509_gmtime_adj(X509_getm_notBefore(x509), -60);
        X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
        X509_set_pubkey(x509, pair);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(x509, X509_get_subject_name(x509));
        auto* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
        X509_add_ext(x509, names, -1);
        X509_EXTENSION_free(names);
        X509_sign(x509, pair, EVP_sha256());
        certificate = pem_of([](BIO* to, const void* what) {
            return PEM_write_bio_X509(to, static_cast<const X509*>(what));
        }, x509);
        key = pem_of([](BIO* to, const void* what) {
            return PEM_write_bio_PrivateKey(to, static_cast<const EVP_PKEY*>(what), nullptr, nullptr, 0,
                                            nullptr, nullptr);
        }, pair);
        X509_free(x509);
        EVP_PKEY_free(pair);
    }
    [[nodiscard]] static ir::File file(std::string path, std::string bytes) {
        return std::make_shared<const ir::FileContent>(ir::FileContent{std::move(path), std::move(bytes), false});
    }
    [[nodiscard]] ir::TlsIdentity identity() const {
        ir::TlsIdentity made;
        made.chain = file("c.pem", certificate);
        made.key = file("k.pem", key);
        return made;
    }
    [[nodiscard]] Certificates parsed() const { return {Certificate::parse(identity()).value()}; }
};

inline std::shared_ptr<const TlsContext> accepting(const ir::TlsRules& rules, const Certificates& own) {
    auto made = TlsContext::make(TlsContext::Role::accepts, rules, own);
    EXPECT_TRUE(made) << made.error().text;
    return *made;
}
inline std::shared_ptr<const TlsContext> connecting(const ir::TlsRules& rules) {
    auto made = TlsContext::make(TlsContext::Role::connects, rules, {});
    EXPECT_TRUE(made) << made.error().text;
    return *made;
}

// Both ends are ours.
struct Ends {
    Loop loop;
    Stream client, server;
    std::optional<TlsHandshake> client_result, server_result;

    Ends() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        EXPECT_TRUE(client.open(loop, ends[0]));
        EXPECT_TRUE(server.open(loop, ends[1]));
    }
    Task<void> run(Stream& stream, std::optional<TlsHandshake>& into) {
        into = co_await handshake(stream, never);
    }
    void start(std::unique_ptr<TlsSession> accepts, std::unique_ptr<TlsSession> connects) {
        server.start_tls(std::move(accepts));
        client.start_tls(std::move(connects));
        spawn(run(client, client_result));
        spawn(run(server, server_result));
        turn();
    }
    void turn(int times = 8) {
        for (int i = 0; i < times; ++i) loop.run_once(0);
    }
    static std::string read(Stream& from, std::size_t most = 65536) {
        std::string bytes(most, '\0');
        auto got = from.read(bytes.data(), most);
        bytes.resize(got.state == Io::State::ok ? got.bytes : 0);
        return bytes;
    }
    static std::size_t write(Stream& to, std::string_view bytes) {
        iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
        return to.write({&piece, 1}).bytes;
    }
};

}  // namespace weir::net::test
