// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/services.hpp"

#include <gtest/gtest.h>

namespace weir::warden {
namespace {

using Kind = Finding::Kind;
using zone::CheckCode;
using namespace std::string_view_literals;

void expect(const Finding& finding, Kind kind, CheckCode code, std::string_view text, int status = 0) {
    EXPECT_EQ(finding.kind, kind);
    if (kind == Kind::undecided) return;
    EXPECT_EQ(finding.code, code);
    EXPECT_EQ(finding.text, text);
    EXPECT_EQ(finding.status, status);
}
void undecided(std::string_view service, std::string_view bytes) {
    EXPECT_EQ(examine_service(service, bytes, false).kind, Kind::undecided) << service;
    EXPECT_NE(examine_service(service, bytes, true).kind, Kind::undecided) << service;
}

TEST(Services, Smtp) {
    expect(examine_service("smtp", "220 ready here\r\n", false), Kind::met, CheckCode::l7_ok, "ready here", 220);
    expect(examine_service("smtp", "250-a\r\n250-b\r\n250 last\r\n", false), Kind::met, CheckCode::l7_ok, "last", 250);
    expect(examine_service("smtp", "421 later\r\n", false), Kind::failed, CheckCode::l7_status, "later", 421);
    expect(examine_service("smtp", "hello\r\n", false), Kind::failed, CheckCode::l7_invalid, "hello");
    undecided("smtp", "250-a\r\n");
    undecided("smtp", "22");
}

TEST(Services, RedisAndPostgresql) {
    expect(examine_service("redis", "+PONG\r\n", false), Kind::met, CheckCode::l7_ok, "Redis server is ok");
    expect(examine_service("redis", "-ERR no\r\n", false), Kind::failed, CheckCode::l7_status, "-ERR no");
    undecided("redis", "+PON");
    expect(examine_service("pgsql", "R\0\0\0\x08\0\0\0\0"sv, false), Kind::met, CheckCode::l7_ok, "PostgreSQL server is ok");
    expect(examine_service("pgsql", "E\0\0\0\x0bSFATAL\0"sv, false), Kind::failed, CheckCode::l7_invalid, "FATAL");
    expect(examine_service("pgsql", "HTTP", false), Kind::failed, CheckCode::l7_status, "PostgreSQL unknown error");
    undecided("pgsql", "");
}

TEST(Services, Ldap) {
    expect(examine_service("ldap", "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"sv, false), Kind::met,
           CheckCode::l7_ok, "Success");
    expect(examine_service("ldap", "\x30\x84\0\0\0\x10\x02\x01\x01\x61\x84\0\0\0\x07\x0a\x01\x00"sv, false), Kind::met,
           CheckCode::l7_ok, "Success");
    expect(examine_service("ldap", "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x01\x04\x00\x04\x00"sv, false), Kind::failed,
           CheckCode::l7_status, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9", 1);
    expect(examine_service("ldap", "\x30\x0c\x02\x01\x01\x60\x07\x0a\x01\x00\x04\x00\x04\x00"sv, false), Kind::failed,
           CheckCode::l7_invalid, "Not LDAPv3 protocol");
    undecided("ldap", "\x30\x84\0\0"sv);
}

TEST(Services, Mysql) {
    expect(examine_service("mysql_greeting", "\x08\0\0\0\x0a" "8.0.1\0x"sv, false), Kind::met, CheckCode::l7_ok, "8.0.1");
    expect(examine_service("mysql_greeting", "\x06\0\0\0\xff\x10\x04" "too"sv, false), Kind::failed,
           CheckCode::l7_status, "too", 1040);
    expect(examine_service("mysql_answer", "\x03\0\0\x02\0\0\0"sv, false), Kind::met, CheckCode::l7_ok, "");
    undecided("mysql_answer", "\x07\0\0\x02\0\0"sv);
}

TEST(Services, AgentAndHello) {
    expect(examine_service("spop", "\0\0\0\x14\x65\0\0\0\x01\0\0\x07version\x08\x03" "2.0"sv, false), Kind::met,
           CheckCode::l7_ok, "SPOA server is ok");
    expect(examine_service("spop", "\0\0\0\x14\x65\0\0\0\x01\0\0\x07version\x08\x03" "1.0"sv, false), Kind::failed,
           CheckCode::l7_invalid, "unsupported version");
    expect(examine_service("spop", "\0\0\0\0"sv, false), Kind::failed, CheckCode::l7_invalid, "invalid frame received");
    undecided("spop", "\0\0"sv);
    expect(examine_service("ssl_hello", "\x15\x03"sv, false), Kind::met, CheckCode::l6_ok, "");
    expect(examine_service("ssl_hello", "HTTP", false), Kind::failed, CheckCode::l6_invalid,
           "TCPCHK did not match content at step 2");
    undecided("ssl_hello", "");
}

}  // namespace
}  // namespace weir::warden
