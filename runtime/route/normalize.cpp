// SPDX-License-Identifier: Apache-2.0
// Paths and hosts as nginx understands them, from bytes a peer sent. Pure; fuzzed.
#include <cstring>

#include "runtime/route/router.hpp"

namespace weir::route {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// Whether anything has to be done: an escape, a fragment, or what follows a slash.
bool is_plain(std::string_view raw) {
    char before = 0;
    for (char c : raw) {
        if (c == '%' || c == '#' || c == '\0') return false;
        if (before == '/' && (c == '/' || c == '.')) return false;
        before = c;
    }
    return true;
}

class Normalizer {
public:
    Normalizer(std::string_view raw, bool merge_slashes, Arena& arena)
        : raw_(raw), merge_(merge_slashes), start_(arena.bytes(raw.size() + 1)), at_(start_) {}

    NormalizedPath run() {
        std::size_t i = 0;
        while (i < raw_.size()) {
            char c = raw_[i++];
            if (c == '#') break;
            if (c == '%') {
                if (i + 2 > raw_.size()) return {};
                const int high = hex_digit(raw_[i]), low = hex_digit(raw_[i + 1]);
                if (high < 0 || low < 0) return {};
                c = static_cast<char>(high << 4 | low);
                i += 2;
            }
            if (c == '\0') return {};
            if (c != '/') {
                *at_++ = c;
            } else if (!end_segment(true)) {
                return {};
            }
        }
        if (!end_segment(false)) return {};
        return {true, {start_, static_cast<std::size_t>(at_ - start_)}};
    }

private:
    // The segment after the last slash is complete: "." and ".." go away, and a slash follows
    // unless this is the end. An escaped slash or dot counts as a plain one.
    bool end_segment(bool slash) {
        char* segment = at_;
        while (segment > start_ && segment[-1] != '/') --segment;
        const std::size_t size = static_cast<std::size_t>(at_ - segment);
        const bool rooted = segment > start_;
        if (rooted && size == 1 && segment[0] == '.') {
            at_ = segment;
            return true;
        }
        if (rooted && size == 2 && segment[0] == '.' && segment[1] == '.') {
            at_ = segment - 1;                // the slash in front of the dots
            if (at_ == start_) return false;  // above the root
            while (at_ > start_ && at_[-1] != '/') --at_;
            return true;
        }
        if (slash && !(merge_ && rooted && size == 0)) *at_++ = '/';
        return true;
    }

    std::string_view raw_;
    bool merge_;
    char* const start_;
    char* at_;
};

}  // namespace

NormalizedPath normalize_path(std::string_view raw, bool merge_slashes, Arena& arena) {
    if (is_plain(raw)) return {true, raw};
    return Normalizer(raw, merge_slashes, arena).run();
}

NormalizedHost normalize_host(std::string_view authority, Arena& arena) {
    std::size_t end = authority.size(), last_dot = std::string_view::npos;
    bool upper = false;
    std::size_t i = 0;
    if (!authority.empty() && authority.front() == '[') {  // an IPv6 literal stands whole
        i = authority.find(']');
        if (i == std::string_view::npos) return {};
        for (std::size_t k = 1; k < i; ++k) {
            const char c = authority[k];
            if (hex_digit(c) < 0 && c != ':' && c != '.') return {};
            upper = upper || (c >= 'A' && c <= 'F');
        }
        ++i;
        if (i < authority.size() && authority[i] != ':') return {};
        end = i;
    }
    for (; i < authority.size(); ++i) {
        const char c = authority[i];
        if (c == ':') {
            end = std::min(end, i);
            for (++i; i < authority.size(); ++i) {
                if (authority[i] < '0' || authority[i] > '9') return {};
            }
            break;
        }
        if (c == '.') {
            if (last_dot == i - 1 && i > 0) return {};  // ".."
            last_dot = i;
        }
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7f || c == '/' || c == '@') return {};
        upper = upper || (c >= 'A' && c <= 'Z');
    }
    std::string_view host = authority.substr(0, end);
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.empty() && !authority.empty()) return {};
    if (!upper) return {true, host};
    char* out = arena.bytes(host.size());
    for (std::size_t k = 0; k < host.size(); ++k) {
        out[k] = host[k] >= 'A' && host[k] <= 'Z' ? static_cast<char>(host[k] | 0x20) : host[k];
    }
    return {true, {out, host.size()}};
}

}  // namespace weir::route
