// SPDX-License-Identifier: Apache-2.0
// Values of HAProxy's fetches are what HAProxy 2.6.12 gave for the same request.
#include "runtime/route/eval.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using F = ir::Fetch;
using C = ir::Converter;
using How = ir::PatternSet::How;
constexpr auto every = ir::occurrence::every;

const char request[] =
    "GET /p/a?p=1&q=%20x&e=&p=2 HTTP/1.1\r\nHost: Ho.st:80\r\nX-L: a, b ,c\r\nX-L: d,e\r\n"
    "X-Quoted: \"a,b\",c\r\nCookie: a=1; b=2; a=3\r\nCookie: a=4\r\nX-Forwarded-For: 10.0.0.1, "
    "10.0.0.2\r\n"
    "Authorization: Basic dXNlcjpwYXNz\r\n\r\n";

struct Haproxy : testing::Test {
    BenchSubject bench{false};
    void SetUp() override { bench.receive(request); }
};
struct Nginx : testing::Test {
    BenchSubject bench{true};
    void SetUp() override { bench.receive(request); }
};

TEST_F(Haproxy, HeaderOccurrences) {
    auto value = [&](std::int64_t n) { return bench.show(fetch(F::request_header, "x-l", n)); };
    EXPECT_EQ(value(1), "a");
    EXPECT_EQ(value(2), "b");
    EXPECT_EQ(value(-1), "e");
    EXPECT_EQ(value(every), "e");
    EXPECT_EQ(value(-3), "c");
    EXPECT_EQ(value(9), "(none)");
    EXPECT_EQ(value(-9), "(none)");
    EXPECT_EQ(bench.show(fetch(F::request_header_full, "x-l", -1)), "d,e");
    EXPECT_EQ(bench.show(fetch(F::request_header_full, "x-l", 1)), "a, b ,c");
    EXPECT_EQ(bench.show(fetch(F::request_header_count, "x-l")), "5");
    EXPECT_EQ(bench.show(fetch(F::request_header_full_count, "x-l")), "2");
    EXPECT_EQ(bench.show(fetch(F::request_header, "x-quoted", 1)), "\"a,b\"");
    EXPECT_EQ(bench.show(fetch(F::request_header_address, "x-forwarded-for", -1)), "10.0.0.2");
    EXPECT_EQ(bench.show(fetch(F::request_header_names)),
              "host,x-l,x-l,x-quoted,cookie,cookie,x-forwarded-for,authorization");
}

TEST_F(Haproxy, TargetCookiesAndArguments) {
    EXPECT_EQ(bench.show(fetch(F::base)), "Ho.st:80/p/a");
    EXPECT_EQ(bench.show(fetch(F::base32)), "2386788623");
    EXPECT_EQ(bench.show(fetch(F::path)), "/p/a");
    EXPECT_EQ(bench.show(fetch(F::path_and_query)), "/p/a?p=1&q=%20x&e=&p=2");
    EXPECT_EQ(bench.show(fetch(F::request_target)), "/p/a?p=1&q=%20x&e=&p=2");
    EXPECT_EQ(bench.show(fetch(F::query)), "p=1&q=%20x&e=&p=2");
    EXPECT_EQ(bench.show(fetch(F::query_argument, "p", -1)), "1");
    EXPECT_EQ(bench.show(fetch(F::query_argument, "q", -1)), "%20x");
    EXPECT_EQ(bench.show(fetch(F::query_argument, "e", -1)), "");
    EXPECT_EQ(bench.show(fetch(F::query_argument, "P", -1)), "(none)");
    EXPECT_EQ(bench.show(fetch(F::cookie, "a", -1)), "4");
    EXPECT_EQ(bench.show(fetch(F::cookie, "b", -1)), "2");
    EXPECT_EQ(bench.show(fetch(F::cookie, "A", -1)), "(none)");
    EXPECT_EQ(bench.show(fetch(F::request_version_number)), "1.1");
    EXPECT_EQ(bench.show(fetch(F::method)), "GET");
    EXPECT_EQ(bench.show(fetch(F::client_address)), "192.0.2.7");
}

