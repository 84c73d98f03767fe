// SPDX-License-Identifier: Apache-2.0
// Checks of services by name: option smtpchk, redis-check, pgsql-check, mysql-check, ldap-check,
// spop-check and ssl-hello-chk. Each is a list of steps: what is sent, and which answer is expected.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::opt;
using keyword::word;
using Step = ir::HealthCheck::Step;

class Dialogue {
public:
    void send(std::string bytes) {
        Step step;
        step.what = Step::What::send;
        step.text = ir::Text::of(std::move(bytes));
        steps_.push_back(std::move(step));
    }
    void expect(std::string_view service) {
        Step step;
        step.what = Step::What::expect;
        step.expect = Step::Expect::protocol;
        step.pattern = std::string(service);
        steps_.push_back(std::move(step));
    }
    // What the section's checks are from here on.
    void check(keyword::Scope& scope) {
        auto& back = own(scope).back();
        bool on = !own(scope).negated && !own(scope).defaulted;
        back.check = on ? BackWords::Check::service : BackWords::Check::connect;
        back.service_steps = std::move(steps_);
    }

private:
    std::vector<Step> steps_;
};

// A number in `bytes` bytes, most significant first.
std::string big(std::uint64_t number, int bytes) {
    std::string out;
    while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes));
    return out;
}

// option smtpchk [HELO|EHLO domain]
void lower_smtp(keyword::Scope& scope, const Call& call) {
    std::string greeting = "HELO localhost";
    if (call.size() == 2 && (call[0].text == "HELO" || call[0].text == "EHLO"))
        greeting = fmt::format("{} {}", call[0].text, call[1].text);
    Dialogue dialogue;
    dialogue.expect("smtp");
    dialogue.send(greeting + "\r\n");
    dialogue.expect("smtp");
    dialogue.send("QUIT\r\n");
    dialogue.expect("smtp");
    dialogue.check(scope);
}

void lower_redis(keyword::Scope& scope, const Call&) {
    Dialogue dialogue;
    dialogue.send("*1\r\n$4\r\nPING\r\n");
    dialogue.expect("redis");
    dialogue.check(scope);
}

bool read_user(keyword::Scope& scope, const Call& call, bool required) {
    if (call.size() == 0 && !required) return true;
    if (call.size() > 1 && call[0].text == "user") return true;
    auto span = call.size() > 0 ? call[0].span : call.span;
    scope.error(span, "argument-count", fmt::format("\"{}\" needs \"user\" and a name", call.row->name));
    return false;
}

// The start of a session of protocol 3.0: length, version, "user" and the name, an empty name at the end.
void lower_postgresql(keyword::Scope& scope, const Call& call) {
    if (!read_user(scope, call, true)) return;
    auto body = big(0x00030000, 4) + std::string("user\0", 5) + std::string(call[1].text) + std::string(2, '\0');
    Dialogue dialogue;
    dialogue.send(big(body.size() + 4, 4) + body);
    dialogue.expect("pgsql");
    dialogue.check(scope);
}

// LDAPMessage { messageID 1, BindRequest { version 3, name "", simple "" } } (RFC 4511 section 4.2).
void lower_ldap(keyword::Scope& scope, const Call&) {
    Dialogue dialogue;
    dialogue.send(std::string("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", 14));
    dialogue.expect("ldap");
    dialogue.check(scope);
}

// A packet of MySQL: three bytes of length, least significant first, and its number.
std::string packet(std::string_view body, char number) {
    std::string out;
    for (int i = 0; i < 3; ++i) out += static_cast<char>(body.size() >> (8 * i));
    out += number;
    out += body;
    return out;
}

// option mysql-check [user name [post-41|pre-41]]: with a user it logs in, without a password, and quits.
void lower_mysql(keyword::Scope& scope, const Call& call) {
    if (!read_user(scope, call, false)) return;
    Dialogue dialogue;
    dialogue.expect("mysql_greeting");
    if (call.size() > 1) {
        bool old = call.size() > 2 && call[2].text == "pre-41";
        if (call.size() > 2 && !old && call[2].text != "post-41") {
            scope.error(call[2].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected pre-41 or post-41", call[2].text));
            return;
        }
        // Capabilities, largest packet, and since 4.1 a character set and room.
        auto body = old ? std::string("\x00\x80\x00\x00\x01", 5)
                        : std::string("\x00\x82\x00\x00\x00\x80\x00\x01\x21", 9) + std::string(23, '\0');
        body += std::string(call[1].text) + std::string(2, '\0');
        dialogue.send(packet(body, 1) + packet("\x01", 0));
        dialogue.expect("mysql_answer");
    }
    dialogue.check(scope);
}

// A frame of SPOP: type 1, flags FIN, ids 0, and typed values by name.
void lower_agent(keyword::Scope& scope, const Call&) {
    auto text = [](std::string_view bytes) { return static_cast<char>(bytes.size()) + std::string(bytes); };
    auto frame = std::string("\x01", 1) + big(1, 4) + std::string(2, '\0') + text("supported-versions") + "\x08" +
                 text("2.0") + text("max-frame-size") + "\x03" + "\xfc\xf0\x06" + text("capabilities") + "\x08" +
                 std::string(1, '\0') + text("healthcheck") + "\x11";
    Dialogue dialogue;
    dialogue.send(big(frame.size(), 4) + frame);
    dialogue.expect("spop");
    dialogue.check(scope);
}

// A ClientHello of SSL 3.0 that offers what there was then: any server of TLS answers at least by an
// alert.
void lower_hello(keyword::Scope& scope, const Call&) {
    constexpr std::uint16_t ciphers[] = {0x0039, 0x0038, 0x0035, 0x0016, 0x0013, 0x000a, 0x0033,
                                         0x0032, 0x002f, 0x0005, 0x0004, 0x0015, 0x0012, 0x0009};
    std::string list;
    for (auto cipher : ciphers) list += big(cipher, 2);
    auto hello = std::string("\x03\x00", 2) + std::string(32, '\x5a') + std::string(1, '\0') + big(list.size(), 2) +
                 list + std::string("\x01\x00", 2);
    auto message = std::string("\x01", 1) + big(hello.size(), 3) + hello;
    Dialogue dialogue;
    dialogue.send(std::string("\x16\x03\x00", 3) + big(message.size(), 2) + message);
    dialogue.expect("ssl_hello");
    dialogue.check(scope);
}

constexpr Keyword row(std::string_view name, keyword::Apply apply, std::string_view summary,
                      keyword::Signature args = {}) {
    return {.name = name, .where = in::back_side, .args = args, .apply = apply, .summary = summary};
}

constexpr auto rows = sorted({
    row("option ldap-check", lower_ldap, "Checks servers by LDAP."),
    row("option mysql-check", lower_mysql, "Checks servers by the MySQL handshake.",
        {opt(word("user")), opt(word("name")), opt(word("version"))}),
    row("option pgsql-check", lower_postgresql, "Checks servers by the PostgreSQL handshake.",
        {opt(word("user")), opt(word("name"))}),
    row("option redis-check", lower_redis, "Checks servers by a Redis ping."),
    row("option smtpchk", lower_smtp, "Checks servers by SMTP.", {opt(word("command")), opt(word("domain"))}),
    row("option spop-check", lower_agent, "Checks servers by the agent protocol."),
    row("option ssl-hello-chk", lower_hello, "Checks servers by a TLS client hello."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table service_check_table() { return rows; }

}  // namespace weir::haproxy
