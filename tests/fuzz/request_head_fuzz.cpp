// SPDX-License-Identifier: Apache-2.0
// Request heads: pieces end as the whole does; what is accepted holds nothing that another program
// could read otherwise, and says the same when it is written again.
#include <string>

#include "runtime/http/h1_codec.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::http {
namespace {

HeadLimits limits_of(std::uint8_t options) {
    HeadLimits limits;
    limits.drop_invalid = options & 1;
    limits.underscores = options & 2;
    limits.lenient_lf = !(options & 4);
    limits.fragments = options & 8;
    limits.high_bytes = !(options & 16);
    if (options & 32) {
        limits.max_line = 200;
        limits.max_head = 600;
        limits.max_fields = 6;
    }
    return limits;
}

bool clean(std::string_view text) {
    return text.find_first_of(std::string_view{"\r\n\0", 3}) == text.npos;
}

bool same(const RequestHead& a, const RequestHead& b) {
    if (a.fields.size() != b.fields.size()) return false;
    for (std::uint32_t i = 0; i < a.fields.size(); ++i)
        if (a.fields[i].name != b.fields[i].name || a.fields[i].value != b.fields[i].value ||
            a.fields[i].id != b.fields[i].id)
            return false;
    return a.method_text == b.method_text && a.method == b.method && a.target == b.target &&
           a.path == b.path && a.query == b.query && a.has_query == b.has_query &&
           a.authority == b.authority && a.minor == b.minor && a.framing == b.framing &&
           a.length == b.length && a.keep_alive == b.keep_alive &&
           a.expects_continue == b.expects_continue && a.wants_upgrade == b.wants_upgrade;
}

void check_accepted(const RequestHead& head, std::string_view text) {
    FUZZ_CHECK(head.major == 1 && head.minor <= 9);
    FUZZ_CHECK(!head.method_text.empty() && !head.target.empty() && !head.path.empty());
    FUZZ_CHECK(clean(head.line));
    FUZZ_CHECK(head.target.find(' ') == head.target.npos);
    unsigned lengths = 0, codings = 0, hosts = 0;
    for (const auto& field : head.fields) {
        FUZZ_CHECK(!field.name.empty() && clean(field.name) && clean(field.value));
        FUZZ_CHECK(field.name.find_first_of(" \t:") == field.name.npos);
        FUZZ_CHECK(field.id == field_id(field.name));
        lengths += field.id == FieldId::content_length;
        codings += field.id == FieldId::transfer_encoding;
        hosts += field.id == FieldId::host;
        if (field.line.empty()) continue;
        FUZZ_CHECK(field.line.data() >= text.data());
        FUZZ_CHECK(field.line.ends_with("\r\n") &&
                   clean(field.line.substr(0, field.line.size() - 2)));
        FUZZ_CHECK(field.line.starts_with(field.name));
    }
    FUZZ_CHECK(lengths + codings <= 1 && hosts <= 1);
    FUZZ_CHECK((head.framing == Framing::length) == (lengths == 1));
    FUZZ_CHECK((head.framing == Framing::chunked) == (codings == 1));
    FUZZ_CHECK(hosts == 1 || head.minor == 0);
}

std::string written(const RequestHead& head) {
    std::string out{head.method_text};
    out.append(" ").append(head.target).append(" HTTP/1.") += std::to_string(head.minor) + "\r\n";
    for (const auto& field : head.fields)
        out.append(field.name).append(": ").append(field.value).append("\r\n");
    return out + "\r\n";
}

}  // namespace
}  // namespace weir::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using namespace weir::http;
    auto input = fuzz::split(data, size);
    auto limits = limits_of(input.options);
    Arena arena;
    RequestHead whole;
    auto result = parse_request_head(input.text, limits, arena, whole, nullptr);

    RequestHead slow;
    ParseResult piece;
    std::uint32_t resume = 0;
    fuzz::Pieces pieces{input.seed};
    for (std::size_t have = 0; have < input.text.size() && piece.status == ParseStatus::more;) {
        have += pieces.next();
        piece = parse_request_head(input.text.substr(0, have), limits, arena, slow, &resume);
    }
    FUZZ_CHECK((result.status == ParseStatus::done) == (piece.status == ParseStatus::done));
    // A line that is not complete is looked at when it is.
    if (result.status == ParseStatus::more) FUZZ_CHECK(piece.status == ParseStatus::more);
    if (result.status != ParseStatus::done) return 0;

    FUZZ_CHECK(result.bytes == piece.bytes && result.bytes <= input.text.size());
    FUZZ_CHECK(same(whole, slow));
    check_accepted(whole, input.text);
    std::string text = written(whole);
    limits.max_line += 100;
    limits.max_head += 4000;
    RequestHead again;
    auto second = parse_request_head(text, limits, arena, again, nullptr);
    FUZZ_CHECK(second.status == ParseStatus::done && second.bytes == text.size());
    FUZZ_CHECK(same(whole, again));
    return 0;
}
