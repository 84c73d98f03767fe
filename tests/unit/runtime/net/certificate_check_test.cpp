// SPDX-License-Identifier: Apache-2.0
// The quick answer to whether a key belongs to a certificate never says yes where OpenSSL says no.
#include "tests/unit/runtime/net/tls_pair.hpp"

namespace weir::net {
namespace {

using test::Made;

struct Key {
    explicit Key(const std::string& pem)
        : from(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))),
          key(PEM_read_bio_PrivateKey(from, nullptr, nullptr, nullptr)) {}
    ~Key() {
        EVP_PKEY_free(key);
        BIO_free(from);
    }
    Key(const Key&) = delete;
    Key& operator=(const Key&) = delete;
    [[nodiscard]] std::string written(int (*write)(BIO*, const void*)) const { return test::pem_of(write, key); }
    [[nodiscard]] std::string traditional() const {
        return written([](BIO* to, const void* what) {
            return PEM_write_bio_PrivateKey_traditional(to, static_cast<const EVP_PKEY*>(what), nullptr, nullptr, 0,
                                                        nullptr, nullptr);
        });
    }
    [[nodiscard]] std::string encrypted() const {
        return written([](BIO* to, const void* what) {
            return PEM_write_bio_PKCS8PrivateKey(to, static_cast<const EVP_PKEY*>(what), EVP_aes_128_cbc(), "secret", 6,
                                                 nullptr, nullptr);
        });
    }
    BIO* from;
    EVP_PKEY* key;
};

bool fits(const std::string& chain, const std::string& key) {
    ir::TlsIdentity identity;
    identity.chain = Made::file("c.pem", chain);
    identity.key = Made::file("k.pem", key);
    return Certificate::fits_plainly(identity);
}

TEST(CertificateCheck, FitsWhatBelongsTogether) {
    for (bool rsa : {false, true}) {
        Made made("own.test", rsa), other("other.test", rsa);
        const auto traditional = Key(made.key).traditional();
        for (const auto& key : {made.key, traditional}) {
            EXPECT_TRUE(fits(made.certificate, key)) << key;
            // In one file, in either order, with what stands between them in the world.
            const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
            EXPECT_TRUE(fits(made.certificate + parameters + key, made.certificate + parameters + key));
            EXPECT_TRUE(fits(key + made.certificate, key + made.certificate));
            EXPECT_TRUE(fits(made.certificate + other.certificate, key));   // a chain
            EXPECT_FALSE(fits(other.certificate, key));
            EXPECT_FALSE(fits(other.certificate + made.certificate, key));
            EXPECT_FALSE(fits(Made("unlike.test", !rsa).certificate, key));
        }
        EXPECT_FALSE(fits(made.certificate, other.key));
    }
}

TEST(CertificateCheck, LeavesTheUnusualToOpenSsl) {
    Made made("own.test");
    const auto encrypted = Key(made.key).encrypted();
    for (const auto& key : {encrypted, std::string(), std::string("PRIVATE KEY-----"),
                            std::string("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")})
        EXPECT_FALSE(fits(made.certificate, key)) << key;
    EXPECT_FALSE(fits("", made.key));
    EXPECT_FALSE(fits("nothing\n", made.key));
    EXPECT_FALSE(fits(made.certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", made.key));
    EXPECT_FALSE(fits(made.certificate + "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", made.key));
    EXPECT_FALSE(fits(made.certificate.substr(0, made.certificate.size() / 2), made.key));
}

// Whatever bit of either file is wrong: where this says yes, OpenSSL does.
TEST(CertificateCheck, SaysNothingThatOpenSslDenies) {
    Made made("own.test");
    unsigned agreed = 0;
    for (bool in_key : {false, true}) {
        const auto& text = in_key ? made.key : made.certificate;
        const auto begin = text.find('\n') + 1, end = text.rfind("\n-----END");
        for (auto at = begin; at < end; ++at) {
            auto wrong = text;
            if (wrong[at] == '\n') continue;
            wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
            ir::TlsIdentity identity = made.identity();
            (in_key ? identity.key : identity.chain) = Made::file("x.pem", wrong);
            if (!Certificate::fits_plainly(identity)) continue;
            ++agreed;
            auto parsed = Certificate::parse(identity);
            EXPECT_TRUE(parsed) << (in_key ? "key " : "certificate ") << at << ": " << (parsed ? "" : parsed.error().text);
        }
    }
    EXPECT_GT(agreed, 0U);   // a changed name, or a number of the signature
}

}  // namespace
}  // namespace weir::net
