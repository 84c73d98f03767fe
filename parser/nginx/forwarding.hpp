// SPDX-License-Identifier: Apache-2.0
// What rows of proxy_ and grpc_ have in common: the same words, kept in groups of their own.
#pragma once

#include "parser/nginx/scope.hpp"

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

// Takes a scheme such as "grpc://", in any case, off the front; false when it is not there.
bool take_prefix(std::string_view& text, std::string_view scheme);

// The group that grpc_ rows begin with, in http.
ir::ForwardSettings default_grpc_settings();
// At the end of a location or an "if" in it: with grpc_pass its group is the one that counts.
void finish_grpc(Block& block);
// At the end of every block of http that may pass requests on: files of TLS are read, grpc_ lines counted.
void finish_forwarding(Block& block);

}  // namespace weir::nginx
