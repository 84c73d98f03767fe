// SPDX-License-Identifier: Apache-2.0
// From bytes to what OpenSSL works with: certificates, keys, trust, rules. Runs when a plan is
// compiled, off the event loop.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>

#include "runtime/net/tls.hpp"
#include "runtime/net/tls_hooks.hpp"

namespace weir::net {

namespace {

struct BioCloser {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioCloser>;

BioPointer bio_over(std::string_view bytes) {
    return BioPointer(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

// " (SSL: error:05800074:x509 certificate routines::key values mismatch)"
std::string because() {
    std::string text;
    while (auto code = ERR_get_error()) {
        char line[256];
        ERR_error_string_n(code, line, sizeof line);
        text += text.empty() ? " (SSL: " : " ";
        text += line;
    }
    return text.empty() ? text : text + ")";
}

TlsProblem problem(Span span, std::string text) { return {std::move(span), std::move(text) + because()}; }

// The end of a PEM file is an "error", too.
bool at_end_of_pem() {
    auto last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return false;
    ERR_clear_error();
    return true;
}

int give_password(char* into, int room, int, void* password) {
    const auto& text = *static_cast<const std::string_view*>(password);
    if (text.size() > static_cast<std::size_t>(room)) return 0;
    std::memcpy(into, text.data(), text.size());
    return static_cast<int>(text.size());
}

EVP_PKEY* read_key(const ir::TlsIdentity& from) {
    std::string_view passwords = from.passwords ? std::string_view(from.passwords->bytes) : "";
    do {
        auto end = passwords.find('\n');
        auto password = passwords.substr(0, end);
        if (password.ends_with('\r')) password.remove_suffix(1);
        passwords = end == passwords.npos ? "" : passwords.substr(end + 1);
        ERR_clear_error();
        auto bio = bio_over(from.key->bytes);
        if (auto* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password)) return key;
    } while (!passwords.empty());
    return nullptr;
}

}  // namespace

Certificate::~Certificate() {
    X509_free(leaf_);
    EVP_PKEY_free(key_);
    for (auto* one : chain_) X509_free(one);
}

Expected<std::shared_ptr<const Certificate>, TlsProblem> Certificate::parse(const ir::TlsIdentity& from) {
    std::shared_ptr<Certificate> made(new Certificate);
    ERR_clear_error();
    auto what = "cannot load certificate \"" + from.chain->path + "\"";
    auto bio = bio_over(from.chain->bytes);
    made->leaf_ = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr);
    if (!made->leaf_) return Unexpected{problem(from.chain_span, what + ": PEM_read_bio_X509_AUX() failed")};
    while (auto* more = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) made->chain_.push_back(more);
    if (!at_end_of_pem()) return Unexpected{problem(from.chain_span, what + ": PEM_read_bio_X509() failed")};
    made->key_ = read_key(from);
    if (!made->key_)
        return Unexpected{problem(from.key_span, "cannot load certificate key \"" + from.key->path +
                                                     "\": PEM_read_bio_PrivateKey() failed")};
    ERR_clear_error();
    if (X509_check_private_key(made->leaf_, made->key_) != 1)
        return Unexpected{problem(from.key_span, "the key \"" + from.key->path +
                                                     "\" does not belong to the certificate \"" +
                                                     from.chain->path + "\"")};
    return std::shared_ptr<const Certificate>(std::move(made));
}

namespace {

// Adds the certificates of a file to what is trusted.
Expected<void, TlsProblem> trust(X509_STORE* store, const ir::FileContent& file) {
    auto bio = bio_over(file.bytes);
    std::size_t count = 0;
    while (auto* one = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(store, one);   // twice the same is fine
        X509_free(one);
        ++count;
    }
    if (!at_end_of_pem() || count == 0)
        return Unexpected{problem({}, "cannot load CA certificates \"" + file.path + "\"")};
    return {};
}

Expected<void, TlsProblem> revoke(X509_STORE* store, const ir::FileContent& file) {
    auto bio = bio_over(file.bytes);
    std::size_t count = 0;
    while (auto* one = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_crl(store, one);
        X509_CRL_free(one);
        ++count;
    }
    if (!at_end_of_pem() || count == 0)
        return Unexpected{problem({}, "cannot load revocation list \"" + file.path + "\"")};
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return {};
}

constexpr int version_numbers[] = {SSL3_VERSION, TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
                                   TLS1_3_VERSION};
constexpr std::uint64_t version_switches[] = {SSL_OP_NO_SSLv3, SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1,
                                              SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};

std::uint64_t without(const ir::TlsVersions& versions) {
    std::uint64_t options = 0;
    for (std::size_t i = 0; i < versions.size(); ++i)
        if (!versions[i]) options |= version_switches[i];
    return options;
}

void set_versions(SSL_CTX* context, const ir::TlsVersions& versions) {
    int least = 0, most = 0;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (!versions[i]) continue;
        if (least == 0) least = version_numbers[i];
        most = version_numbers[i];
    }
    SSL_CTX_set_min_proto_version(context, least);
    SSL_CTX_set_max_proto_version(context, most);
    SSL_CTX_set_options(context, without(versions));
}

std::string wire_form(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) {
        if (name.empty() || name.size() > 255) continue;
        out += static_cast<char>(name.size());
        out += name;
    }
    return out;
}

Expected<void, TlsProblem> run_commands(SSL_CTX* context, bool accepts, const ir::TlsRules& rules) {
    if (rules.commands.empty()) return {};
    struct Closer {
        void operator()(SSL_CONF_CTX* of) const { SSL_CONF_CTX_free(of); }
    };
    std::unique_ptr<SSL_CONF_CTX, Closer> conf(SSL_CONF_CTX_new());
    SSL_CONF_CTX_set_flags(conf.get(), SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SHOW_ERRORS |
                                           SSL_CONF_FLAG_CERTIFICATE |
                                           (accepts ? SSL_CONF_FLAG_SERVER : SSL_CONF_FLAG_CLIENT));
    SSL_CONF_CTX_set_ssl_ctx(conf.get(), context);
    for (const auto& [name, value] : rules.commands)
        if (SSL_CONF_cmd(conf.get(), name.c_str(), value.c_str()) <= 0)
            return Unexpected{problem({}, "SSL_CONF_cmd(\"" + name + "\", \"" + value + "\") failed")};
    if (SSL_CONF_CTX_finish(conf.get()) != 1)
        return Unexpected{problem({}, "SSL_CONF_CTX_finish() failed")};
    return {};
}

Expected<void, TlsProblem> set_algorithms(SSL_CTX* context, const ir::TlsRules& rules) {
    auto failed = [](const char* call, const std::string& text) {
        return Unexpected{problem({}, std::string(call) + "(\"" + text + "\") failed")};
    };
    if (!rules.ciphers.empty() && SSL_CTX_set_cipher_list(context, rules.ciphers.c_str()) != 1)
        return failed("SSL_CTX_set_cipher_list", rules.ciphers);
    if (!rules.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, rules.ciphersuites.c_str()) != 1)
        return failed("SSL_CTX_set_ciphersuites", rules.ciphersuites);
    if (!rules.groups.empty() && rules.groups != "auto" &&
        SSL_CTX_set1_groups_list(context, rules.groups.c_str()) != 1)
        return failed("SSL_CTX_set1_curves_list", rules.groups);
    if (!rules.signatures.empty() && SSL_CTX_set1_sigalgs_list(context, rules.signatures.c_str()) != 1)
        return failed("SSL_CTX_set1_sigalgs_list", rules.signatures);
    if (!rules.client_signatures.empty() &&
        SSL_CTX_set1_client_sigalgs_list(context, rules.client_signatures.c_str()) != 1)
        return failed("SSL_CTX_set1_client_sigalgs_list", rules.client_signatures);
    return {};
}