TEST_F(Haproxy, AMatchTriesEveryValue) {
    auto any = [&](std::vector<std::string> words, std::int64_t n = every) {
        return bench.holds(match(fetch(F::request_header, "x-l", n), texts(How::equal, words)));
    };
    EXPECT_TRUE(any({"b"}));
    EXPECT_TRUE(any({"x", "d"}));
    EXPECT_FALSE(any({"x"}));
    EXPECT_FALSE(any({"b"}, -1));
    EXPECT_TRUE(bench.holds(match(convert(C::upper, fetch(F::request_header, "x-l", every)),
                                  texts(How::equal, {"C"}))));
    EXPECT_TRUE(bench.holds(match(fetch(F::query_argument, "p", every), texts(How::equal, {"2"}))));
    EXPECT_TRUE(bench.holds(match(fetch(F::cookie, "a", every), texts(How::equal, {"3"}))));
    ir::PatternSet network;
    network.how = How::network;
    network.networks.push_back({ip4(10, 0, 0, 1), 32});
    EXPECT_TRUE(
        bench.holds(match(fetch(F::request_header_address, "x-forwarded-for", every), network)));
}

TEST_F(Haproxy, AMissingValueMatchesNothing) {
    EXPECT_FALSE(bench.holds(match(fetch(F::request_header, "none", -1), texts(How::equal, {""}))));
    EXPECT_FALSE(bench.holds(match(fetch(F::request_header, "none", -1), texts(How::found, {}))));
    ir::Expr negation;
    negation.op = ir::Expr::Op::negate;
    negation.in.push_back(match(fetch(F::request_header, "none", -1), texts(How::found, {})));
    EXPECT_TRUE(bench.holds(negation));
}

TEST_F(Haproxy, AndStopsOrStops) {
    ir::Expr set = convert(C::set_variable, fetch(F::always_true), {}, 0);
    bench.config.variables.push_back({"txn.x", false});
    Value slots[1];
    bench.subject.variables = slots;
    ir::Expr both;
    both.op = ir::Expr::Op::all_of;
    both.in = {fetch(F::always_false), set};
    EXPECT_FALSE(bench.holds(both));
    EXPECT_FALSE(slots[0].exists);
    ir::Expr one;
    one.op = ir::Expr::Op::any_of;
    one.in = {fetch(F::always_false), set};
    EXPECT_TRUE(bench.holds(one));
    EXPECT_TRUE(slots[0].exists);
    EXPECT_EQ(bench.show(fetch(F::variable, {}, 0)), "1");
}

TEST_F(Haproxy, VariableWithDefault) {
    bench.config.variables.push_back({"txn.x", false});
    Value slots[1];
    bench.subject.variables = slots;
    EXPECT_EQ(bench.show(fetch(F::variable, {}, 0)), "(none)");
    auto with_default = fetch(F::variable, {}, 0);
    with_default.in.push_back(text("else"));
    EXPECT_EQ(bench.show(with_default), "else");
}

TEST_F(Haproxy, UndecidedWhileBytesAreMissing) {
    bench.subject.request = nullptr;
    EXPECT_FALSE(bench.holds(match(fetch(F::hello_sni), texts(How::equal, {"a"}))));
    EXPECT_TRUE(bench.subject.undecided);
    bench.subject.undecided = false;
    bench.subject.payload_ended = true;
    EXPECT_FALSE(bench.holds(match(fetch(F::hello_sni), texts(How::equal, {"a"}))));
    EXPECT_FALSE(bench.subject.undecided);
}

