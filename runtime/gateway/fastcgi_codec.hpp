// SPDX-License-Identifier: Apache-2.0
// FastCGI 1.0 on the wire, as the side that asks: records, and names with values. Pure functions over
// memory, no sockets. One request at a time on a connection, always of the same number. Strict: a record
// of another version, request or type, or in the wrong place, ends the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/net/buffer.hpp"

namespace weir::gateway {

// FastCGI specification, section 8; only those that pass between a server and a responder.
enum class RecordType : std::uint8_t {
    begin_request = 1,
    end_request = 3,
    params = 4,
    input = 5,    // FCGI_STDIN
    output = 6,   // FCGI_STDOUT
    errors = 7,   // FCGI_STDERR
};

inline constexpr std::size_t record_header = 8;        // bytes in front of each content
inline constexpr std::size_t most_content = 65528;     // bytes of one record; all but the last are full

// The eight bytes in front of `content` bytes, which are followed by `padding` ones that mean nothing.
void write_record_header(char* out, RecordType type, std::size_t content, std::uint8_t padding = 0);

// Writes the beginning of a request (BEGIN_REQUEST for a responder, then PARAMS) behind what `out` holds.
// For each pair begin(), the bytes of the name and then those of the value by put(); finish() at the end.
class FastcgiParams {
public:
    // `keep`: the application leaves the connection open behind its answer (FCGI_KEEP_CONN).
    FastcgiParams(net::Buffer& out, bool keep);
    void begin(std::size_t name, std::size_t value);
    void put(std::string_view bytes);
    void between() {}   // name and value
    void end() {}       // of a pair
    void finish();

private:
    void put_length(std::size_t length);
    void open_record();
    void close_record(std::uint8_t padding);

    net::Buffer& out_;
    std::size_t record_ = 0;    // where the header of the record under way stands in `out`
    std::size_t content_ = 0;   // its bytes so far
};

// Takes an answer apart, in pieces of any size.
class FastcgiDecoder {
public:
    struct Step {
        enum class What : std::uint8_t {
            more,         // all of the data was consumed
            output,       // `content` bytes of the answer
            errors,       // of what the application says to its operator
            output_end,   // no more output comes; END_REQUEST should
            end,          // the request is over; what follows is not of it
            bad,          // broken framing: `why`
        } what = What::more;
        std::uint32_t consumed = 0;   // bytes of framing
        // output, errors: that many bytes follow `consumed` and lie in the data. take() tells how many
        // of them are used up; the next feed() begins behind those.
        std::uint32_t content = 0;
        const char* why = "";
    };
    Step feed(std::string_view data);
    void take(std::uint32_t bytes) { left_ = static_cast<std::uint16_t>(left_ - bytes); }
    [[nodiscard]] bool ended() const { return state_ == State::ended; }

    // What END_REQUEST says of it.
    enum class Outcome : std::uint8_t {
        complete = 0,
        one_at_a_time = 1,   // FCGI_CANT_MPX_CONN
        overloaded = 2,
        unknown_role = 3,
    };
    [[nodiscard]] Outcome outcome() const { return static_cast<Outcome>(end_[4]); }
    // The application did not begin with the request.
    [[nodiscard]] bool refused() const {
        return ended() && (outcome() == Outcome::overloaded || outcome() == Outcome::one_at_a_time);
    }

private:
    enum class State : std::uint8_t { header, content, padding, ended, bad };
    const char* on_header();

    State state_ = State::header;
    RecordType type_ = RecordType::output;
    bool output_ended_ = false;
    std::uint8_t have_ = 0;      // bytes of the header so far
    std::uint8_t padding_ = 0;   // still to be skipped
    std::uint16_t left_ = 0;     // of the content
    std::uint16_t idle_ = 0;     // records in a row that brought no output
    unsigned char header_[record_header] = {};
    unsigned char end_[8] = {};
    const char* why_ = "";
};

}  // namespace weir::gateway
