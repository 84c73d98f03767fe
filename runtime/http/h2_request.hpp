// SPDX-License-Identifier: Apache-2.0
// A request head from the fields of an HTTP/2 header section (RFC 9113 section 8), one after the other
// and straight into the exchange's arena. Strict: nothing gets through that HTTP/1 would read
// differently. Pure; knows no frames and no HPACK.
#pragma once

#include "runtime/base/arena.hpp"
#include "runtime/http/h1_codec.hpp"

namespace weir::http {

struct H2Rules {
    HeadLimits bounds;
    bool absolute_targets = false;    // the target is scheme://authority/path (HAProxy), not the path
    bool needs_host = true;           // :authority or Host must be there (nginx)
    bool extended_connect = true;     // RFC 8441 is offered
};

// Names a property of the connection, not of the message: no field of HTTP/2 (RFC 9113 section 8.2.2).
bool is_of_connection(FieldId id);

class H2RequestBuilder {
public:
    H2RequestBuilder(Arena& arena, RequestHead& head) : arena_(arena), head_(head) {}
    // The next field. What it got wrong shows in finish(); it may go on being called.
    void add(std::string_view name, std::string_view value, const H2Rules& rules);
    // After the last one; `ends`: no body follows. `done`, or why the request is refused.
    ParseResult finish(bool ends, const H2Rules& rules);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }   // of names and values so far
    [[nodiscard]] std::uint32_t fields() const { return count_; }
    [[nodiscard]] std::string_view priority() const { return priority_; }
    // What is wrong is told by an answer (400), whatever the manner of the session is.
    [[nodiscard]] bool wants_answer() const { return wants_answer_; }

private:
    bool fail(const char* why, ParseStatus status = ParseStatus::bad) {
        if (result_.status == ParseStatus::done) result_ = {status, 0, why};
        return false;
    }
    bool check_size(std::string_view name, std::string_view value, const H2Rules& rules);
    void add_pseudo(std::string_view name, std::string_view value);
    void add_field(std::string_view name, std::string_view value, const H2Rules& rules);
    bool check_special(const Field& field, const H2Rules& rules);
    bool take_length(std::string_view value);
    Field make_field(std::string_view name, std::string_view value);
    bool check_pseudo(const H2Rules& rules);
    bool check_path(const H2Rules& rules);
    bool check_host(const H2Rules& rules);
    void make_target(const H2Rules& rules);
    void become_upgrade();
    void join_cookies();

    Arena& arena_;
    RequestHead& head_;
    ParseResult result_{ParseStatus::done, 0, ""};
    std::uint64_t bytes_ = 0;
    std::uint32_t count_ = 0, cookies_ = 0;
    bool regular_ = false;            // a field that is no pseudo-header came
    bool has_length_ = false, is_connect_ = false, wants_answer_ = false;
    std::string_view method_, scheme_, path_, authority_, protocol_, host_, priority_;
};

// A trailer field of a request may be passed on: a name and value that are right, and none that says
// how a message is framed or where it goes (RFC 9110 section 6.5.1).
bool is_valid_h2_field(std::string_view name, std::string_view value);
bool may_be_trailer(FieldId id);

}  // namespace weir::http