TEST_F(Haproxy, LogTimes) {
    auto& times = bench.subject.times;
    times = {.started = 1'000'000,
             .handshaken = 1'002'000,
             .first_byte = 1'010'000,
             .request = 1'015'000,
             .queued = 1'017'000,
             .connected = 1'020'000,
             .response = 1'050'000,
             .ended = 1'060'000,
             .started_wall_ms = 1'700'000'000'009,
             .request_wall_ms = 0};
    auto time = [&](F what, int n = 0) { return bench.show(fetch(what, {}, n)); };
    EXPECT_EQ(time(F::log_time_handshake), "2");
    EXPECT_EQ(time(F::log_time_idle), "8");
    EXPECT_EQ(time(F::log_time_request), "5");
    EXPECT_EQ(time(F::log_time_request, 1), "15");
    EXPECT_EQ(time(F::log_time_queue), "2");
    EXPECT_EQ(time(F::log_time_connect), "3");
    EXPECT_EQ(time(F::log_time_response), "30");
    EXPECT_EQ(time(F::log_time_data), "10");
    EXPECT_EQ(time(F::log_time_active), "50");
    EXPECT_EQ(time(F::log_time_total), "60");
    EXPECT_EQ(time(F::log_time_user), "52");
    EXPECT_EQ(time(F::log_milliseconds), "009");
    times.queued = times.connected = times.response = -1;
    EXPECT_EQ(time(F::log_time_queue), "-1");
    EXPECT_EQ(time(F::log_time_connect), "-1");
    EXPECT_EQ(time(F::log_time_response), "-1");
    EXPECT_EQ(time(F::log_time_data), "-1");
    bench.subject.log_asap = true;
    EXPECT_EQ(time(F::log_time_total), "+60");
}

TEST_F(Nginx, FieldsAndCookies) {
    EXPECT_EQ(bench.show(fetch(F::request_header, "x-l")), "a, b ,c, d,e");
    EXPECT_EQ(bench.show(fetch(F::request_header, "cookie")), "a=1; b=2; a=3; a=4");
    EXPECT_EQ(bench.show(fetch(F::request_header, "none")), "(none)");
    EXPECT_EQ(bench.show(fetch(F::cookie, "a")), "1");
    EXPECT_EQ(bench.show(fetch(F::cookie, "B")), "2");
    EXPECT_EQ(bench.show(fetch(F::query_argument, "P")), "1");
    EXPECT_EQ(bench.show(fetch(F::forwarded_for)), "10.0.0.1, 10.0.0.2, 192.0.2.7");
    EXPECT_EQ(bench.show(fetch(F::remote_user)), "user");
    EXPECT_EQ(bench.show(fetch(F::basic_auth_password)), "pass");
    EXPECT_EQ(bench.show(fetch(F::request_line)), "GET /p/a?p=1&q=%20x&e=&p=2 HTTP/1.1");
    EXPECT_EQ(bench.show(fetch(F::request_version)), "HTTP/1.1");
    EXPECT_EQ(bench.show(fetch(F::has_query)), "?");
}

TEST_F(Nginx, HostFallsBackOnTheSite) {
    EXPECT_EQ(bench.show(fetch(F::host)), "site");
    bench.subject.host = "ho.st";
    EXPECT_EQ(bench.show(fetch(F::host)), "ho.st");
}

TEST_F(Nginx, AnAbsentVariableComparesAsEmpty) {
    EXPECT_TRUE(bench.holds(match(fetch(F::request_header, "none"), texts(How::equal, {""}))));
    EXPECT_FALSE(bench.holds(match(fetch(F::request_header, "none"), texts(How::truth, {}))));
    EXPECT_TRUE(bench.holds(match(fetch(F::query_argument, "p"), texts(How::truth, {}))));
    EXPECT_TRUE(bench.holds(match(fetch(F::request_header, "none"), texts(How::regex, {"^$"}))));
    ir::Expr same;
    same.op = ir::Expr::Op::match;
    same.in = {fetch(F::cookie, "b"), text("2")};
    EXPECT_TRUE(bench.holds(same));
}

