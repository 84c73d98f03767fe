// SPDX-License-Identifier: Apache-2.0
// TLS towards clients: whose certificate is taken, and what is resumed where.
#include <map>
#include <optional>

#include "runtime/net/tls_facts.hpp"
#include "tests/unit/runtime/net/tls_pair.hpp"

namespace weir::net {
namespace {

using test::Ends;
using test::Made;
using How = TlsHandshake::How;
using Verify = ir::TlsRules::Verify;

// Keys and sessions of a process by itself.
struct Kept {
    std::optional<TlsTicketKey> key;
    std::map<std::string, std::string, std::less<>> sessions;

    Kept() {
        TlsKeeper keeper;
        keeper.self = this;
        keeper.newest_key = [](void* self, TlsTicketKey& into) {
            auto& mine = static_cast<Kept*>(self)->key;
            if (!mine) {
                mine.emplace();
                std::fill(std::begin(mine->name), std::end(mine->name), 'n');
                std::fill(std::begin(mine->aes), std::end(mine->aes), 'a');
                std::fill(std::begin(mine->hmac), std::end(mine->hmac), 'h');
            }
            into = *mine;
            return true;
        };
        keeper.find_key = [](void* self, const unsigned char* name, TlsTicketKey& into, bool& newest) {
            newest = true;
            return name[0] == 'n' &&
                   static_cast<Kept*>(self)->key && (into = *static_cast<Kept*>(self)->key, true);
        };
        keeper.put = [](void* self, std::string_view id, std::string_view session) {
            static_cast<Kept*>(self)->sessions[std::string(id)] = session;
        };
        keeper.find = [](void* self, std::string_view id, std::string& session) {
            auto& all = static_cast<Kept*>(self)->sessions;
            auto found = all.find(id);
            if (found == all.end()) return false;
            session = found->second;
            return true;
        };
        keep_sessions_by(keeper);
    }
    ~Kept() { keep_sessions_by({}); }
};

struct Accept : ::testing::Test {
    Kept kept;
    Made own{"own.test"}, authority{"client.test"};
    ir::TlsProfile profile;
    ir::TlsRules client;
    Certificates mine = own.parsed();
    std::string scope = "one";

