// SPDX-License-Identifier: Apache-2.0
// Rows of active health checks (health_check, match), which nginx sells and weir has, and of
// stub_status, the page that exporters read.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/condition.hpp"
#include "parser/nginx/health.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::HealthCheck;
using Step = HealthCheck::Step;
using keyword::Argument;
using keyword::Body;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

// The parameters of health_check.
class CheckReader {
public:
    CheckReader(Block& block, const Call& call) : block_(block), call_(call) {}

    bool read() {
        check_.interval = std::chrono::seconds(5);
        check_.rise = check_.fall = 1;
        check_.manner = HealthCheck::Manner::nginx;
        check_.kind = block_.in_stream() ? HealthCheck::Kind::connect : HealthCheck::Kind::http;
        for (const auto& argument : call_.args)
            if (!parameter(argument)) return false;
        if (block_.in_stream() ? match_ != nullptr : true) make_steps();
        return true;
    }
    HealthCheck take() { return std::move(check_); }

private:
    bool parameter(const Argument& argument) {
        auto text = argument.text;
        std::string_view value;
        if (key_value(text, "interval=", value)) return duration(argument, value, check_.interval);
        if (key_value(text, "jitter=", value)) return duration(argument, value, check_.jitter);
        if (key_value(text, "fails=", value)) return number(argument, value, check_.fall);
        if (key_value(text, "passes=", value)) return number(argument, value, check_.rise);
        if (key_value(text, "port=", value)) return port(argument, value);
        if (key_value(text, "match=", value)) return match(argument, value);
        if (text == "mandatory") return check_.mandatory = true;
        if (text == "persistent") return true;   // states always outlive a reload
        if (!block_.in_stream() && key_value(text, "uri=", value)) {
            uri_ = value;
            return true;
        }
        if (text == "udp" || text.starts_with("type=") || text.starts_with("keepalive_time=")) {
            refuse_parameter(block_, call_, argument);
            return false;
        }
        return invalid(argument);
    }
    bool invalid(const Argument& argument) {
        invalid_parameter(block_, call_, argument,
                          "known are interval=, jitter=, fails=, passes=, uri=, match=, port=, "
                          "mandatory and persistent");
        return false;
    }
    bool duration(const Argument& argument, std::string_view value, ir::Milliseconds& into) {
        auto parsed = value::parse_nginx_duration(value);
        if (!parsed || parsed->count() == 0) return invalid(argument);
        into = *parsed;
        return true;
    }
    bool number(const Argument& argument, std::string_view value, std::uint32_t& into) {
        auto parsed = value::parse_number(value);
        if (!parsed || *parsed < 1 || *parsed > 1000000) return invalid(argument);
        into = static_cast<std::uint32_t>(*parsed);
        return true;
    }
    bool port(const Argument& argument, std::string_view value) {
        auto parsed = value::parse_number(value);
        if (!parsed || *parsed < 1 || *parsed > 65535) return invalid(argument);
        check_.port = static_cast<std::uint16_t>(*parsed);
        return true;
    }
    bool match(const Argument& argument, std::string_view name) {
        auto found = block_.names->matches.find(std::string(name));
        if (found == block_.names->matches.end()) {
            block_.error(argument.span, "unknown-match", fmt::format("match \"{}\" is not defined", name),
                         fmt::format("add match {} {{ ... }} beside the servers", name));
            return false;
        }
        match_ = &found->second;
        check_.name = name;
        return true;
    }

    void make_steps() {
        Step send;
        send.what = Step::What::send;
        if (block_.in_stream()) {
            if (match_->send) {
                send.text = *match_->send;
                check_.steps.push_back(std::move(send));
            }
        } else {
            send.uri = uri_;
            check_.steps.push_back(std::move(send));
        }
        if (match_) check_.steps.insert(check_.steps.end(), match_->expect.begin(), match_->expect.end());
        if (!match_) {
            Step expect;
            expect.what = Step::What::expect;
            expect.expect = Step::Expect::status;
            expect.pattern = "200-399";
            check_.steps.push_back(std::move(expect));
        }
    }

