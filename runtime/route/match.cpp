// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/match.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

using How = ir::PatternSet::How;
constexpr std::size_t few = 8;  // so many are compared one by one

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::string lower(std::string text) {
    for (char& c : text) c = lower(c);
    return text;
}

std::string_view reversed(std::string_view text, Arena& arena) {
    char* out = arena.bytes(text.size());
    std::reverse_copy(text.begin(), text.end(), out);
    return {out, text.size()};
}

bool test_file(std::string_view path, How how) {
    char name[PATH_MAX];
    if (path.empty() || path.size() >= sizeof name) return false;
    std::memcpy(name, path.data(), path.size());
    name[path.size()] = '\0';
    struct stat facts {};
    if (stat(name, &facts) != 0) return false;
    if (how == How::file_exists) return S_ISREG(facts.st_mode);
    if (how == How::dir_exists) return S_ISDIR(facts.st_mode);
    if (how == How::executable) return (facts.st_mode & S_IXUSR) != 0;
    return true;
}

}  // namespace

std::string_view lower_case(std::string_view text, Arena& arena) {
    const auto upper = std::find_if(text.begin(), text.end(), [](char c) { return c != lower(c); });
    if (upper == text.end()) return text;
    char* out = arena.bytes(text.size());
    std::transform(text.begin(), text.end(), out, [](char c) { return lower(c); });
    return {out, text.size()};
}

void PrefixIndex::build(std::vector<std::string> texts) {
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    texts_ = std::move(texts);
    parents_.assign(texts_.size(), -1);
    for (std::size_t i = 1; i < texts_.size(); ++i) {
        auto candidate = static_cast<std::int32_t>(i) - 1;
        while (candidate >= 0 &&
               !texts_[i].starts_with(texts_[static_cast<std::size_t>(candidate)])) {
            candidate = parents_[static_cast<std::size_t>(candidate)];
        }
        parents_[i] = candidate;
    }
}

bool PrefixIndex::any_prefix_of(std::string_view text) const {
    const auto after = std::upper_bound(texts_.begin(), texts_.end(), text);
    auto at = static_cast<std::int32_t>(after - texts_.begin()) - 1;
    while (at >= 0) {
        if (text.starts_with(texts_[static_cast<std::size_t>(at)])) return true;
        at = parents_[static_cast<std::size_t>(at)];
    }
    return false;
}

Patterns::Patterns(const ir::PatternSet& set, const Span& span, Library& library)
    : set_(set), library_(library) {
    if (set.how == How::regex) {
        for (const auto& text : set.texts) {
            if (const auto* regex = library.regex(text, set.ignore_case, span)) {
                regexes_.push_back(regex);
            }
        }
        return;
    }
    texts_ = set.texts;
    if (set.ignore_case) {
        for (auto& text : texts_) text = lower(std::move(text));
    }
    if (set.how == How::equal) equal_.insert(texts_.begin(), texts_.end());
    if (set.how == How::prefix) prefixes_.build(texts_);
    if (set.how == How::suffix) {
        auto backwards = texts_;
        for (auto& text : backwards) std::reverse(text.begin(), text.end());
        prefixes_.build(std::move(backwards));
    }
    merge_ranges();
    add_networks();
}

void Patterns::merge_ranges() {
    auto sorted = set_.ranges;
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.low < b.low; });
    for (const auto& range : sorted) {
        if (!ranges_.empty() && range.low <= ranges_.back().high) {
            ranges_.back().high = std::max(ranges_.back().high, range.high);
        } else if (range.low <= range.high) {
            ranges_.push_back(range);
        }
    }
}

bool Patterns::in_ranges(std::int64_t number) const {
    auto after = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                  [](std::int64_t n, const auto& range) { return n < range.low; });
    return after != ranges_.begin() && number <= (after - 1)->high;
}

std::string_view Patterns::masked(const IpAddress& ip, unsigned bits, char* to) {
    const std::size_t size = ip.family == IpAddress::Family::v4 ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i) {
        const unsigned kept = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
        to[i] = static_cast<char>(ip.bytes[i] & (0xff00u >> kept));
    }
    return {to, size};
}

