// SPDX-License-Identifier: Apache-2.0
// Paths and hosts of requests: the one-pass normalizer gives what a plain model in two passes gives
// (decode, then resolve), and its result needs no second round where nothing was escaped.
#include <optional>
#include <string>
#include <vector>

#include "runtime/route/router.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::route {
namespace {

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view raw) {
    std::string plain;
    for (std::size_t i = 0; i < raw.size() && raw[i] != '#'; ++i) {
        char c = raw[i];
        if (c == '%') {
            if (raw.size() - i < 3 || digit(raw[i + 1]) < 0 || digit(raw[i + 2]) < 0) return {};
            c = static_cast<char>(digit(raw[i + 1]) * 16 + digit(raw[i + 2]));
            i += 2;
        }
        if (c == '\0') return {};
        plain += c;
    }
    return plain;
}

std::optional<std::string> model(std::string_view raw, bool merge) {
    auto plain = decoded(raw);
    if (!plain) return {};
    std::vector<std::string> parts;
    bool folder = false;  // whether the path ends in a slash
    for (std::size_t from = 1;;) {
        const auto slash = plain->find('/', from);
        const auto part = plain->substr(from, slash == plain->npos ? slash : slash - from);
        const bool last = slash == plain->npos;
        folder = false;
        if (part == "." || part.empty()) {
            folder = true;
            if (part.empty() && !merge && !last) parts.emplace_back();
        } else if (part == "..") {
            if (parts.empty()) return {};
            parts.pop_back();
            folder = true;
        } else {
            parts.push_back(part);
        }
        if (last) break;
        from = slash + 1;
    }
    std::string path;
    for (const auto& part : parts) path += "/" + part;
    return folder ? path + "/" : path;
}

void check_path(std::string_view raw, bool merge) {
    Arena arena;
    const auto result = normalize_path(raw, merge, arena);
    const auto expected = model(raw, merge);
    FUZZ_CHECK(result.valid == expected.has_value());
    if (!result.valid) return;
    FUZZ_CHECK(result.path == *expected);
    FUZZ_CHECK(result.path.starts_with('/'));
}

void check_host(std::string_view text) {
    Arena arena;
    const auto result = normalize_host(text, arena);
    if (!result.valid) return;
    FUZZ_CHECK(result.host.find_first_of(" /@\r\n") == result.host.npos);
    for (char c : result.host) FUZZ_CHECK(c < 'A' || c > 'Z');
    FUZZ_CHECK(result.host.size() <= text.size());
    // A name stays what it is; one that ended in two dots is no name.
    const auto again = normalize_host(result.host, arena);
    FUZZ_CHECK(again.valid && again.host == result.host);
}

}  // namespace
}  // namespace weir::route

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = weir::fuzz::split(data, size);
    const std::string path = "/" + std::string(input.text);
    weir::route::check_path(path, input.options & 1);
    weir::route::check_host(input.text);
    return 0;
}
