// SPDX-License-Identifier: Apache-2.0
// Where an nginx directive may stand: one bit for each kind of block. The names are those of the
// reference tables ("if-in-server" reads if_in_server here). Rows write {.where = http | server}.
#pragma once

#include "parser/keyword/keyword.hpp"

namespace weir::nginx {

using keyword::Contexts;

namespace context {

inline constexpr Contexts main = Contexts{1} << 0;
inline constexpr Contexts events = Contexts{1} << 1;
inline constexpr Contexts http = Contexts{1} << 2;
inline constexpr Contexts server = Contexts{1} << 3;
inline constexpr Contexts location = Contexts{1} << 4;
inline constexpr Contexts if_in_server = Contexts{1} << 5;
inline constexpr Contexts if_in_location = Contexts{1} << 6;
inline constexpr Contexts limit_except = Contexts{1} << 7;
inline constexpr Contexts upstream = Contexts{1} << 8;
inline constexpr Contexts stream = Contexts{1} << 9;
inline constexpr Contexts stream_server = Contexts{1} << 10;
inline constexpr Contexts stream_upstream = Contexts{1} << 11;
inline constexpr Contexts mail = Contexts{1} << 12;
inline constexpr Contexts mail_server = Contexts{1} << 13;
inline constexpr Contexts map_block = Contexts{1} << 14;
inline constexpr Contexts geo_block = Contexts{1} << 15;
inline constexpr Contexts stream_map_block = Contexts{1} << 16;
inline constexpr Contexts stream_geo_block = Contexts{1} << 17;
inline constexpr Contexts match_block = Contexts{1} << 18;         // health_check's match { }
inline constexpr Contexts stream_match_block = Contexts{1} << 19;
inline constexpr Contexts mgmt = Contexts{1} << 20;
inline constexpr Contexts oidc_provider = Contexts{1} << 21;
inline constexpr Contexts acme_issuer = Contexts{1} << 22;
inline constexpr Contexts otel_exporter = Contexts{1} << 23;
inline constexpr Contexts any = (Contexts{1} << 24) - 1;

}  // namespace context

// The places by name, and how nginx's keywords are spoken of in messages.
extern const keyword::Language directive_language;
extern const keyword::Language variable_language;

}  // namespace weir::nginx
