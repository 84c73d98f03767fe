// SPDX-License-Identifier: Apache-2.0
// Response heads: as request_head_fuzz, with the method that was asked as an option.
#include <string>

#include "runtime/http/h1_codec.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::http {
namespace {

bool same(const ResponseHead& a, const ResponseHead& b) {
    if (a.fields.size() != b.fields.size()) return false;
    for (std::uint32_t i = 0; i < a.fields.size(); ++i)
        if (a.fields[i].name != b.fields[i].name || a.fields[i].value != b.fields[i].value)
            return false;
    return a.status == b.status && a.reason == b.reason && a.minor == b.minor &&
           a.framing == b.framing && a.length == b.length && a.keep_alive == b.keep_alive &&
           a.upgrade == b.upgrade;
}

std::string written(const ResponseHead& head) {
    std::string out = "HTTP/1." + std::to_string(head.minor) + " " + std::to_string(head.status);
    out.append(" ").append(head.reason).append("\r\n");
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
    constexpr Method methods[] = {Method::get, Method::head, Method::connect, Method::post};
    Method method = methods[input.options & 3];
    HeadLimits limits;
    limits.drop_invalid = input.options & 4;
    limits.lenient_lf = !(input.options & 8);
    Arena arena;
    ResponseHead whole;
    auto result = parse_response_head(input.text, limits, arena, method, whole, nullptr);

    ResponseHead slow;
    ParseResult piece;
    std::uint32_t resume = 0;
    fuzz::Pieces pieces{input.seed};
    for (std::size_t have = 0; have < input.text.size() && piece.status == ParseStatus::more;) {
        have += pieces.next();
        piece =
            parse_response_head(input.text.substr(0, have), limits, arena, method, slow, &resume);
    }
    FUZZ_CHECK((result.status == ParseStatus::done) == (piece.status == ParseStatus::done));
    if (result.status == ParseStatus::more) FUZZ_CHECK(piece.status == ParseStatus::more);
    if (result.status != ParseStatus::done) return 0;

    FUZZ_CHECK(result.bytes == piece.bytes && same(whole, slow));
    FUZZ_CHECK(whole.status >= 100 && whole.status <= 999);
    bool bodiless =
        whole.status < 200 || whole.status == 204 || whole.status == 304 || method == Method::head;
    if (bodiless) FUZZ_CHECK(whole.framing == Framing::none && whole.length == 0);
    if (whole.framing == Framing::until_close) FUZZ_CHECK(!whole.keep_alive);
    if (whole.framing == Framing::none) FUZZ_CHECK(bodiless || whole.upgrade);
    std::string text = written(whole);
    limits.max_line += 100;
    limits.max_head += 4000;
    ResponseHead again;
    auto second = parse_response_head(text, limits, arena, method, again, nullptr);
    FUZZ_CHECK(second.status == ParseStatus::done && second.bytes == text.size());
    FUZZ_CHECK(same(whole, again));
    return 0;
}
