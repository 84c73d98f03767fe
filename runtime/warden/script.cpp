// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/script.hpp"

#include "runtime/warden/services.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weir::warden {

namespace {

using Source = ir::HealthCheck::Step;
using Expect = Source::Expect;
using zone::CheckCode;

// What a check leaves unsaid.
const Source& implied(Source::What what) {
    static const Source connect = [] {
        Source step;
        step.what = Source::What::connect;
        step.as_check = true;
        return step;
    }();
    static const Source send = [] {
        Source step;
        step.what = Source::What::send;
        return step;
    }();
    static const Source expect = [] {
        Source step;
        step.what = Source::What::expect;
        step.pattern = "200-399";
        return step;
    }();
    return what == Source::What::connect ? connect : what == Source::What::send ? send : expect;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

// HAProxy writes field names in lower case and closes after an answer to HTTP/1.1.
std::string http_request(const Source& step, ir::HealthCheck::Manner manner) {
    const bool small = manner == ir::HealthCheck::Manner::haproxy;
    const std::string body = step.text.literal();
    std::string out = fmt::format("{} {} {}\r\n", step.method, step.uri, step.version);
    bool says_length = false, says_connection = false;
    for (const auto& field : step.fields) {
        const std::string value = field.value.literal();
        if (value.empty() && !small) continue;
        const std::string name = lower(field.name);
        says_length = says_length || name == "content-length";
        says_connection = says_connection || name == "connection";
        out += fmt::format("{}: {}\r\n", small ? name : field.name, value);
    }
    if (!body.empty() && !says_length)
        out += fmt::format("{}: {}\r\n", small ? "content-length" : "Content-Length", body.size());
    if (step.version == "HTTP/1.1" && !says_connection)
        out += small ? "connection: close\r\n" : "Connection: close\r\n";
    return out + "\r\n" + body;
}

bool is_regex(const Source& step) {
    return step.expect == Expect::regex || step.expect == Expect::status_regex ||
           step.expect == Expect::binary_regex ||
           (step.expect == Expect::header && step.compare == Source::Compare::regex);
}

constexpr std::string_view hex_digits = "0123456789ABCDEF";

// False when it is not pairs of hexadecimal digits.
bool from_hex(std::string_view text, std::string& bytes) {
    if (text.size() % 2 != 0) return false;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        unsigned value = 0;
        auto read = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        if (read.ec != std::errc{} || read.ptr != text.data() + i + 2) return false;
        bytes += static_cast<char>(value);
    }
    return true;
}

std::string to_hex(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (unsigned char byte : bytes) {
        out += hex_digits[byte >> 4];
        out += hex_digits[byte & 15];
    }
    return out;
}

bool is_literal(const Source& step) {
    return step.text.is_literal() &&
           std::all_of(step.fields.begin(), step.fields.end(),
                       [](const ir::FieldEdit& field) { return field.value.is_literal(); });
}

// The error of a step that cannot be compiled; empty when it can.
std::string fill(Step& step, const ir::HealthCheck& check, bool http) {
    const Source& source = *step.source;
    switch (source.what) {
        case Source::What::connect:
            return "";
        case Source::What::send:
            if (!is_literal(source)) return "health checks that send expressions are not in weir yet";
            step.bytes = http ? http_request(source, check.manner) : source.text.literal();
            return "";
        case Source::What::expect: break;
        case Source::What::comment: return "";
        case Source::What::set_variable:
        case Source::What::unset_variable: return "variables of health checks are not in weir yet";
    }
    if (is_regex(source)) {
        auto regex = Regex::compile(source.pattern, false);
        if (!regex) return "health check: \"" + source.pattern + "\": " + regex.error();
        step.regex.emplace(std::move(*regex));
    }
    if (source.expect == Expect::status && !parse_statuses(source.pattern, step.statuses))
        return "health check: \"" + source.pattern + "\" is no list of statuses";
    step.bytes = source.pattern;
    if (source.expect == Expect::binary) {
        step.bytes.clear();
        if (!from_hex(source.pattern, step.bytes))
            return "health check: \"" + source.pattern + "\" is not pairs of hexadecimal digits";
    }
    step.needs_body = source.expect == Expect::text || source.expect == Expect::regex ||
                      source.expect == Expect::binary || source.expect == Expect::binary_regex;
    return "";
}

// The sources of all steps, with what the check leaves unsaid.
std::vector<const Source*> whole_script(const ir::HealthCheck& check) {
    std::vector<const Source*> list;
    auto has = [&](Source::What what) {
        return std::any_of(check.steps.begin(), check.steps.end(),
                           [&](const Source& step) { return step.what == what; });
    };
    auto first = std::find_if(check.steps.begin(), check.steps.end(), [](const Source& step) {
        return step.what != Source::What::comment;
    });
    if (first == check.steps.end() || first->what != Source::What::connect)
        list.push_back(&implied(Source::What::connect));
    const bool http = check.kind == ir::HealthCheck::Kind::http;
    if (http && !has(Source::What::send)) list.push_back(&implied(Source::What::send));
    for (const auto& step : check.steps) list.push_back(&step);
    if (http && !has(Source::What::expect)) list.push_back(&implied(Source::What::expect));
    return list;
}

}  // namespace

