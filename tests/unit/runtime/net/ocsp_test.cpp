// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/ocsp.hpp"

#include <gtest/gtest.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "tls_pair.hpp"

namespace weir::net {

namespace {

using test::Made;
using test::pem_of;

std::string pem_of_certificate(X509* x509) {
    return pem_of([](BIO* to, const void* what) { return PEM_write_bio_X509(to, static_cast<const X509*>(what)); }, x509);
}

// Somebody with a key and a certificate, who may sign others and answers.
struct Holder {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();

    Holder(const char* name, long serial, const Holder* issuer, std::initializer_list<std::pair<int, const char*>> extensions) {
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_set_pubkey(certificate, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        auto* from = issuer ? issuer->certificate : certificate;
        X509_set_issuer_name(certificate, X509_get_subject_name(from));
        for (const auto& [nid, value] : extensions) {
            auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
            EXPECT_NE(extension, nullptr) << value;
            X509_add_ext(certificate, extension, -1);
            X509_EXTENSION_free(extension);
        }
        X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256());
    }
    ~Holder() {
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
};

struct Response {
    int status = V_OCSP_CERTSTATUS_GOOD;
    long from = -60, until = 3600;   // seconds from now
    long serial = 0;                 // of another certificate; 0: of the one asked about
};

struct World {
    Holder root{"root", 1, nullptr, {{NID_basic_constraints, "critical,CA:TRUE"}}};
    Holder leaf{"leaf", 2, &root, {{NID_info_access, "OCSP;URI:http://127.0.0.1:81/ask"}}};
    Holder helper{"helper", 3, &root, {{NID_ext_key_usage, "OCSPSigning"}}};
    Holder stranger{"stranger", 1, nullptr, {{NID_basic_constraints, "critical,CA:TRUE"}}};

    [[nodiscard]] ir::TlsIdentity identity(bool with_issuer = true) const {
        ir::TlsIdentity made;
        made.chain = Made::file("c.pem", pem_of_certificate(leaf.certificate) +
                                             (with_issuer ? pem_of_certificate(root.certificate) : std::string()));
        made.status.edit().on = true;
        return made;
    }
    [[nodiscard]] std::string answer(const Holder& signer, const Response& response = {}) const {
        auto* basic = OCSP_BASICRESP_new();
        auto* id = OCSP_cert_to_id(nullptr, leaf.certificate, root.certificate);
        if (response.serial != 0) {
            auto* serial = ASN1_INTEGER_new();
            ASN1_INTEGER_set(serial, response.serial);
            OCSP_CERTID_free(id);
            id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(root.certificate),
                                  X509_get0_pubkey_bitstr(root.certificate), serial);
            ASN1_INTEGER_free(serial);
        }
        auto* from = X509_gmtime_adj(nullptr, response.from);
        auto* until = X509_gmtime_adj(nullptr, response.until);
        auto* revoked = response.status == V_OCSP_CERTSTATUS_REVOKED ? from : nullptr;
        OCSP_basic_add1_status(basic, id, response.status, 0, revoked, from, until);
        OCSP_basic_sign(basic, signer.certificate, signer.key, EVP_sha256(), nullptr, 0);
        auto* whole = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
        unsigned char* bytes = nullptr;
        int size = i2d_OCSP_RESPONSE(whole, &bytes);
        std::string out(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
        OPENSSL_free(bytes);
        OCSP_RESPONSE_free(whole);
        OCSP_BASICRESP_free(basic);
        OCSP_CERTID_free(id);
        ASN1_TIME_free(from);
        ASN1_TIME_free(until);
        return out;
    }
};

const World& world() {
    static const World one;
    return one;
}

std::shared_ptr<const OcspQuestion> question(const ir::TlsIdentity& identity) {
    auto made = OcspQuestion::about(identity);
    EXPECT_TRUE(made) << (made ? "" : made.error());
    return made ? *made : nullptr;
}

}  // namespace

TEST(Ocsp, AsksTheResponderThatTheCertificateNames) {
    auto asked = question(world().identity());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->responder(), "http://127.0.0.1:81/ask");
    EXPECT_EQ(asked->request_path().find_first_of("+/="), std::string::npos);
    const auto* at = reinterpret_cast<const unsigned char*>(asked->request().data());
    auto* request = d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(asked->request().size()));
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(OCSP_request_onereq_count(request), 1);
    OCSP_REQUEST_free(request);
}

TEST(Ocsp, RulesNameAnotherResponder) {
    auto identity = world().identity();
    identity.status.edit().responder = "http://ocsp.test/";
    EXPECT_EQ(question(identity)->responder(), "http://ocsp.test/");
}

