// SPDX-License-Identifier: Apache-2.0
#include "parser/keyword/zones.hpp"

#include <fmt/format.h>

#include "parser/value/value.hpp"

namespace weir::keyword {

ir::ZoneId zone_of(Scope& scope, std::string_view name, std::string_view purpose, Span span) {
    auto& zones = scope.config.zones;
    auto id = scope.config.find_zone(name, purpose);
    if (id != ir::no_id) return id;
    ir::Zone zone;
    zone.name = std::string(name);
    zone.purpose = std::string(purpose);
    zone.span = span;
    zones.push_back(std::move(zone));
    return static_cast<ir::ZoneId>(zones.size() - 1);
}

std::optional<ZoneWords> parse_zone(Scope& scope, const Argument& argument, std::string_view text,
                                    std::uint64_t least_pages) {
    const auto least = least_pages * 4096;
    const auto colon = text.rfind(':');
    auto bytes = value::parse_nginx_size(colon == text.npos ? std::string_view() : text.substr(colon + 1));
    if (colon == text.npos || colon == 0 || !bytes) {
        scope.error(argument.span, "invalid-zone", fmt::format("invalid zone \"{}\"", argument.text),
                    "write its name and size: zone=one:10m");
        return std::nullopt;
    }
    ZoneWords words{std::string(text.substr(0, colon)), *bytes};
    if (words.bytes < least) {
        scope.error(argument.span, "zone-too-small", fmt::format("zone \"{}\" is too small", words.name),
                    fmt::format("at least {}k", least / 1024));
        return std::nullopt;
    }
    return words;
}

ir::Zone* declare_zone(Scope& scope, const Call& call, const ZoneWords& words, std::string_view purpose,
                       const Argument& key) {
    auto& zone = scope.config.zones[zone_of(scope, words.name, purpose, call.span)];
    if (!zone.columns.empty()) {
        scope.error(call.span, "duplicate-zone",
                    fmt::format("there is a zone \"{}\" already, with another key", words.name),
                    "give this one a name of its own");
        return nullptr;
    }
    zone.bytes = words.bytes;
    zone.of = scope.text(key);
    zone.span = call.span;
    return &zone;
}

bool begins_list(Scope& scope, const void*& owner) {
    // A block that changes a group has a copy of its own: its address tells blocks apart.
    const void* here = scope.settings().modules.identity();
    if (owner == here) return false;
    owner = here;
    return true;
}

}  // namespace weir::keyword
