// SPDX-License-Identifier: Apache-2.0
// TLS over a socket pair: handshake, flags, records, ends.
#include "runtime/net/tls.hpp"

#include <unistd.h>

#include <optional>

#include "tests/unit/runtime/net/tls_pair.hpp"

namespace weir::net {
namespace {

using test::Ends;
using test::Made;
using How = TlsHandshake::How;

struct Tls : ::testing::Test {
    Made made{"example.test"};
    ir::TlsRules rules;
    Ends ends;

    void start(TlsTarget target = {}) {
        rules.trusted = Made::file("ca.pem", made.certificate);
        ends.start(TlsSession::accept(test::accepting(rules, made.parsed())),
                   TlsSession::connect(test::connecting(rules), target));
    }
    void expect_ready() {
        ASSERT_TRUE(ends.server_result && ends.client_result);
        ASSERT_EQ(ends.server_result->how, How::done) << ends.server_result->why;
        ASSERT_EQ(ends.client_result->how, How::done) << ends.client_result->why;
    }
};

TEST_F(Tls, CarriesBytesBothWays) {
    start({"example.test", "", nullptr});
    expect_ready();
    EXPECT_STREQ(ends.server.tls()->protocol(), "TLSv1.3");
    EXPECT_STREQ(ends.server.tls()->server_name(), "example.test");
    EXPECT_EQ(Ends::write(ends.client, "hello"), 5u);
    ends.turn();
    EXPECT_EQ(Ends::read(ends.server), "hello");
    EXPECT_EQ(Ends::write(ends.server, "world!"), 6u);
    ends.turn();
    EXPECT_EQ(Ends::read(ends.client), "world!");
    EXPECT_FALSE(ends.client.plain());
}

TEST_F(Tls, SmallPiecesGoOutAsOneRecord) {
    start();
    expect_ready();
    Ends::read(ends.client);   // tickets
    char head[] = "head", body[] = "body", end[] = "end";
    iovec pieces[] = {{head, 4}, {body, 0}, {body, 4}, {end, 3}};
    EXPECT_EQ(ends.server.write(pieces).bytes, 11u);
    ends.turn();
    char raw[256];
    // 5 bytes of header, the text, one of type, 16 of authentication.
    EXPECT_EQ(::recv(ends.client.fd(), raw, sizeof raw, MSG_PEEK), 5 + 11 + 1 + 16);
    EXPECT_EQ(Ends::read(ends.client), "headbodyend");
}

TEST_F(Tls, WhatOpenSslHoldsMakesTheStreamReadable) {
    start();
    expect_ready();
    Ends::write(ends.client, "0123456789");
    ends.turn();
    EXPECT_EQ(Ends::read(ends.server, 4), "0123");
    EXPECT_TRUE(ends.server.watch.readable);
    EXPECT_FALSE(ends.server.nothing_to_read());
    EXPECT_EQ(Ends::read(ends.server, 100), "456789");
    EXPECT_EQ(Ends::read(ends.server, 100), "");
    EXPECT_FALSE(ends.server.watch.readable);
}

TEST_F(Tls, OneReadTakesAllRecordsThatAreHere) {
    start();
    expect_ready();
    Ends::write(ends.client, "one ");
    Ends::write(ends.client, "two");
    ends.turn();
    EXPECT_EQ(Ends::read(ends.server), "one two");
    EXPECT_FALSE(ends.server.watch.readable);
}

TEST_F(Tls, TicketsAreNothingToRead) {
    start();
    expect_ready();
    ends.turn();
    EXPECT_TRUE(ends.client.nothing_to_read());
    EXPECT_FALSE(ends.client.watch.readable);
}

TEST_F(Tls, AFullSocketBlocksAndGoesOn) {
    start();
    expect_ready();
    std::string sent(4 << 20, 'x');
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 26);
    std::string_view left = sent;
    std::string got;
    bool was_blocked = false;
    while (got.size() < sent.size()) {
        if (!left.empty()) {
            auto taken = Ends::write(ends.server, left);
            left.remove_prefix(taken);
            if (!left.empty()) {
                was_blocked = true;
                EXPECT_FALSE(ends.server.watch.writable);
            }
        }
        ends.turn(1);
        got += Ends::read(ends.client);
        ends.turn(1);
    }
    EXPECT_TRUE(was_blocked);
    EXPECT_TRUE(got == sent);
}

TEST_F(Tls, CloseSaysGoodbye) {
    start();
    expect_ready();
    ends.client.close();
    ends.turn();
    char byte;
    EXPECT_EQ(ends.server.read(&byte, 1).state, Io::State::end);
    EXPECT_TRUE(ends.server.tls()->ended_cleanly());
}

TEST_F(Tls, AClosedSocketAloneIsNoCleanEnd) {
    start();
    expect_ready();
    ::shutdown(ends.client.fd(), SHUT_WR);
    ends.turn();
    char byte;
    EXPECT_EQ(ends.server.read(&byte, 1).state, Io::State::end);
    EXPECT_FALSE(ends.server.tls()->ended_cleanly());
}

TEST_F(Tls, HalfCloseLeavesTheOtherDirection) {
    start();
    expect_ready();
    Ends::write(ends.client, "ask");
    ends.client.finish_writing();
    ends.turn();
    EXPECT_EQ(Ends::read(ends.server), "ask");
    char byte;
    EXPECT_EQ(ends.server.read(&byte, 1).state, Io::State::end);
    Ends::write(ends.server, "late answer");
    ends.turn();
    EXPECT_EQ(Ends::read(ends.client), "late answer");
}

TEST_F(Tls, TheNameIsChecked) {
    rules.verify = ir::TlsRules::Verify::required;
    rules.trusted = Made::file("ca.pem", made.certificate);
    auto server = rules;
    server.verify = ir::TlsRules::Verify::none;
    ends.start(TlsSession::accept(test::accepting(server, made.parsed())),
               TlsSession::connect(test::connecting(rules), {"other.test", "other.test", nullptr}));
    ASSERT_TRUE(ends.client_result);
    EXPECT_EQ(ends.client_result->how, How::failed);
    EXPECT_STREQ(TlsSession::verify_text(ends.client_result->verify_error), "hostname mismatch");
}

TEST_F(Tls, AnUnknownIssuerIsRefused) {
    rules.verify = ir::TlsRules::Verify::required;
    Made other("ca.test");
    rules.trusted = Made::file("ca.pem", other.certificate);
    auto server = rules;
    server.verify = ir::TlsRules::Verify::none;
    ends.start(TlsSession::accept(test::accepting(server, made.parsed())),
               TlsSession::connect(test::connecting(rules), {}));
    ASSERT_TRUE(ends.client_result && ends.server_result);
    EXPECT_EQ(ends.client_result->how, How::failed);
    EXPECT_STREQ(TlsSession::verify_text(ends.client_result->verify_error), "self-signed certificate");
}

TEST_F(Tls, ASessionIsResumed) {
    auto memory = std::make_shared<TlsMemory>();
    auto accepts = test::accepting(rules, made.parsed());
    auto connects = test::connecting(rules);
    for (bool resumed : {false, true}) {
        Ends one;
        one.start(TlsSession::accept(accepts), TlsSession::connect(connects, {"a.test", "", memory}));
        ASSERT_EQ(one.client_result->how, How::done);
        EXPECT_EQ(one.client.tls()->resumed(), resumed);
        EXPECT_TRUE(one.client.nothing_to_read());   // takes the tickets
    }
}

TEST_F(Tls, BytesReadBeforeTlsAreUsed) {
    auto client = TlsSession::connect(test::connecting(rules), {});
    ends.client.start_tls(std::move(client));
    spawn(ends.run(ends.client, ends.client_result));
    ends.turn();
    std::string early = Ends::read(ends.server);
    ASSERT_FALSE(early.empty());
    ends.server.start_tls(TlsSession::accept(test::accepting(rules, made.parsed()), {}, early));
    spawn(ends.run(ends.server, ends.server_result));
    ends.turn();
    expect_ready();
}

TEST_F(Tls, PlainTextIsGivenBack) {
    ends.server.start_tls(TlsSession::accept(test::accepting(rules, made.parsed())));
    spawn(ends.run(ends.server, ends.server_result));
    Ends::write(ends.client, "GET / HTTP/1.1\r\n");
    ends.turn();
    ASSERT_TRUE(ends.server_result);
    EXPECT_EQ(ends.server_result->how, How::not_tls);
    EXPECT_EQ(ends.server.stop_tls(), "GET / HTTP/1.1\r\n");
    EXPECT_TRUE(ends.server.plain());
}

TEST_F(Tls, APeerThatGoesAwayEndsTheHandshake) {
    ends.server.start_tls(TlsSession::accept(test::accepting(rules, made.parsed())));
    spawn(ends.run(ends.server, ends.server_result));
    ends.client.close();
    ends.turn();
    ASSERT_TRUE(ends.server_result);
    EXPECT_EQ(ends.server_result->how, How::closed);
}

TEST_F(Tls, ThePickerChoosesTheCertificate) {
    Made other("other.test");
    struct Choice {
        Certificates own;
        std::string asked;
    } choice{other.parsed(), ""};
    TlsPicker picker{&choice, [](void* owner, TlsSession& session, const TlsHello& hello) {
        auto& self = *static_cast<Choice*>(owner);
        self.asked = hello.server_name;
        return session.use(self.own);
    }};
    rules.verify = ir::TlsRules::Verify::required;
    rules.trusted = Made::file("ca.pem", other.certificate);
    auto server = rules;
    server.verify = ir::TlsRules::Verify::none;
    ends.start(TlsSession::accept(test::accepting(server, made.parsed()), picker),
               TlsSession::connect(test::connecting(rules), {"Other.Test", "other.test", nullptr}));
    expect_ready();
    EXPECT_EQ(choice.asked, "Other.Test");
}

TEST_F(Tls, AlpnTakesOurFirst) {
    rules.alpn = {"http/1.1", "x"};
    auto client = rules;
    client.alpn = {"x", "http/1.1"};
    ends.start(TlsSession::accept(test::accepting(rules, made.parsed())),
               TlsSession::connect(test::connecting(client), {}));
    expect_ready();
    EXPECT_EQ(ends.server.tls()->alpn(), "http/1.1");
    EXPECT_EQ(ends.client.tls()->alpn(), "http/1.1");
}

TEST(Certificate, AKeyThatDoesNotFitIsRefused) {
    Made one("a.test"), two("b.test");
    auto identity = one.identity();
    identity.key = Made::file("k2.pem", two.key);
    auto parsed = Certificate::parse(identity);
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().text.find("key values mismatch"), std::string::npos) << parsed.error().text;
}

TEST(Certificate, AFileWithoutOneIsRefused) {
    Made one("a.test");
    auto identity = one.identity();
    identity.chain = Made::file("none.pem", "nothing");
    auto parsed = Certificate::parse(identity);
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().text.find("cannot load certificate \"none.pem\""), std::string::npos);
}

}  // namespace
}  // namespace weir::net
