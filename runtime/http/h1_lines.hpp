// SPDX-License-Identifier: Apache-2.0
// Writing the lines of an HTTP/1 head (RFC 9112 section 2.1) into a buffer. The start line and all fields go
// through here, of requests to servers and of answers to clients.
#pragma once

#include <charconv>

#include "runtime/http/message.hpp"
#include "runtime/net/buffer.hpp"

namespace weir::http {

inline void put(net::Buffer& out, std::string_view bytes) { out.put(bytes); }

inline void put_field(net::Buffer& out, std::string_view name, std::string_view value) {
    put(out, name);
    put(out, ": ");
    put(out, value);
    put(out, "\r\n");
}

inline void put_number(net::Buffer& out, std::uint64_t number) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    put(out, {digits, static_cast<std::size_t>(end - digits)});
}

// Fields that pass, one after the other. Lines that nobody touched and that lie side by side are copied
// in one piece.
class PassedLines {
public:
    explicit PassedLines(net::Buffer& out) : out_(out) {}
    void pass(const Field& field) {
        if (!field.line.empty() && run_.data() + run_.size() == field.line.data()) {
            run_ = {run_.data(), run_.size() + field.line.size()};
            return;
        }
        finish();
        if (field.line.empty()) put_field(out_, field.name, field.value);
        else run_ = field.line;
    }
    // After the last one.
    void finish() {
        put(out_, run_);
        run_ = {};
    }

private:
    net::Buffer& out_;
    std::string_view run_;
};

}  // namespace weir::http
