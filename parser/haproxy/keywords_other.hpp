// SPDX-License-Identifier: Apache-2.0
// The tables of words that weir knows by name and does not run yet, a function for each file. When
// weir learns a word its row moves to the file of its area and gets an apply.
#pragma once

#include <vector>

#include "parser/haproxy/contexts.hpp"

namespace weir::haproxy::other {

using keyword::ignored;
using keyword::Keyword;
using keyword::not_yet;
using keyword::refused;
using keyword::Signature;
using keyword::unbounded;

// The number of arguments is all that is known of them here.
inline constexpr auto count = &Signature::count;

std::vector<keyword::Table> global_tables();
std::vector<keyword::Table> tune_tables();
std::vector<keyword::Table> proxy_tables();
std::vector<keyword::Table> bind_tables();
std::vector<keyword::Table> server_tables();
std::vector<keyword::Table> sections_tables();
std::vector<keyword::Table> options_tables();
std::vector<keyword::Table> actions_tables();
std::vector<keyword::Table> samples_tables();
std::vector<keyword::Table> tls_tables();
std::vector<keyword::Table> converters_tables();
std::vector<keyword::Table> acl_tables();
std::vector<keyword::Table> log_tables();

}  // namespace weir::haproxy::other
