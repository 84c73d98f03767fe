// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/client_hello.hpp"

#include <cstring>

namespace weir::net {

namespace {

constexpr std::uint8_t record_of_handshake = 22;
constexpr std::size_t record_head = 5, message_head = 4;
constexpr std::uint16_t extension_server_name = 0, extension_alpn = 16, extension_versions = 43;

// Takes numbers and pieces off the front; what is not there any more makes it fail for good.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    std::uint32_t number(std::size_t size) {
        std::uint32_t value = 0;
        for (unsigned char byte : bytes(size)) value = value << 8 | byte;
        return value;
    }
    std::string_view bytes(std::size_t size) {
        if (size > rest_.size()) {
            failed_ = true;
            rest_ = {};
            return {};
        }
        auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    // A piece behind its length of that many bytes.
    std::string_view piece(std::size_t length_size) { return bytes(number(length_size)); }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

private:
    std::string_view rest_;
    bool failed_ = false;
};

void read_server_name(std::string_view list, ClientHello& hello) {
    Reader names(Reader(list).piece(2));
    while (!names.empty()) {
        auto kind = names.number(1);
        auto name = names.piece(2);
        if (kind == 0 && !names.failed() && hello.server_name.empty()) hello.server_name = name;
    }
}

void read_versions(std::string_view list, ClientHello& hello) {
    Reader versions(Reader(list).piece(1));
    std::uint16_t highest = 0;
    while (!versions.empty()) {
        auto version = static_cast<std::uint16_t>(versions.number(2));
        // RFC 8701: values that only keep servers from depending on the known ones.
        bool grease = (version & 0x0f0f) == 0x0a0a;
        if (!versions.failed() && !grease && version > highest) highest = version;
    }
    if (highest != 0) hello.highest_version = highest;
}

bool read_hello(std::string_view body, ClientHello& hello) {
    Reader reader(body);
    hello.version = hello.highest_version = static_cast<std::uint16_t>(reader.number(2));
    reader.bytes(32);   // random
    reader.piece(1);    // session id
    hello.ciphers = reader.piece(2);
    reader.piece(1);    // compression methods
    if (reader.failed()) return false;
    if (reader.empty()) return true;
    hello.extensions = reader.piece(2);
    Reader extensions(hello.extensions);
    while (!extensions.empty()) {
        auto kind = static_cast<std::uint16_t>(extensions.number(2));
        auto content = extensions.piece(2);
        if (extensions.failed()) return false;
        if (kind == extension_server_name) read_server_name(content, hello);
        if (kind == extension_versions) read_versions(content, hello);
        if (kind == extension_alpn) hello.alpn = Reader(content).piece(2);
    }
    return !reader.failed();
}

}  // namespace

HelloStatus parse_client_hello(std::string_view bytes, ClientHello& hello) {
    hello = {};
    if (bytes.empty()) return HelloStatus::more;
    if (static_cast<unsigned char>(bytes[0]) != record_of_handshake) return HelloStatus::absent;
    if (bytes.size() > 1 && bytes[1] != 3) return HelloStatus::absent;   // SSL 3.0 and TLS
    if (bytes.size() < record_head + message_head) return HelloStatus::more;
    Reader head(bytes.substr(3));
    auto record = head.number(2);
    auto type = head.number(1);
    auto length = head.number(3);
    // Nobody spreads a hello over several records; who would has something to hide.
    if (length + message_head > record) return HelloStatus::absent;
    hello.type = static_cast<std::int32_t>(type);
    if (type != 1) return HelloStatus::done;
    auto whole = record_head + message_head + length;
    if (bytes.size() < whole) {
        hello.type = -1;
        return HelloStatus::more;
    }
    if (!read_hello(bytes.substr(record_head + message_head, length), hello)) {
        hello = {};
        return HelloStatus::absent;
    }
    return HelloStatus::done;
}

std::string_view find_extension(const ClientHello& hello, std::uint16_t type) {
    Reader extensions(hello.extensions);
    while (!extensions.empty()) {
        auto kind = extensions.number(2);
        auto content = extensions.piece(2);
        if (extensions.failed()) break;
        if (kind == type) return content;
    }
    return {};
}

std::size_t key_share_groups(std::string_view extension, char* out) {
    Reader entries(Reader(extension).piece(2));
    std::size_t size = 0;
    while (!entries.empty()) {
        auto group = entries.bytes(2);
        entries.piece(2);
        if (entries.failed()) break;
        out[size++] = group[0];
        out[size++] = group[1];
    }
    return size;
}

std::size_t write_alpn(std::string_view list, char* out) {
    Reader names(list);
    std::size_t size = 0;
    while (!names.empty()) {
        auto name = names.piece(1);
        if (names.failed()) break;
        if (size != 0) out[size++] = ',';
        std::memcpy(out + size, name.data(), name.size());
        size += name.size();
    }
    return size;
}

std::string_view version_name(std::uint16_t version) {
    switch (version) {
        case 0x0300: return "SSLv3";
        case 0x0301: return "TLSv1";
        case 0x0302: return "TLSv1.1";
        case 0x0303: return "TLSv1.2";
        case 0x0304: return "TLSv1.3";
        default: return {};
    }
}

}  // namespace weir::net