CheckCode code_or(std::string_view name, CheckCode fallback) {
    for (auto code = CheckCode::l4_ok; code <= CheckCode::l7_status;
         code = static_cast<CheckCode>(static_cast<std::uint32_t>(code) + 1))
        if (zone::name_of(code) == name) return code;
    return fallback;
}

namespace {

Finding met(const Step& step) {
    return {Finding::Kind::met, code_or(step.source->ok_status, CheckCode::l7_ok)};
}
Finding unmet(const Step& step, CheckCode code, std::string_view text) {
    Finding finding{Finding::Kind::failed, code_or(step.source->error_status, code),
                    std::string(text)};
    if (!step.source->comment.empty()) finding.text += " comment: " + step.source->comment;
    return finding;
}

bool compares(const Step& step, std::string_view value) {
    const std::string_view pattern = step.source->pattern;
    switch (step.source->compare) {
        case Source::Compare::exists: return true;
        case Source::Compare::equal: return value == pattern;
        case Source::Compare::regex: return step.regex->matches(value);
        case Source::Compare::prefix: return value.starts_with(pattern);
        case Source::Compare::suffix: return value.ends_with(pattern);
        case Source::Compare::substring: return value.find(pattern) != std::string_view::npos;
    }
    return false;
}

bool has_field(const Step& step, const http::ResponseHead& head) {
    return std::any_of(head.fields.begin(), head.fields.end(), [&](const http::Field& field) {
        return http::equal_ignoring_case(field.name, step.source->header_name) &&
               compares(step, field.value);
    });
}

// HAProxy's report of a tcp-check line that did not match.
Finding unmet_line(const Step& step, std::string_view bytes, bool found) {
    const Source& source = *step.source;
    std::string text;
    if (bytes.empty()) {
        text = fmt::format("TCPCHK got an empty response at step {}", step.number);
    } else {
        const bool plain = source.expect == Expect::text;
        const auto pattern = plain ? "'" + source.pattern + "'"
                             : source.expect == Expect::binary ? std::string("(binary)")
                             : source.expect == Expect::regex ? std::string("(regex)")
                                                              : std::string("(binary regex)");
        text = fmt::format("TCPCHK {} content {} at step {}", found ? "matched unwanted" : "did not match",
                           pattern, step.number);
    }
    if (!step.comment.empty()) text += " comment: " + step.comment;
    return {Finding::Kind::failed, code_or(source.error_status, CheckCode::l7_invalid), std::move(text)};
}

Finding examine_content(const Step& step, std::string_view bytes, bool whole, bool http) {
    const Source& source = *step.source;
    if (!whole && bytes.size() < source.min_receive) return {};
    // rbinary looks at the bytes written in hexadecimal.
    const bool found = !step.regex ? bytes.find(step.bytes) != std::string_view::npos
                       : source.expect == Expect::binary_regex ? step.regex->matches(to_hex(bytes))
                                                               : step.regex->matches(bytes);
    if (!found && !whole) return {};
    if (found != source.negate) return met(step);
    if (http)
        return unmet(step, CheckCode::l7_invalid,
                     found ? "HTTP check matched unwanted content"
                           : "HTTP content check did not match");
    if (step.number != 0) return unmet_line(step, bytes, found);
    return unmet(step, CheckCode::l7_invalid,
                 found ? "TCP check matched unwanted content" : "TCP content check did not match");
}

}  // namespace