int verify_mode(bool accepts, ir::TlsRules::Verify verify) {
    using Verify = ir::TlsRules::Verify;
    if (verify == Verify::none) return SSL_VERIFY_NONE;
    int mode = SSL_VERIFY_PEER;
    if (accepts && verify == Verify::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return mode;
}

STACK_OF(X509) * chain_of(const Certificate& certificate) {
    auto* chain = sk_X509_new_null();
    for (auto* one : certificate.chain()) sk_X509_push(chain, one);
    return chain;
}

}  // namespace

Expected<std::shared_ptr<const TlsContext>, TlsProblem> TlsContext::make(Role role,
                                                                         const ir::TlsRules& rules,
                                                                         const Certificates& own) {
    bool accepts = role == Role::accepts;
    std::shared_ptr<TlsContext> made(new TlsContext);
    ERR_clear_error();
    auto* context = made->context_ = SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method());
    if (!context) return Unexpected{problem({}, "SSL_CTX_new() failed")};
    made->rules_ = rules;
    made->alpn_ = wire_form(rules.alpn);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_SINGLE_DH_USE |
                                     SSL_OP_SINGLE_ECDH_USE | (rules.tickets ? 0 : SSL_OP_NO_TICKET));
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 1);
    set_versions(context, rules.versions);
    if (auto set = set_algorithms(context, rules); !set) return Unexpected{set.error()};
    for (const auto& one : own) {
        auto* chain = chain_of(*one);
        int used = SSL_CTX_use_cert_and_key(context, one->leaf(), one->key(), chain, 0);
        sk_X509_free(chain);
        if (used != 1) return Unexpected{problem({}, "SSL_CTX_use_certificate() failed")};
    }
    auto* store = SSL_CTX_get_cert_store(context);
    if (rules.trusted && !rules.trusted->left_out)
        if (auto done = trust(store, *rules.trusted); !done) return Unexpected{done.error()};
    if (rules.revoked && !rules.revoked->left_out)
        if (auto done = revoke(store, *rules.revoked); !done) return Unexpected{done.error()};
    if (rules.trusts_system) SSL_CTX_set_default_verify_paths(context);
    SSL_CTX_set_verify(context, verify_mode(accepts, rules.verify), nullptr);
    SSL_CTX_set_verify_depth(context, rules.verify_depth);
    if (accepts) {
        SSL_CTX_set_client_hello_cb(context, TlsHooks::on_hello, nullptr);
        SSL_CTX_set_alpn_select_cb(context, TlsHooks::on_alpn, nullptr);
    } else {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, TlsHooks::on_new_session);
        if (!made->alpn_.empty())
            SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(made->alpn_.data()),
                                    static_cast<unsigned>(made->alpn_.size()));
    }
    if (auto done = run_commands(context, accepts, rules); !done) return Unexpected{done.error()};
    ERR_clear_error();
    return std::shared_ptr<const TlsContext>(std::move(made));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

void TlsHooks::take_rules(SSL* ssl, const TlsContext& from) {
    auto* context = from.get();
    SSL_clear_options(ssl, SSL_get_options(ssl) & ~SSL_CTX_get_options(context));
    SSL_set_options(ssl, SSL_CTX_get_options(context));
    SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(context)));
    SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(context)));
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), SSL_CTX_get_verify_callback(context));
    SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(context));
    const auto& rules = from.rules_;
    if (!rules.ciphersuites.empty()) SSL_set_ciphersuites(ssl, rules.ciphersuites.c_str());
    if (!rules.groups.empty() && rules.groups != "auto") SSL_set1_groups_list(ssl, rules.groups.c_str());
}

bool TlsSession::use(const Certificates& certificates) {
    SSL_certs_clear(ssl_);
    for (const auto& one : certificates) {
        auto* chain = chain_of(*one);
        int used = SSL_use_cert_and_key(ssl_, one->leaf(), one->key(), chain, 1);
        sk_X509_free(chain);
        if (used != 1) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

}  // namespace weir::net
