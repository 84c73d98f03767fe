// SPDX-License-Identifier: Apache-2.0
// What the rows of proxy_, grpc_, fastcgi_, scgi_ and uwsgi_ have in common: the same words, kept in
// groups of their own.
#pragma once

#include "parser/nginx/scope.hpp"
#include "parser/nginx/server_tls.hpp"

namespace weir::nginx {

// *_set_header, *_hide_header, *_pass_header, *_ignore_headers.
void lower_set_header(keyword::Scope& scope, const keyword::Call& call);
void lower_hide_header(keyword::Scope& scope, const keyword::Call& call);
void lower_pass_header(keyword::Scope& scope, const keyword::Call& call);
void lower_ignore_headers(keyword::Scope& scope, const keyword::Call& call);
// *_next_upstream, *_next_upstream_tries, *_next_upstream_timeout.
void lower_next_upstream(keyword::Scope& scope, const keyword::Call& call);
void lower_next_upstream_tries(keyword::Scope& scope, const keyword::Call& call);
void lower_next_upstream_timeout(keyword::Scope& scope, const keyword::Call& call);
// *_buffering.
void check_buffering(keyword::Scope& scope, const keyword::Call& call);

// keywords_cache.cpp: *_cache_path, *_cache, *_cache_valid and so on.
void lower_cache_path(keyword::Scope& scope, const keyword::Call& call);
void lower_cache(keyword::Scope& scope, const keyword::Call& call);
void lower_cache_valid(keyword::Scope& scope, const keyword::Call& call);
void lower_cache_bypass(keyword::Scope& scope, const keyword::Call& call);
void lower_no_cache(keyword::Scope& scope, const keyword::Call& call);
void lower_cache_purge(keyword::Scope& scope, const keyword::Call& call);
void lower_cache_methods(keyword::Scope& scope, const keyword::Call& call);
void lower_cache_use_stale(keyword::Scope& scope, const keyword::Call& call);

// *_store, *_store_access.
void lower_store(keyword::Scope& scope, const keyword::Call& call);
void lower_store_access(keyword::Scope& scope, const keyword::Call& call);

inline constexpr std::string_view cache_purge_details =
    "A key that ends in * stands for all keys that begin so. With a field Cache-Tag or Surrogate-Key the request takes "
    "out the answers that had one of its tags in such a field instead (weir's own). Answers 204, or 404 where there was "
    "nothing. Access rules hold for such requests, too.";
inline constexpr std::string_view cache_path_details =
    "Parameters: levels=1:2, keys_zone=name:size, inactive=time, max_size=size, min_free=size, "
    "use_temp_path=on|off, loader_files, loader_sleep, loader_threshold, manager_files, manager_sleep, "
    "manager_threshold. Files are written beside the place where they will lie.";

// families.cpp:
// Runs a row of proxy_ on the words of another family.
void run_on_family(Family family, keyword::Apply lower, keyword::Scope& scope, const keyword::Call& call);
template <Family F, keyword::Apply Lower>
void on_family(keyword::Scope& scope, const keyword::Call& call) {
    run_on_family(F, Lower, scope, call);
}
template <Family F, LowerTls Lower>
void on_family_tls(keyword::Scope& scope, const keyword::Call& call) {
    run_on_family(F, server_tls_row<Lower>, scope, call);
}
template <Family F, auto Time>
void lower_family_time(keyword::Scope& scope, const keyword::Call& call) {
    block_of(scope).words_of(F).*Time = ir::Milliseconds(call[0].number);
}

// Which _pass it is that says where requests go, in front of whose address stands what.
struct PassWords {
    Family family;
    std::string_view scheme, tls_scheme;   // "grpc://", "grpcs://"; empty: the family has none
};
// grpc_pass and its kin: the name of an upstream or host:port, no URI.
void lower_pass(const PassWords& words, Block& block, const keyword::Call& call);

// In http: what the families begin with.
void begin_families(Block& block);
// At the end of every block of http that may pass requests on: the words of the family that does count,
// and files of TLS are read.
void finish_forwarding(Block& block);

// What an if or a limit_except in a location begins with: a location without a name, that does what the one
// around it does until something in it says otherwise.
ir::Route inner_route(const Block& outer, Span span);

}  // namespace weir::nginx