    std::shared_ptr<const TlsContext> made() {
        auto context = TlsContext::accepting(profile);
        EXPECT_TRUE(context) << context.error().text;
        return *context;
    }
    std::unique_ptr<TlsSession> session() {
        TlsPicker picker{this, [](void* owner, TlsSession& session, const TlsHello&) {
            auto& self = *static_cast<Accept*>(owner);
            session.set_scope(self.scope);
            return session.use(self.mine);
        }};
        return TlsSession::accept(made(), picker);
    }
    // Connects, with the client's certificate or without; `ends` has the outcome.
    void connect(Ends& ends, bool shows = false, std::shared_ptr<TlsMemory> memory = nullptr) {
        auto context = TlsContext::make(TlsContext::Role::connects, client,
                                        shows ? authority.parsed() : Certificates{});
        ends.start(session(), TlsSession::connect(*context, {"own.test", "", std::move(memory)}));
    }
    void demand(Verify verify, bool ends_handshake) {
        profile.rules.verify = verify;
        profile.bad_certificate_ends = ends_handshake;
        profile.announced = Made::file("ca.pem", authority.certificate);
    }
};

TEST_F(Accept, AMissingCertificateEndsTheHandshakeOrIsToldLater) {
    client.versions = ir::TlsVersions("01000");   // the client of 1.3 is done before it hears of it
    for (bool ends_it : {false, true}) {
        demand(Verify::required, ends_it);
        Ends ends;
        connect(ends);
        EXPECT_EQ(ends.server_result->how, ends_it ? How::failed : How::done);
        if (!ends_it) {
            EXPECT_FALSE(ends.server.tls()->has_peer_certificate());
        }
    }
}

TEST_F(Accept, AnUnknownIssuerIsNoted) {
    demand(Verify::optional, false);
    profile.announced = Made::file("ca.pem", own.certificate);
    Ends ends;
    connect(ends, true);
    ASSERT_EQ(ends.server_result->how, How::done) << ends.server_result->why;
    EXPECT_EQ(ends.server.tls()->verify_error(), 18);
    EXPECT_EQ(ends.server.tls()->errors().error, 18);
    Arena arena;
    TlsFacts facts(*ends.server.tls());
    EXPECT_EQ(facts.text(ir::TlsFact::verdict, "", arena), "FAILED:self-signed certificate");
    EXPECT_EQ(facts.text(ir::TlsFact::subject, "CN", arena), "client.test");
    EXPECT_EQ(facts.text(ir::TlsFact::subject, "", arena), "/CN=client.test");
    EXPECT_EQ(facts.text(ir::TlsFact::own_subject, "CN,1", arena), "own.test");
    EXPECT_EQ(facts.text(ir::TlsFact::subject, "CN,2", arena).data(), nullptr);
    EXPECT_EQ(facts.text(ir::TlsFact::subject, ",0,rfc2253", arena), "CN=client.test");
}

TEST_F(Accept, ErrorsCanBeIgnored) {
    demand(Verify::required, true);
    profile.announced = Made::file("ca.pem", own.certificate);
    client.versions = ir::TlsVersions("01000");
    Ends refused;
    connect(refused, true);
    EXPECT_EQ(refused.server_result->how, How::failed);
    EXPECT_TRUE(refused.server.tls()->errors().ended);
    profile.ignored_errors = {18};
    Ends taken;
    connect(taken, true);
    EXPECT_EQ(taken.server_result->how, How::done);
}

TEST_F(Accept, FactsOutliveTheStream) {
    demand(Verify::optional, false);
    Ends ends;
    connect(ends, true);
    ASSERT_EQ(ends.server_result->how, How::done);
    TlsFacts facts(*ends.server.tls());
    ends.server.close();
    Arena arena;
    EXPECT_EQ(facts.protocol(), "TLSv1.3");
    EXPECT_EQ(facts.server_name(), "own.test");
    EXPECT_EQ(facts.text(ir::TlsFact::verdict, "", arena), "SUCCESS");
    EXPECT_EQ(facts.text(ir::TlsFact::serial_hex, "", arena), "07");
    EXPECT_EQ(facts.number(ir::TlsFact::certificate_known), 1);
}

TEST_F(Accept, SessionsAreResumedInAnotherContext) {
    for (const char* versions : {"01000", "10000"})
        for (bool tickets : {true, false}) {
            profile.session_table = true;
            profile.rules.tickets = tickets;
            client.versions = ir::TlsVersions(versions);
            auto memory = std::make_shared<TlsMemory>();
            for (int round = 0; round < 4; ++round) {
                Ends ends;
                connect(ends, false, memory);
                ASSERT_EQ(ends.server_result->how, How::done);
                EXPECT_EQ(ends.server.tls()->resumed(), round != 0) << versions << tickets;
                ends.client.nothing_to_read();
            }
        }
}

TEST_F(Accept, SessionsOfAnotherScopeAreNot) {
    for (const char* versions : {"01000", "10000"}) {
        client.versions = ir::TlsVersions(versions);
        auto memory = std::make_shared<TlsMemory>();
        Ends first;
        scope = "one";
        connect(first, false, memory);
        first.client.nothing_to_read();
        scope = "two";
        Ends second;
        connect(second, false, memory);
        ASSERT_EQ(second.server_result->how, How::done);
        EXPECT_FALSE(second.server.tls()->resumed()) << versions;
    }
}

TEST(TicketKeys, BothFormsAreRead) {
    auto raw = [](std::size_t size) { return Made::file("k", std::string(size, 'r')); };
    auto keys = read_ticket_keys({raw(48), raw(80)});
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0].aes_bytes, 16);
    EXPECT_EQ(keys[1].aes_bytes, 32);
    // 48 bytes of 'a', 'b', 'c' each.
    auto line = [](char digit) { return std::string(64, digit) + "\n"; };
    keys = read_ticket_keys({Made::file("k", line('Y') + line('Z') + line('a'))});
    ASSERT_EQ(keys.size(), 3u);
    EXPECT_EQ(keys[0].name[0], 0x65);   // 'Z' is 25: 011001 01...
    EXPECT_TRUE(read_ticket_keys({Made::file("k", "no key\n")}).empty());
}