    Block& block_;
    const Call& call_;
    HealthCheck check_;
    std::string uri_ = "/";
    const Match* match_ = nullptr;
};

void lower_health_check(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    CheckReader reader(block, call);
    if (!reader.read()) return;
    block.health_check = reader.take();
    block.health_check_at = call.span;
}

void lower_match(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    Match match;
    match.span = call.span;
    Block block(outer.run, outer.in_stream() ? stream_match_block : match_block, &outer);
    block.match = &match;
    lower_body(block, outer.current->body.directives);
    if (!outer.names->matches.emplace(std::string(call[0].text), std::move(match)).second)
        outer.error(call[0].span, "duplicate-name", fmt::format("duplicate match \"{}\"", call[0].text),
                    "merge the two blocks or rename one");
}

Step& new_expect(Block& block, Step::Expect kind) {
    auto& step = block.match->expect.emplace_back();
    step.what = Step::What::expect;
    step.expect = kind;
    return step;
}

// status 200; status ! 500; status 200-399 204;
void lower_status(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& step = new_expect(block, Step::Expect::status);
    for (const auto& argument : call.args) {
        if (argument.text == "!" && &argument == &call.args.front()) {
            step.negate = true;
            continue;
        }
        auto dash = argument.text.find('-');
        auto low = value::parse_number(argument.text.substr(0, dash));
        auto high = dash == argument.text.npos ? low : value::parse_number(argument.text.substr(dash + 1));
        if (!low || !high || *low < 100 || *high > 999 || *low > *high)
            return invalid_parameter(block, call, argument, "status 200; or status 200-399 404; or status ! 500-599;");
        step.pattern += (step.pattern.empty() ? "" : ",") + std::string(argument.text);
    }
}

// header X; header ! X; header X = v; header X != v; header X ~ regex; header X !~ regex;
void lower_header(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& step = new_expect(block, Step::Expect::header);
    std::size_t at = 0;
    if (call[0].text == "!" && call.size() == 2) {
        step.negate = true;
        at = 1;
    }
    step.header_name = call[at].text;
    step.compare = Step::Compare::exists;
    if (call.size() == 3) {
        auto sign = call[1].text;
        step.negate = sign.starts_with('!');
        if (step.negate) sign.remove_prefix(1);
        if (sign != "=" && sign != "~") return invalid_parameter(block, call, call[1], "=, !=, ~ or !~");
        step.compare = sign == "=" ? Step::Compare::equal : Step::Compare::regex;
        step.pattern = call[2].text;
        if (sign == "~") check_regex(block, call[2].text, false, call[2].span);
    } else if (call.size() != at + 1) {
        invalid_parameter(block, call, call[1]);
    }
}

// body ~ "regex"; body !~ "regex";
void lower_body_test(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& step = new_expect(block, Step::Expect::regex);
    if (call[0].text != "~" && call[0].text != "!~")
        return invalid_parameter(block, call, call[0], "body ~ \"regex\"; or body !~ \"regex\";");
    step.negate = call[0].text == "!~";
    step.pattern = call[1].text;
    check_regex(block, call[1].text, false, call[1].span);
}

// \xHH in send and expect, and what the grammar has resolved already (\r \n \t).
std::string unescape_hex(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto digit = [&](std::size_t at) -> int {
            if (at >= text.size()) return -1;
            char c = text[at];
            return c >= '0' && c <= '9'   ? c - '0'
                   : c >= 'a' && c <= 'f' ? c - 'a' + 10
                   : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                          : -1;
        };
        bool hex = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'x' && digit(i + 2) >= 0 &&
                   digit(i + 3) >= 0;
        out += hex ? static_cast<char>(digit(i + 2) * 16 + digit(i + 3)) : text[i];
        if (hex) i += 3;
    }
    return out;
}

void lower_send(Scope& scope, const Call& call) {
    block_of(scope).match->send = ir::Text::of(unescape_hex(call[0].text));
}

