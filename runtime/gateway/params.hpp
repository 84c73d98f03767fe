// SPDX-License-Identifier: Apache-2.0
// What relatives of CGI are told of a request: names of parameters (RFC 3875 section 4.1.18), and how
// SCGI and uwsgi write them. A writer takes for each pair begin(), the bytes of the name by put(),
// between(), the bytes of the value by put() and end().
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/net/buffer.hpp"

namespace weir::gateway {

// "HTTP_" and the field's name in capitals, with '_' for '-'.
inline constexpr std::string_view field_prefix = "HTTP_";
constexpr char param_letter(char letter) {
    if (letter == '-') return '_';
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
}
// Whether both become the same parameter. An application sees no difference between X-A and X_A.
bool same_param(std::string_view field, std::string_view other);
// The field that a parameter such as "HTTP_IF_RANGE" stands for, as "IF_RANGE"; empty: none.
std::string_view field_of(std::string_view param);

// SCGI: a netstring of names and values, each with a NUL behind it. What `out` holds before goes first.
class ScgiParams {
public:
    explicit ScgiParams(net::Buffer& out);
    void begin(std::size_t, std::size_t) {}
    void put(std::string_view bytes) { out_.put(bytes); }
    void between() { out_.put({"", 1}); }
    void end() { out_.put({"", 1}); }
    void finish();

private:
    net::Buffer& out_;
    std::size_t before_;   // bytes of `out` in front of the room that is left for the length
};

// uwsgi: a packet of pairs, with two bytes for each length, the lowest first.
class UwsgiParams {
public:
    UwsgiParams(net::Buffer& out, std::uint8_t modifier1, std::uint8_t modifier2);
    void begin(std::size_t name, std::size_t value);
    void put(std::string_view bytes) { out_.put(bytes); }
    void between() { put_length(value_); }
    void end() {}
    // False: more than a packet can hold.
    bool finish();

private:
    void put_length(std::size_t length);

    net::Buffer& out_;
    std::size_t start_, value_ = 0;
    bool fits_ = true;
};

}  // namespace weir::gateway
