// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/file_map.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "runtime/route/fetch.hpp"
#include "runtime/route/match.hpp"
#include "runtime/route/real_address.hpp"

namespace weir::route {

namespace {

using How = ir::PatternSet::How;

Value value_of(std::string_view text, ir::Type type) {
    if (type == ir::Type::integer) {
        std::int64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        return Value::of_number(number);
    }
    if (type == ir::Type::address) {
        IpAddress ip;
        return parse_address(text, ip) ? Value::of_address(ip) : Value::missing();
    }
    return Value::of(text);
}

// Views into the configuration, which outlives the map.
Value value_of(const ir::Text& text, ir::Type type) {
    return value_of(text.pieces.empty() ? std::string_view() : std::string_view(text.pieces[0].literal), type);
}

bool fits(How how, std::string_view text, std::string_view key) {
    switch (how) {
        case How::suffix: return text.ends_with(key);
        case How::substring: return text.find(key) != text.npos;
        case How::directory: return has_part(text, key, "/?");
        case How::domain: return has_part(text, key, "/?.:");
        default: return false;
    }
}

bool has_order(How how) {
    return how == How::suffix || how == How::substring || how == How::directory || how == How::domain;
}

}  // namespace

FileMap::FileMap(const ir::Map& conf, Library& library) : conf_(conf) {
    const auto how = *conf.compared;
    for (std::size_t i = 0; i < conf.entries.size(); ++i) {
        const auto& entry = conf.entries[i];
        values_.push_back(value_of(entry.value, conf.output));
        if (how == How::regex) {
            if (const auto* regex = library.regex(entry.key, false, conf.span)) regexes_.push_back({regex, i});
        } else if (how == How::integer) {
            ranges_.push_back({entry.range.low, entry.range.high, i});
        } else if (how == How::network) {
            networks_.push_back({entry.network.address, entry.network.bits, i});
        } else if (!has_order(how)) {
            exact_.emplace(entry.key, i);   // of keys that stand there twice the first counts
            longest_ = std::max(longest_, entry.key.size());
        }
    }
    std::stable_sort(networks_.begin(), networks_.end(),
                     [](const auto& a, const auto& b) { return a.bits > b.bits; });
    if (conf.has_fallback) fallback_ = value_of(conf.fallback, conf.output);
}

bool FileMap::look_up_text(std::string_view text, std::size_t& entry) const {
    const auto how = *conf_.compared;
    if (how == How::prefix) {
        for (auto size = std::min(text.size(), longest_) + 1; size-- > 0;) {
            auto found = exact_.find(text.substr(0, size));
            if (found == exact_.end()) continue;
            entry = found->second;
            return true;
        }
        return false;
    }
    if (!has_order(how)) {
        auto found = exact_.find(text);
        if (found != exact_.end()) entry = found->second;
        return found != exact_.end();
    }
    for (entry = 0; entry < conf_.entries.size(); ++entry)
        if (fits(how, text, conf_.entries[entry].key)) return true;
    return false;
}

bool FileMap::look_up_network(const IpAddress& ip, std::size_t& entry) const {
    for (const auto& network : networks_) {
        if (!is_in_network(ip, network.address, network.bits)) continue;
        entry = network.entry;
        return true;
    }
    return false;
}

// "\1" in the value is the first group of the key's regex (map_regm).
std::string_view FileMap::with_groups(std::string_view text, const Regex::Match& match, Arena& arena) const {
    std::size_t size = 0;
    char* out = nullptr;
    for (int round = 0; round < 2; ++round) {
        if (round == 1) out = arena.bytes(size);
        size = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            bool group = text[i] == '\\' && i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
            auto number = group ? static_cast<std::uint32_t>(text[i + 1] - '0') : 0;
            auto piece = !group ? text.substr(i, 1)
                         : number < match.count ? match.group[number]
                                                : std::string_view();
            if (out && !piece.empty()) std::memcpy(out + size, piece.data(), piece.size());
            size += piece.size();
            if (group) ++i;
        }
    }
    return {out, size};
}

Value FileMap::find(const Value& key, Subject& subject) const {
    std::size_t entry = 0;
    bool found = false;
    switch (*conf_.compared) {
        case How::network: {
            auto address = to_address(key);
            if (!address.exists) return Value::missing();
            found = look_up_network(address.ip, entry);
            break;
        }
        case How::integer: {
            bool is_text = key.type == ir::Type::bytes || key.type == ir::Type::any;
            if (is_text && key.bytes.empty()) return Value::missing();
            auto number = to_number(key);
            for (const auto& range : ranges_) {
                if (number < range.low || number > range.high) continue;
                entry = range.entry;
                found = true;
                break;
            }
            break;
        }
        case How::regex: {
            auto text = to_text(key, *subject.arena);
            for (const auto& one : regexes_) {
                Regex::Match match;
                if (!one.regex->match(text, match)) continue;
                if (conf_.fills_groups)
                    return Value::of(with_groups(values_[one.entry].bytes, match, *subject.arena));
                return values_[one.entry];
            }
            break;
        }
        default: found = look_up_text(to_text(key, *subject.arena), entry);
    }
    return found ? values_[entry] : fallback_;
}

}  // namespace weir::route
