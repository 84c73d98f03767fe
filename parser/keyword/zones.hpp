// SPDX-License-Identifier: Apache-2.0
// Words about zones that rows of several modules share: "zone=NAME:SIZE", and the zone that a limit
// names, which may be declared further down.
#pragma once

#include "parser/keyword/keyword.hpp"

namespace weir::keyword {

// The zone of that name and purpose. One that was not declared yet is made without columns;
// ir::validate reports it when it stays so.
ir::ZoneId zone_of(Scope& scope, std::string_view name, std::string_view purpose, Span span);

struct ZoneWords {
    std::string name;
    std::uint64_t bytes = 0;
};
// "NAME:SIZE", the end of `argument`, of at least so many pages. Problems are reported.
std::optional<ZoneWords> parse_zone(Scope& scope, const Argument& argument, std::string_view text,
                                    std::uint64_t least_pages = 8);

// Declares a zone counted by `key`. Null when there is one already; reported.
ir::Zone* declare_zone(Scope& scope, const Call& call, const ZoneWords& words, std::string_view purpose,
                       const Argument& key);

// True for the first line of a block that adds to a list of the module's conf: what the outer block
// said is to be dropped then. `owner` stands in the conf beside the list. After module_conf().
bool begins_list(Scope& scope, const void*& owner);

}  // namespace weir::keyword