void Patterns::add_networks() {
    char key[16];
    for (const auto& network : set_.networks) {
        auto found = std::find_if(networks_.begin(), networks_.end(), [&](const Length& length) {
            return length.bits == network.bits && length.family == network.address.family;
        });
        if (found == networks_.end()) {
            networks_.push_back({network.bits, network.address.family, {}});
            found = networks_.end() - 1;
        }
        found->keys.emplace(masked(network.address, network.bits, key));
    }
}

bool Patterns::in_networks(const IpAddress& ip) const {
    char key[16];
    for (const auto& length : networks_) {
        if (length.family == ip.family && length.keys.contains(masked(ip, length.bits, key))) {
            return true;
        }
    }
    if (ip.family == IpAddress::Family::v4) return false;
    // ::ffff:192.0.2.1 is the IPv4 address for IPv4 networks, too.
    static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(ip.bytes, mapped, sizeof mapped) != 0) return false;
    IpAddress inner;
    inner.family = IpAddress::Family::v4;
    std::memcpy(inner.bytes, ip.bytes + 12, 4);
    return in_networks(inner);
}

bool has_part(std::string_view text, std::string_view pattern, std::string_view delimiters) {
    auto is_edge = [&](std::size_t at) {
        return at >= text.size() || delimiters.find(text[at]) != std::string_view::npos;
    };
    const auto from = pattern.find_first_not_of(delimiters);
    if (from == std::string_view::npos) return false;
    pattern = pattern.substr(from, pattern.find_last_not_of(delimiters) + 1 - from);
    for (auto at = text.find(pattern); at != std::string_view::npos; at = text.find(pattern, at + 1)) {
        if ((at == 0 || is_edge(at - 1)) && is_edge(at + pattern.size())) return true;
    }
    return false;
}

bool Patterns::matches_parts(std::string_view text, std::string_view delimiters) const {
    return std::any_of(texts_.begin(), texts_.end(),
                       [&](const auto& one) { return has_part(text, one, delimiters); });
}

bool Patterns::matches_text(std::string_view text, Subject& subject) const {
    if (set_.how == How::regex) {
        for (const auto* regex : regexes_) {
            const bool found = set_.keeps_captures
                                   ? library_.match_and_capture(*regex, text, subject)
                                   : regex->matches(text);
            if (found) return true;
        }
        return false;
    }
    if (set_.ignore_case) text = lower_case(text, *subject.arena);
    switch (set_.how) {
        case How::equal:
            if (texts_.size() > few) return equal_.contains(text);
            return std::find(texts_.begin(), texts_.end(), text) != texts_.end();
        case How::prefix:
            if (texts_.size() > few) return prefixes_.any_prefix_of(text);
            return std::any_of(texts_.begin(), texts_.end(),
                               [&](const auto& one) { return text.starts_with(one); });
        case How::suffix:
            if (texts_.size() > few) {
                return prefixes_.any_prefix_of(reversed(text, *subject.arena));
            }
            return std::any_of(texts_.begin(), texts_.end(),
                               [&](const auto& one) { return text.ends_with(one); });
        case How::substring:
            return std::any_of(texts_.begin(), texts_.end(), [&](const auto& one) {
                return text.find(one) != std::string_view::npos;
            });
        case How::directory: return matches_parts(text, "/?");
        case How::domain: return matches_parts(text, "/?.:");
        case How::regex:
        case How::integer:
        case How::length:
        case How::network:
        case How::found:
        case How::truth:
        case How::file_exists:
        case How::dir_exists:
        case How::any_exists:
        case How::executable: break;
    }
    return false;
}

bool Patterns::matches(const Value& value, Subject& subject) const {
    if (!value.exists) return false;
    switch (set_.how) {
        case How::found: return true;
        case How::truth:
            if (value.type != ir::Type::bytes) return to_number(value) != 0;
            return !value.bytes.empty() && value.bytes != "0";
        case How::integer: return in_ranges(to_number(value));
        case How::length:
            return in_ranges(static_cast<std::int64_t>(to_text(value, *subject.arena).size()));
        case How::network: {
            const Value address = to_address(value);
            return address.exists && in_networks(address.ip);
        }
        case How::file_exists:
        case How::dir_exists:
        case How::any_exists:
        case How::executable: return test_file(to_text(value, *subject.arena), set_.how);
        case How::equal:
        case How::prefix:
        case How::suffix:
        case How::substring:
        case How::directory:
        case How::domain:
        case How::regex: return matches_text(to_text(value, *subject.arena), subject);
    }
    return false;
}

}  // namespace weir::route
