// SPDX-License-Identifier: Apache-2.0
// Maps that are no tables of texts: networks (geo), shares (split_clients), referers (valid_referers).
#include <algorithm>

#include "runtime/base/hash.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/map.hpp"
#include "runtime/route/match.hpp"

namespace weir::route {

namespace {

using Kind = ir::Map::Entry::Kind;

std::string_view bytes_of(const IpAddress& ip) {
    return {reinterpret_cast<const char*>(ip.bytes), ip.family == IpAddress::Family::v4 ? 4u : 16u};
}

void mask(IpAddress& ip, unsigned bits) {
    for (unsigned i = 0; i < 16; ++i) {
        const unsigned kept = bits > i * 8 ? std::min(bits - i * 8, 8u) : 0;
        ip.bytes[i] = static_cast<std::uint8_t>(ip.bytes[i] & (0xff00u >> kept));
    }
}

}  // namespace

void CompiledMap::add_network(const ir::Map::Entry& entry, std::size_t value) {
    const auto& network = entry.network;
    auto same = std::find_if(networks_.begin(), networks_.end(), [&](const Networks& one) {
        return one.family == network.address.family && one.bits == network.bits;
    });
    if (same == networks_.end()) {
        networks_.push_back({network.address.family, network.bits, {}});
        same = networks_.end() - 1;
    }
    same->by_address.insert_or_assign(bytes_of(network.address), value);
}

const Template* CompiledMap::look_up_network(std::string_view key) const {
    IpAddress ip;
    if (!parse_address(key, ip)) return nullptr;
    static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (ip.family == IpAddress::Family::v6 && std::equal(mapped, mapped + 12, ip.bytes)) {
        ip.family = IpAddress::Family::v4;   // ::ffff:10.0.0.1
        std::copy(ip.bytes + 12, ip.bytes + 16, ip.bytes);
        std::fill(ip.bytes + 4, ip.bytes + 16, static_cast<unsigned char>(0));
    }
    for (const auto& length : networks_) {
        if (length.family != ip.family) continue;
        mask(ip, length.bits);   // they come from long to short
        const auto found = length.by_address.find(bytes_of(ip));
        if (found != length.by_address.end()) return &values_[found->second];
    }
    return nullptr;
}

const Template* CompiledMap::look_up_share(std::string_view key) const {
    const auto hash = hash::murmur2(key);
    for (std::size_t i = 0; i < conf_.entries.size(); ++i) {
        if (hash < conf_.entries[i].below) return &values_[i];
    }
    return nullptr;
}

// "*.example.com", ".example.com", "example.*" or a whole name.
bool CompiledMap::is_referer(const std::string& entry, std::string_view host) const {
    std::string_view name = entry;
    if (name.starts_with("*.")) return host.size() > name.size() - 1 && host.ends_with(name.substr(1));
    if (name.starts_with('.')) return host == name.substr(1) || host.ends_with(name);
    if (name.ends_with(".*")) return host.starts_with(name.substr(0, name.size() - 1));
    return host == name;
}

const Template* CompiledMap::look_up_referer(const std::string_view& key, Subject& subject) const {
    auto special = [&](Kind kind) -> const Template* {
        for (std::size_t i = 0; i < conf_.entries.size(); ++i)
            if (conf_.entries[i].kind == kind) return &values_[i];
        return nullptr;
    };
    if (!key.data()) return special(Kind::absent);
    auto folded = lower_case(key, *subject.arena);
    std::size_t scheme = folded.starts_with("http://") ? 7 : folded.starts_with("https://") ? 8 : 0;
    // What is shorter than any name that nginx thinks of counts as none, too.
    constexpr std::size_t shortest = 11, longest_host = 256;
    if (scheme == 0 || key.size() < shortest) return special(Kind::hidden);
    auto rest = folded.substr(scheme);
    auto host = rest.substr(0, rest.find_first_of("/:"));
    if (host.size() > longest_host) return nullptr;
    auto slash = rest.find('/');
    auto path = slash == rest.npos ? std::string_view() : key.substr(scheme + slash);
    for (std::size_t i = 0; i < conf_.entries.size(); ++i) {
        const auto& entry = conf_.entries[i];
        if (entry.kind == Kind::exact && is_referer(entry.key, host) && path.starts_with(entry.path))
            return &values_[i];
    }
    for (const auto& entry : regexes_)
        if (entry.regex->matches(key.substr(scheme))) return &values_[entry.value];
    return nullptr;
}

}  // namespace weir::route