// expect "text"; expect ~ "regex"; expect ~* "regex";
void lower_expect(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    if (call.size() == 1) {
        new_expect(block, Step::Expect::text).pattern = unescape_hex(call[0].text);
        return;
    }
    bool ignore_case = call[0].text == "~*";
    if (!ignore_case && call[0].text != "~")
        return invalid_parameter(block, call, call[0], "expect \"text\"; or expect ~ \"regex\";");
    auto& step = new_expect(block, Step::Expect::regex);
    step.pattern = (ignore_case ? "(?i)" : "") + std::string(call[1].text);
    check_regex(block, call[1].text, ignore_case, call[1].span);
}

void lower_stub_status(Scope& scope, const Call&) {
    block_of(scope).route->action = ir::ServedBy{"stub_status", nullptr};
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "health_check", .where = location | stream_server, .args = {keyword::any_number(keyword::word("parameter"))},
     .apply = lower_health_check, .inherit = Inherit::none,
     .summary = "Asks the servers of the pool regularly whether they work.", .once = true},
    {.name = "match", .where = http | stream, .args = {keyword::word("name")}, .body = Body::block, .apply = lower_match,
     .inherit = Inherit::none, .summary = "Names the tests that an answer to health_check must pass."},
    {.name = "stub_status", .where = context::server | location, .args = {keyword::opt(keyword::word("on"))}, .apply = lower_stub_status,
     .inherit = Inherit::none, .summary = "Answers with the counters of connections and requests."},
};

constexpr Keyword match_rows[] = {
    {.name = "body", .where = match_block, .args = {keyword::word("~|!~"), keyword::word("regex")}, .apply = lower_body_test,
     .inherit = Inherit::none, .summary = "Tests the body of the answer."},
    {.name = "expect", .where = stream_match_block, .args = {keyword::word("text|~"), keyword::opt(keyword::word("regex"))}, .apply = lower_expect,
     .inherit = Inherit::none, .summary = "Tests what the server sends."},
    {.name = "header", .where = match_block, .args = {keyword::word("name"), keyword::opt(keyword::word("=|!=|~|!~")), keyword::opt(keyword::word("value"))},
     .apply = lower_header, .inherit = Inherit::none, .summary = "Tests a field of the answer."},
    {.name = "send", .where = stream_match_block, .args = {keyword::word("text")}, .apply = lower_send,
     .inherit = Inherit::none, .summary = "Sends these bytes first; \\xHH writes any byte."},
    {.name = "status", .where = match_block, .args = {keyword::many(keyword::word("code|range"))}, .apply = lower_status,
     .inherit = Inherit::none, .summary = "Tests the status of the answer."},
};
// clang-format on
static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(match_rows));

}  // namespace

void apply_health_check(Block& block) {
    if (!block.health_check) return;
    auto* forward = std::get_if<ir::Forward>(&block.route->action);
    if (!forward || forward->pool == ir::no_id)
        return block.error(block.health_check_at, "no-pool", "\"health_check\" has no servers to ask",
                           "it wants a proxy_pass to an upstream in the same block");
    auto check = std::move(*block.health_check);
    for (auto& step : check.steps)
        if (step.what == Step::What::send && check.kind == HealthCheck::Kind::http)
            step.fields.push_back({"Host", ir::Text::of(forward->host)});
    check.over_tls = forward->tls || block.own.forward->over_tls;
    if (check.over_tls) {
        check.tls = block.own.forward->tls;
        auto& tls = check.tls.edit();
        // A check sees no request: a computed name is that of the target.
        if (tls.named_by_target || !tls.name.is_literal()) tls.name = ir::Text::of(forward->host);
        tls.named_by_target = false;
    }
    for (auto& checked : block.config.pools[forward->pool].servers) checked.check = check;
}

keyword::Table health_keywords() { return rows; }
keyword::Table match_keywords() { return match_rows; }

}  // namespace weir::nginx
