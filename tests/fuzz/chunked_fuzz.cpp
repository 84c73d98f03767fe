// SPDX-License-Identifier: Apache-2.0
// The chunked coding: the body and the end do not depend on how the bytes arrive, and an accepted
// body comes out the same when it is coded again.
#include <string>

#include "runtime/http/h1_codec.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::http {
namespace {

using What = ChunkedDecoder::Step::What;

struct Decoded {
    What what = What::more;
    std::string body;
    std::size_t used = 0;
};

template <class Next>
Decoded decode(std::string_view text, Next next) {
    ChunkedDecoder decoder;
    Decoded out;
    out.used = fuzz::feed(text, next, [&](std::string_view window) -> fuzz::Took {
        auto step = decoder.feed(window);
        fuzz::check_step(step, window, step.body, step.what == What::body);
        out.body += window.substr(step.consumed, step.body);
        auto used = step.consumed + step.body;
        if (step.what == What::body) return {used, fuzz::Then::goes_on};
        if (step.what == What::more) return {used, fuzz::Then::wants_more};
        out.what = step.what;
        FUZZ_CHECK(decoder.ended() == (out.what == What::end));
        return {used, fuzz::Then::is_over};
    });
    return out;
}

}  // namespace
}  // namespace weir::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weir;
    using namespace weir::http;
    auto input = fuzz::split(data, size);
    auto whole = decode(input.text, [&] { return input.text.size(); });
    fuzz::Pieces pieces{input.seed};
    auto slow = decode(input.text, [&] { return pieces.next(); });
    FUZZ_CHECK(whole.what == slow.what && whole.body == slow.body && whole.used == slow.used);
    if (whole.what != What::end) return 0;

    std::string text;
    for (std::size_t at = 0; at < whole.body.size();) {
        auto part = std::string_view{whole.body}.substr(at, pieces.next());
        char line[18];
        text.append(line, write_chunk_size(line, part.size())).append(part).append("\r\n");
        at += part.size();
    }
    auto again = decode(text + "0\r\n\r\n", [&] { return pieces.next(); });
    FUZZ_CHECK(again.what == What::end && again.body == whole.body);
    return 0;
}
