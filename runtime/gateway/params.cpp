// SPDX-License-Identifier: Apache-2.0
#include "runtime/gateway/params.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace weir::gateway {

namespace {

constexpr std::size_t length_room = 12;     // digits and a colon
constexpr std::size_t packet_header = 4;    // of uwsgi
constexpr std::size_t most_in_packet = 65535;

}  // namespace

bool same_param(std::string_view field, std::string_view other) {
    return std::equal(field.begin(), field.end(), other.begin(), other.end(),
                      [](char a, char b) { return param_letter(a) == param_letter(b); });
}

std::string_view field_of(std::string_view param) {
    return param.starts_with(field_prefix) ? param.substr(field_prefix.size()) : std::string_view();
}

ScgiParams::ScgiParams(net::Buffer& out) : out_(out), before_(out.size()) {
    constexpr char room[length_room] = {};
    out_.put({room, sizeof room});
}

// The length goes right before the pairs, and what stood there before right before that.
void ScgiParams::finish() {
    char digits[length_room];
    auto* end = std::to_chars(digits, digits + sizeof digits - 1, out_.size() - before_ - length_room).ptr;
    *end++ = ':';
    auto size = static_cast<std::size_t>(end - digits);
    auto unused = length_room - size;
    std::memmove(out_.data() + unused, out_.data(), before_);
    std::memcpy(out_.data() + unused + before_, digits, size);
    out_.consume(unused);
    out_.put(",");
}

UwsgiParams::UwsgiParams(net::Buffer& out, std::uint8_t modifier1, std::uint8_t modifier2)
    : out_(out), start_(out.size()) {
    char header[packet_header] = {static_cast<char>(modifier1), 0, 0, static_cast<char>(modifier2)};
    out_.put({header, sizeof header});
}

void UwsgiParams::put_length(std::size_t length) {
    char bytes[2] = {static_cast<char>(length & 0xff), static_cast<char>(length >> 8 & 0xff)};
    fits_ = fits_ && length <= most_in_packet;
    out_.put({bytes, 2});
}

void UwsgiParams::begin(std::size_t name, std::size_t value) {
    value_ = value;
    put_length(name);
}

bool UwsgiParams::finish() {
    auto size = out_.size() - start_ - packet_header;
    if (!fits_ || size > most_in_packet) return false;
    out_.data()[start_ + 1] = static_cast<char>(size & 0xff);
    out_.data()[start_ + 2] = static_cast<char>(size >> 8);
    return true;
}

}  // namespace weir::gateway