TEST(Ocsp, TheIssuerIsFoundBehindItOrAmongTheTrusted) {
    EXPECT_FALSE(OcspQuestion::about(world().identity(false)));
    auto identity = world().identity(false);
    identity.status.edit().trusted = Made::file("ca.pem", pem_of_certificate(world().root.certificate));
    EXPECT_TRUE(OcspQuestion::about(identity));
    // A file of its own (HAProxy).
    identity = world().identity(false);
    identity.issuer = Made::file("c.pem.issuer", pem_of_certificate(world().stranger.certificate));
    EXPECT_FALSE(OcspQuestion::about(identity));
    identity.issuer = Made::file("c.pem.issuer", pem_of_certificate(world().root.certificate));
    EXPECT_TRUE(OcspQuestion::about(identity));
    identity.issuer = nullptr;
    identity.completions = std::make_shared<std::vector<ir::File>>(std::vector<ir::File>{
        Made::file("other.pem", pem_of_certificate(world().stranger.certificate)),
        Made::file("root.pem", pem_of_certificate(world().root.certificate))});
    EXPECT_TRUE(OcspQuestion::about(identity));
}

TEST(Ocsp, AResponseSaysWhenTheNextOneComes) {
    const auto now = std::time(nullptr);
    EXPECT_NEAR(static_cast<double>(next_update_in(world().answer(world().root))), static_cast<double>(now + 3600), 5);
    EXPECT_EQ(next_update_in(""), 0);
    EXPECT_EQ(next_update_in("no response"), 0);
}

TEST(Ocsp, TheIssuerAndWhomItAppointedMaySign) {
    auto asked = question(world().identity());
    for (const auto* signer : {&world().root, &world().helper}) {
        auto read = asked->read(world().answer(*signer));
        ASSERT_TRUE(read) << read.error();
        EXPECT_EQ(read->status, OcspAnswer::Status::good);
        EXPECT_NEAR(static_cast<double>(read->next_update - read->this_update), 3660, 2);
    }
}

TEST(Ocsp, OthersMayNot) {
    auto asked = question(world().identity());
    EXPECT_FALSE(asked->read(world().answer(world().stranger)));
    // One of its certificates is not one for that.
    EXPECT_FALSE(asked->read(world().answer(world().leaf)));
}

TEST(Ocsp, UncheckedSignersAreTakenAsTheyCome) {
    auto identity = world().identity();
    identity.status.edit().checks_signer = false;
    auto asked = question(identity);
    auto bytes = world().answer(world().stranger);
    EXPECT_TRUE(asked->read(bytes));
    // Their signature is looked at all the same: another second of when it was made.
    auto& digit = bytes[bytes.find('Z') - 1];
    digit = static_cast<char>(digit ^ 1);
    EXPECT_FALSE(asked->read(bytes));
}

TEST(Ocsp, SaysWhatTheAnswerSays) {
    auto asked = question(world().identity());
    auto status = [&](int code) { return asked->read(world().answer(world().root, {.status = code}))->status; };
    EXPECT_EQ(status(V_OCSP_CERTSTATUS_REVOKED), OcspAnswer::Status::revoked);
    EXPECT_EQ(status(V_OCSP_CERTSTATUS_UNKNOWN), OcspAnswer::Status::unknown);
}

TEST(Ocsp, AnswersOfAnotherTimeOrCertificateDoNotHold) {
    auto asked = question(world().identity());
    EXPECT_FALSE(asked->read(world().answer(world().root, {.from = -7200, .until = -3600})));
    EXPECT_FALSE(asked->read(world().answer(world().root, {.from = 3600, .until = 7200})));
    auto other = world().answer(world().root, {.serial = 77});
    EXPECT_FALSE(asked->read(other));
    EXPECT_FALSE(asked->is_about(other));
    EXPECT_TRUE(asked->is_about(world().answer(world().stranger)));
    EXPECT_FALSE(asked->read("no response at all"));
    EXPECT_FALSE(asked->read(""));
}

TEST(Ocsp, OnePlaceForOneFileUnderOneSetOfRules) {
    auto one = world().identity(), same = world().identity(), other = world().identity(), off = world().identity();
    other.status.edit().responder = "http://ocsp.test/";
    off.status.edit().on = false;
    EXPECT_EQ(ocsp_place(one).size(), 32u);
    EXPECT_EQ(ocsp_place(one), ocsp_place(same));
    EXPECT_NE(ocsp_place(one), ocsp_place(other));
    EXPECT_EQ(ocsp_place(off), "");
}

}  // namespace weir::net
