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
    // nginx ignore_invalid_headers: a request field whose name holds more than letters, digits and
    // '-' is left out (a response field: more than token bytes). Else: token bytes (RFC 9110) are
    // taken, anything more is refused, as HAProxy does.
    bool drop_invalid = true;
    bool underscores = false;  // nginx underscores_in_headers: '_' is valid with drop_invalid
    bool lenient_lf = true;    // a bare LF ends a line (RFC 9112 section 2.2), heads only
    bool fragments = false;    // nginx: '#' and what follows is taken, outside path and query
    bool fragment_behind_host = false;   // with it: also where an absolute target has no path
    bool high_bytes = true;    // bytes over 0x7f in a target: nginx takes, HAProxy refuses them
    bool needs_host = true;           // in HTTP/1.1 (RFC 9112 section 3.2); HAProxy does not ask for it
    // More than one blank between the parts of a request line is taken, and RequestHead::line has one
    // (HAProxy); else that is refused.
    bool tidy_line = false;
    bool upper_case_methods = false;  // other letters in a method are refused
    bool target_host_wins = false;    // Host may differ from the host of an absolute target
};

struct ParseResult {
    ParseStatus status = ParseStatus::more;
    std::uint32_t bytes = 0;  // done: length of the head with its blank line
    const char* why = "";     // bad: for the error log
};

// Parses from data[0]; leading empty lines are skipped (and counted in bytes). Views in `head`
// point into data. Call again with more data from the same start; *resume keeps what was already
// scanned (0 before the first call; reset to 0 by any answer but `more`, after which head is not
// complete). `head` is new, or was used before with the same arena. A field whose line is not in
// the form that may be sent on as it is (bare LF) has an empty Field::line.
ParseResult parse_request_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                               RequestHead& head, std::uint32_t* resume);
// The method of the request decides the framing of its response (RFC 9112 section 6.3). After 101
// and after a 2xx to CONNECT `upgrade` is set: what follows the head is a tunnel. keep_alive is
// false also when a message without a body announces one, since its bytes may follow all the same.
ParseResult parse_response_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                                Method request_method, ResponseHead& head, std::uint32_t* resume);
// The head that a relative of CGI answers with (RFC 3875 section 6): fields alone. Status says the
// status (200 without it, 302 where there is a Location) and stays among the fields. The body ends by
// Content-Length, else as the protocol below ends it (Framing::until_close); Transfer-Encoding and
// Connection have no meaning. Statuses below 200 are refused.
ParseResult parse_cgi_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                           Method request_method, ResponseHead& head, std::uint32_t* resume);

// Incremental chunked decoder. feed() consumes framing and says where body bytes lie in the input.
// Trailers are checked and consumed: the caller may send the framing on as it came, or leave it
// out.
class ChunkedDecoder {
public:
    struct Step {
        enum class What : std::uint8_t { more, body, end, bad } what = What::more;
        std::uint32_t consumed = 0;  // framing bytes before the body piece, or all of them
        std::uint32_t trailers = 0;  // how many of these, at their end, are of the trailer section
        std::uint64_t body = 0;      // with What::body: bytes of body that follow `consumed`
                                     // and are in the input; already taken off left_in_chunk()
        const char* why = "";
    };
    // Looks at data, returns one step. The caller advances by consumed + body and calls again.
    // After `more` all of data is consumed.
    Step feed(std::string_view data);
    [[nodiscard]] bool ended() const { return state_ == State::end; }
    // Body bytes of the chunk under way that no step has reported yet (for splice).
    [[nodiscard]] std::uint64_t left_in_chunk() const { return left_; }
    // Body bytes that the caller moved past the decoder.
    void skip_body(std::uint64_t bytes) { left_ -= bytes; }

private:
    enum class State : std::uint8_t {
        size_first,
        size,
        size_space,
        extension,
        size_lf,
        body,
        body_cr,
        body_lf,
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_lf,
        end_lf,
        end,
        bad
    };
    const char* on_size(char byte);
    const char* on_size_line_end();
    const char* on_trailer(char byte);
    const char* on_byte(char byte);

    State state_ = State::size_first;
    std::uint8_t digits_ = 0;
    std::uint8_t name_size_ = 0;
    char name_[19];  // of the trailer under way, as far as it can be a known one
    std::uint32_t extension_bytes_ = 0, trailer_bytes_ = 0;
    std::uint64_t left_ = 0;
};

// "1a3\r\n" into out (at least 18 bytes); returns its length.
std::uint32_t write_chunk_size(char* out, std::uint64_t size);

}  // namespace weir::http