bool parse_statuses(std::string_view text, std::bitset<1000>& statuses) {
    const char* at = text.data();
    const char* end = at + text.size();
    auto skip = [&](std::string_view set) {
        while (at != end && set.find(*at) != std::string_view::npos) ++at;
    };
    skip(" ,");
    bool any = false;
    while (at != end) {
        unsigned low = 0, high = 0;
        auto read = std::from_chars(at, end, low);
        if (read.ec != std::errc{} || low > 999) return false;
        at = read.ptr;
        high = low;
        if (at != end && *at == '-') {
            read = std::from_chars(at + 1, end, high);
            if (read.ec != std::errc{} || high > 999 || high < low) return false;
            at = read.ptr;
        }
        for (unsigned status = low; status <= high; ++status) statuses.set(status);
        any = true;
        if (at != end && *at != ' ' && *at != ',') return false;
        skip(" ,");
    }
    return any;
}

std::string place_of(const Step& step) {
    const Source& source = *step.source;
    std::string what;
    switch (source.what) {
        case Source::What::connect:
            what = source.port != 0 ? fmt::format("connect port {}", source.port) : std::string("connect");
            break;
        case Source::What::send: what = "send"; break;
        default: what = "expect"; break;
    }
    if (source.what == Source::What::expect) {
        if (source.expect == Expect::text) what += " string '" + source.pattern + "'";
        if (source.expect == Expect::regex) what += " regex";
        if (source.expect == Expect::binary_regex) what += " binary regex";
        if (source.expect == Expect::binary) {
            what += " binary '";
            const auto digits = to_hex(step.bytes);
            for (std::size_t i = 0; i < digits.size(); i += 2) what += "<" + digits.substr(i, 2) + ">";
            what += "'";
        }
    }
    auto place = step.number == 0 ? std::string(" at initial connection step of tcp-check")
                                  : fmt::format(" at step {} of tcp-check ({})", step.number, what);
    if (!step.comment.empty()) place += " comment: '" + step.comment + "'";
    return place;
}

namespace {

// The lines of HAProxy's tcp-check count from 1, comments among them; a comment is of the line behind it.
void number_steps(Script& script, const ir::HealthCheck& check) {
    using Kind = ir::HealthCheck::Kind;
    auto known = [](const Source& step) { return step.what == Source::What::expect && step.expect == Expect::protocol; };
    script.numbered = check.kind == Kind::script && check.manner == ir::HealthCheck::Manner::haproxy &&
                      std::none_of(check.steps.begin(), check.steps.end(), known);
    if (!script.numbered) return;
    std::uint32_t number = 0;
    const Step* before = nullptr;
    for (auto& step : script.steps) {
        // A check begins with a connect of its own when no line says so.
        bool implicit = !before && step.source->what == Source::What::connect && step.source->as_check;
        step.number = implicit ? 0 : ++number;
        step.comment = step.source->comment;
        if (step.comment.empty() && before && before->source->what == Source::What::comment)
            step.comment = before->source->comment;
        before = &step;
    }
}

}  // namespace

Expected<std::shared_ptr<const Script>, std::string> Script::compile(
    const ir::HealthCheck& check, std::shared_ptr<const ir::Config> config) {
    auto script = std::make_shared<Script>();
    script->config = std::move(config);
    script->http = check.kind == ir::HealthCheck::Kind::http;
    for (const Source* source : whole_script(check)) {
        Step& step = script->steps.emplace_back();
        step.source = source;
        std::string problem = fill(step, check, script->http);
        if (!problem.empty()) return Unexpected{std::move(problem)};
        script->expects = script->expects || source->what == Source::What::expect;
    }
    number_steps(*script, check);
    return std::shared_ptr<const Script>(std::move(script));
}

Finding examine(const Step& step, const http::ResponseHead& head, std::string_view body,
                bool whole) {
    const Source& source = *step.source;
    switch (source.expect) {
        case Expect::status: {
            const bool listed = head.status < 1000 && step.statuses.test(head.status);
            if (listed != source.negate) return met(step);
            return unmet(step, CheckCode::l7_status, head.reason);
        }
        case Expect::status_regex:
            if (step.regex->matches(std::to_string(head.status)) != source.negate) return met(step);
            return unmet(step, CheckCode::l7_status, head.reason);
        case Expect::header:
            if (has_field(step, head) != source.negate) return met(step);
            return unmet(step, CheckCode::l7_status, head.reason);
        case Expect::text:
        case Expect::regex:
        case Expect::binary:
        case Expect::binary_regex: return examine_content(step, body, whole, true);
        case Expect::protocol: break;   // of plain bytes
    }
    return {};
}

Finding examine(const Step& step, std::string_view bytes, bool whole) {
    if (step.source->expect == Expect::protocol) return examine_service(step.source->pattern, bytes, whole);
    return examine_content(step, bytes, whole, false);
}

}  // namespace weir::warden