TEST(CertificateNames, OfACertificate) {
    Made made("Names.Test");
    EXPECT_EQ(names_in(made.certificate), (std::vector<std::string>{"names.test", "names.test"}));
    EXPECT_TRUE(names_in("nothing").empty());
    // Behind other blocks of the file, in front of others.
    EXPECT_EQ(names_in(made.key + made.certificate + Made("other.test").certificate),
              (std::vector<std::string>{"names.test", "names.test"}));
}

// Cut off anywhere, the bytes of a certificate are nonsense and nothing worse.
TEST(CertificateNames, OfBytesThatAreCutOff) {
    Made made("cut.test");
    std::unique_ptr<BIO, decltype(&BIO_free)> from(
        BIO_new_mem_buf(made.certificate.data(), static_cast<int>(made.certificate.size())), BIO_free);
    char *name = nullptr, *header = nullptr;
    unsigned char* der = nullptr;
    long size = 0;
    ASSERT_EQ(PEM_read_bio(from.get(), &name, &header, &der, &size), 1);
    for (long left = 0; left < size; ++left) {
        std::unique_ptr<BIO, decltype(&BIO_free)> to(BIO_new(BIO_s_mem()), BIO_free);
        PEM_write_bio(to.get(), name, "", der, left);
        char* text = nullptr;
        auto length = BIO_get_mem_data(to.get(), &text);
        EXPECT_TRUE(names_in({text, static_cast<std::size_t>(length)}).empty()) << left;
    }
    for (void* one : {static_cast<void*>(name), static_cast<void*>(header), static_cast<void*>(der)}) OPENSSL_free(one);
}

// The forms that keys come in, one after the other: the decoder is used again.
TEST(Certificate, TakesKeysOfEachForm) {
    for (bool rsa : {false, true}) {
        Made made("forms.test", rsa);
        std::unique_ptr<BIO, decltype(&BIO_free)> from(
            BIO_new_mem_buf(made.key.data(), static_cast<int>(made.key.size())), BIO_free);
        std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
            PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
        auto form = [&](int (*write)(BIO*, const void*)) { return test::pem_of(write, key.get()); };
        auto traditional = form([](BIO* to, const void* what) {
            return PEM_write_bio_PrivateKey_traditional(to, static_cast<const EVP_PKEY*>(what), nullptr, nullptr, 0,
                                                        nullptr, nullptr);
        });
        auto encrypted = form([](BIO* to, const void* what) {
            return PEM_write_bio_PKCS8PrivateKey(to, static_cast<const EVP_PKEY*>(what), EVP_aes_128_cbc(), "secret",
                                                 6, nullptr, nullptr);
        });
        auto combined = made.certificate + "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        auto identity = made.identity();
        for (const auto& text : {made.key, traditional, encrypted, combined + made.key, combined + traditional}) {
            identity.key = Made::file("k.pem", text);
            identity.passwords = Made::file("p", "wrong\nsecret\n");
            auto parsed = Certificate::parse(identity);
            EXPECT_TRUE(parsed) << text << (parsed ? "" : parsed.error().text);
        }
        for (const auto& text : {std::string("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                                 std::string("PRIVATE KEY-----"), Made("another.test", rsa).key}) {
            identity.key = Made::file("k.pem", text);
            EXPECT_FALSE(Certificate::parse(identity)) << text;
        }
    }
}

}  // namespace
}  // namespace weir::net