TEST_F(Nginx, CapturesOfARegex) {
    bench.config.named_captures = {"who"};
    std::string_view named[1];
    bench.subject.named_captures = named;
    auto set = texts(How::regex, {"^/(?<who>[a-z])/(.)$"});
    set.keeps_captures = true;
    EXPECT_TRUE(bench.holds(match(fetch(F::normalized_path), set)));
    EXPECT_EQ(bench.show(fetch(F::capture_group, {}, 1)), "p");
    EXPECT_EQ(bench.show(fetch(F::capture_group, {}, 2)), "a");
    EXPECT_EQ(bench.show(fetch(F::capture_group, {}, 3)), "(none)");
    EXPECT_EQ(bench.show(fetch(F::named_capture, {}, 0)), "p");
    auto other = texts(How::regex, {"nothing"});
    other.keeps_captures = true;
    EXPECT_FALSE(bench.holds(match(fetch(F::normalized_path), other)));
    EXPECT_EQ(bench.show(fetch(F::capture_group, {}, 1)), "p");
}

TEST_F(Nginx, TriesAreListed) {
    EXPECT_EQ(bench.show(fetch(F::upstream_address)), "(none)");
    Try tries[3];
    tries[0] = {.address = "127.0.0.1:1", .status = 502};
    tries[1] = {.address = "127.0.0.1:2", .status = 0, .connect_us = 1'500, .header_us = 12'000};
    tries[2] = {.address = "unix:/x",
                .status = 200,
                .new_group = true,
                .connect_us = 0,
                .response_us = 1'234'567,
                .response_length = 42};
    bench.subject.tries = tries;
    EXPECT_EQ(bench.show(fetch(F::upstream_address)), "127.0.0.1:1, 127.0.0.1:2 : unix:/x");
    EXPECT_EQ(bench.show(fetch(F::upstream_status)), "502, - : 200");
    EXPECT_EQ(bench.show(fetch(F::upstream_connect_time)), "-, 0.001 : 0.000");
    EXPECT_EQ(bench.show(fetch(F::upstream_response_time)), "-, - : 1.234");
    EXPECT_EQ(bench.show(fetch(F::upstream_response_length)), "0, 0 : 42");
}

TEST_F(Nginx, TimesAndIdentifiers) {
    bench.subject.times.first_byte = 4'000'000;
    EXPECT_EQ(bench.show(fetch(F::request_time)), "1.000");
    EXPECT_EQ(bench.show(fetch(F::time_msec)), "1700000000.123");
    const auto id = bench.show(fetch(F::unique_id));
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(bench.show(fetch(F::unique_id)), id);
    EXPECT_EQ(bench.show(fetch(F::uuid)).size(), 36u);
    EXPECT_EQ(bench.show(fetch(F::client_address_binary)), std::string("\xc0\x00\x02\x07", 4));
    EXPECT_EQ(bench.show(fetch(F::status)), "000");
}

TEST_F(Nginx, MapWithHostsRegexesAndDefault) {
    ir::Map map;
    map.key = ir::Text::of("");
    map.key.pieces.push_back(
        {.expr = std::make_shared<ir::Expr>(fetch(F::request_header, "host"))});
    map.hostnames = true;
    using Kind = ir::Map::Entry::Kind;
    map.entries.push_back({"HO.ST:80", Kind::exact, ir::Text::of("exact")});
    map.entries.push_back({"*.example.com", Kind::exact, ir::Text::of("wild")});
    map.entries.push_back({".example.org", Kind::exact, ir::Text::of("both")});
    map.entries.push_back({"mail.*", Kind::exact, ir::Text::of("tail")});
    map.entries.push_back({"^x(\\d)$", Kind::regex, ir::Text::of("regex")});
    map.fallback = ir::Text::of("default");
    bench.config.maps.push_back(map);
    ir::Expr look;
    look.op = ir::Expr::Op::map;
    EXPECT_EQ(bench.show(look), "exact");
    auto of_key = [&](const char* key) {
        auto expr = look;
        expr.in = {text(key)};
        return bench.show(expr);
    };
    EXPECT_EQ(of_key("www.example.com"), "wild");
    EXPECT_EQ(of_key("example.com"), "default");
    EXPECT_EQ(of_key("example.org"), "both");
    EXPECT_EQ(of_key("mail.a.b"), "tail");
    EXPECT_EQ(of_key("x7"), "regex");
    EXPECT_EQ(bench.show(fetch(F::capture_group, {}, 1)), "7");
}

}  // namespace
}  // namespace weir::route
