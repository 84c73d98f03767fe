// SPDX-License-Identifier: Apache-2.0
// FastCGI from an application: what comes out and where it ends do not depend on how the bytes arrive,
// and the head of CGI in it is read the same in pieces.
#include <string>

#include "runtime/gateway/fastcgi_codec.hpp"
#include "runtime/http/h1_codec.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::gateway {
namespace {

using What = FastcgiDecoder::Step::What;

struct Decoded {
    What what = What::more;
    std::string output, errors;
    bool output_ended = false;
    std::size_t used = 0;
    bool operator==(const Decoded&) const = default;
};

template <class Next>
Decoded decode(std::string_view text, Next next) {
    FastcgiDecoder decoder;
    Decoded out;
    out.used = fuzz::feed(text, next, [&](std::string_view window) -> fuzz::Took {
        auto step = decoder.feed(window);
        fuzz::check_step(step, window, step.content, step.what == What::output || step.what == What::errors);
        // Not always all of it at once.
        auto taken = step.content == 0 ? 0 : static_cast<std::uint32_t>(1 + next() % step.content);
        auto content = window.substr(step.consumed, taken);
        decoder.take(taken);
        auto used = step.consumed + taken;
        if (step.what == What::output) out.output += content;
        if (step.what == What::errors) out.errors += content;
        if (step.what == What::output_end) {
            FUZZ_CHECK(!out.output_ended);
            out.output_ended = true;
        }
        if (step.what == What::more) return {used, fuzz::Then::wants_more};
        if (step.what != What::end && step.what != What::bad) return {used, fuzz::Then::goes_on};
        FUZZ_CHECK(decoder.ended() == (step.what == What::end));
        out.what = step.what;
        return {used, fuzz::Then::is_over};
    });
    return out;
}

struct Head {
    http::ParseStatus status = http::ParseStatus::more;
    std::uint16_t code = 0;
    std::uint32_t bytes = 0, fields = 0;
    bool operator==(const Head&) const = default;
};

template <class Next>
Head parse(std::string_view text, Next next) {
    Arena arena;
    http::ResponseHead head;
    http::HeadLimits limits;
    limits.max_line = limits.max_head = 1024;
    std::uint32_t resume = 0;
    Head out;
    for (std::size_t size = 0; out.status == http::ParseStatus::more && size < text.size();) {
        size = std::min(text.size(), size + next());
        auto parsed = http::parse_cgi_head(text.substr(0, size), limits, arena, http::Method::get, head, &resume);
        out = {parsed.status, 0, parsed.bytes, 0};
        if (parsed.status != http::ParseStatus::done) continue;
        FUZZ_CHECK(parsed.bytes <= size && head.status >= 200);
        out.code = head.status;
        out.fields = head.fields.size();
    }
    return out;
}

}  // namespace
}  // namespace weir::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using namespace weir::gateway;
    auto input = fuzz::split(data, size);
    fuzz::Pieces pieces{input.seed};
    auto whole = decode(input.text, [&] { return input.text.size(); });
    auto slow = decode(input.text, [&] { return pieces.next(); });
    FUZZ_CHECK(whole == slow);
    auto text = whole.output.empty() ? std::string(input.text) : whole.output;
    auto at_once = parse(text, [&] { return text.size(); });
    auto in_pieces = parse(text, [&] { return pieces.next(); });
    // What is wrong with a head may show at another place when it comes in pieces: the limits are looked at
    // with each, a line without an end only once. Whether anything is wrong may not.
    bool neither = at_once.status != http::ParseStatus::done && in_pieces.status != http::ParseStatus::done;
    FUZZ_CHECK(at_once == in_pieces || neither);
    return 0;
}
