// SPDX-License-Identifier: Apache-2.0
// The tables of directives that weir knows by name and does not run yet, a function for each file.
// When weir learns a directive its row moves to the file of its area and gets an apply.
#pragma once

#include <vector>

#include "parser/nginx/contexts.hpp"

namespace weir::nginx::other {

using keyword::Body;
using keyword::flag;
using keyword::ignored;
using keyword::Keyword;
using keyword::not_yet;
using keyword::refused;
using keyword::Signature;
using keyword::unbounded;

// The number of arguments is all that is known of them here.
inline constexpr auto count = &Signature::count;

std::vector<keyword::Table> core_tables();
std::vector<keyword::Table> http_tables();
std::vector<keyword::Table> filters_tables();
std::vector<keyword::Table> tls_tables();
std::vector<keyword::Table> upstream_tables();
std::vector<keyword::Table> proxy_tables();
std::vector<keyword::Table> grpc_tables();
std::vector<keyword::Table> fastcgi_tables();
std::vector<keyword::Table> uwsgi_tables();
std::vector<keyword::Table> scgi_tables();
std::vector<keyword::Table> stream_tables();
std::vector<keyword::Table> stream_proxy_tables();
std::vector<keyword::Table> stream_ssl_tables();
std::vector<keyword::Table> stream_plus_tables();
std::vector<keyword::Table> mail_tables();
std::vector<keyword::Table> js_tables();
std::vector<keyword::Table> commercial_tables();

}  // namespace weir::nginx::other
