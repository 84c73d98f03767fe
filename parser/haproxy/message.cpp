// SPDX-License-Identifier: Apache-2.0
// Error files: a whole HTTP response in a file, taken apart when it is read, so that rules for
// answers and the state of the client's connection apply to it as to any other answer.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/scope.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

std::string_view trimmed(std::string_view text) {
    auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

// Takes a line off the front; its end may be CR LF or LF.
std::string_view take_line(std::string_view& text) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

// "HTTP/1.0 503 Service Unavailable"
bool read_status_line(std::string_view line, ir::Message& message) {
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return false;
    if (line[7] != '0' && line[7] != '1') return false;
    message.minor = static_cast<std::uint8_t>(line[7] - '0');
    auto status = value::parse_number(line.substr(9, 3));
    if (!status || *status < 100 || *status > 599) return false;
    message.status = static_cast<std::uint16_t>(*status);
    if (line.size() > 12 && line[12] != ' ') return false;
    message.reason = std::string(line.size() > 13 ? line.substr(13) : std::string_view());
    return true;
}

bool read_field(std::string_view line, ir::Message& message) {
    auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    std::string name(line.substr(0, colon));
    // HAProxy writes the names of its own answers in lower case.
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    if (name.find(' ') != std::string::npos) return false;
    if (name == "content-length") message.sized = true;
    // What only the connection at hand decides is not taken from a file.
    if (name == "content-length" || name == "connection" || name == "keep-alive" ||
        name == "transfer-encoding")
        return true;
    message.fields.emplace_back(std::move(name), std::string(trimmed(line.substr(colon + 1))));
    return true;
}

}  // namespace

std::shared_ptr<const ir::Message> lower_message(Scope& scope, std::string_view bytes,
                                                 const Argument& path) {
    auto message = std::make_shared<ir::Message>();
    if (bytes.empty()) return message;
    auto rest = bytes;
    auto wrong = [&](std::string_view line) {
        scope.error(path.span, "bad-error-file",
                    fmt::format("\"{}\" is no HTTP response", path.text),
                    line.empty() ? "an error file starts with a line such as HTTP/1.1 503 Service "
                                   "Unavailable"
                                 : fmt::format("its line \"{}\" is no header field", line));
        return nullptr;
    };
    if (!read_status_line(take_line(rest), *message)) return wrong({});
    while (!rest.empty()) {
        auto line = take_line(rest);
        if (line.empty()) break;
        if (!read_field(line, *message)) return wrong(line);
    }
    message->body = std::string(rest);
    return message;
}

}  // namespace weir::haproxy
