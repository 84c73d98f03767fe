// SPDX-License-Identifier: Apache-2.0
// HTTP/1.0 and 1.1 on the wire (RFC 9112): heads and chunked bodies, bytes to structs and back.
// Pure functions over memory, no sockets. Strict: whatever two programs could read differently is
// refused (bare CR, bare LF in names, obs-fold, space before the colon, doubled or malformed
// Content-Length, Transfer-Encoding other than exactly "chunked", CL with TE, ...).
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/http/message.hpp"

namespace weir::http {

enum class ParseStatus : std::uint8_t {
    done,
    more,             // needs more bytes
    bad,              // 400
    line_too_long,    // request line over max_line: 414
    field_too_long,   // a field over max_line, or the head over max_head: 431 (nginx: 400)
    too_many_fields,  // 431
    bad_version,      // 505
    not_implemented,  // 501: a transfer coding weir does not know
};

struct HeadLimits {
    std::uint32_t max_line = 8192;
    std::uint32_t max_head = 32768;
    std::uint32_t max_fields = 1000;
    bool drop_invalid = true;      // nginx ignore_invalid_headers: leave odd names out, else refuse
    bool underscores = false;      // nginx underscores_in_headers: '_' is a valid name byte
    bool allow_underscores_only_drop = true;
    bool lenient_lf = true;        // a bare LF ends a line (RFC 9112 section 2.2), heads only
};

struct ParseResult {
    ParseStatus status = ParseStatus::more;
    std::uint32_t bytes = 0;       // done: length of the head with its blank line
    const char* why = "";          // bad: for the error log
};

// Parses from data[0]; leading empty lines are skipped (and counted in bytes). Views in `head` point
// into data. Call again with more data from the same start; *resume keeps what was already scanned.
ParseResult parse_request_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                               RequestHead& head, std::uint32_t* resume);
// The method of the request decides the framing of its response (RFC 9112 section 6.3).
ParseResult parse_response_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                                Method request_method, ResponseHead& head, std::uint32_t* resume);

// Incremental chunked decoder. feed() consumes framing and says where body bytes lie in the input.
class ChunkedDecoder {
public:
    struct Step {
        enum class What : std::uint8_t { more, body, end, bad } what = What::more;
        std::uint32_t consumed = 0;      // framing bytes before the body piece, or all of them
        std::uint64_t body = 0;          // with What::body: bytes of body that follow `consumed`
                                         // and are in the input; the caller skips them
        const char* why = "";
    };
    // Looks at data, returns one step. The caller advances by consumed + body and calls again.
    Step feed(std::string_view data);
    [[nodiscard]] bool ended() const { return state_ == State::end; }
    // Body bytes left in the chunk under way (for splice).
    [[nodiscard]] std::uint64_t left_in_chunk() const { return left_; }
    void skip_body(std::uint64_t bytes) { left_ -= bytes; }

private:
    enum class State : std::uint8_t {
        size_first, size, extension, size_lf, body, body_cr, body_lf, trailer_start, trailer,
        trailer_lf, end_lf, end
    };
    State state_ = State::size_first;
    std::uint8_t digits_ = 0;
    std::uint32_t extension_bytes_ = 0, trailer_bytes_ = 0;
    std::uint64_t left_ = 0;
};

// "1a3\r\n" into out (at least 18 bytes); returns its length.
std::uint32_t write_chunk_size(char* out, std::uint64_t size);

}  // namespace weir::http
