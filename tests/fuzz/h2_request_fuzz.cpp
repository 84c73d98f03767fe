// SPDX-License-Identifier: Apache-2.0
// Requests of HTTP/2 written as HTTP/1: what is accepted reads there as one request, with the same
// method, target, fields and body. The input holds fields, 0xff between name and value, 0xfe behind.
#include <string>

#include "runtime/http/h2_request.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::http {
namespace {

H2Rules rules_of(std::uint8_t options) {
    H2Rules rules;
    rules.bounds.drop_invalid = options & 1;
    rules.bounds.underscores = options & 2;
    rules.bounds.fragments = options & 4;
    rules.bounds.high_bytes = options & 8;
    rules.absolute_targets = options & 16;
    rules.needs_host = !(options & 16);
    rules.extended_connect = options & 32;
    return rules;
}

std::string written(const RequestHead& head) {
    std::string out{head.method_text};
    out.append(" ").append(head.path);
    if (head.has_query) out.append("?").append(head.query);
    out.append(" HTTP/1.1\r\n");
    bool host = false;
    for (const auto& field : head.fields) {
        host = host || field.id == FieldId::host;
        out.append(field.line.empty() ? std::string_view() : field.line);
        FUZZ_CHECK(!field.line.empty());
    }
    if (!host) out.append("host: x\r\n");
    return out + "\r\n";
}

void check_accepted(const RequestHead& head, const H2Rules& rules) {
    Arena arena;
    RequestHead again;
    HeadLimits limits = rules.bounds;
    limits.max_line += 4096;
    limits.max_head += 8192;
    limits.max_fields += 8;
    limits.lenient_lf = false;
    auto text = written(head);
    auto result = parse_request_head(text, limits, arena, again, nullptr);
    FUZZ_CHECK(result.status == ParseStatus::done && result.bytes == text.size());
    FUZZ_CHECK(again.method_text == head.method_text && again.path == head.path);
    FUZZ_CHECK(again.has_query == head.has_query && again.query == head.query);
    FUZZ_CHECK(head.authority.empty() || again.authority == head.authority);
    FUZZ_CHECK(again.fields.size() == head.fields.size() + (head.authority.empty() ? 1 : 0));
    FUZZ_CHECK(head.framing == Framing::length || again.framing == Framing::none);
    FUZZ_CHECK(head.framing != Framing::length || again.length == head.length);
    FUZZ_CHECK(again.wants_upgrade == head.wants_upgrade && again.keep_alive);
}

}  // namespace
}  // namespace weir::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using namespace weir::http;
    auto input = fuzz::split(data, size);
    auto rules = rules_of(input.options);
    Arena arena;
    RequestHead head;
    H2RequestBuilder builder(arena, head);
    auto text = input.text;
    while (!text.empty()) {
        auto end = text.find('\xfe');
        auto field = text.substr(0, end);
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        auto middle = field.find('\xff');
        builder.add(field.substr(0, middle),
                    middle == field.npos ? std::string_view() : field.substr(middle + 1), rules);
    }
    auto result = builder.finish(input.seed & 1, rules);
    if (result.status == ParseStatus::done) check_accepted(head, rules);
    return 0;
}
