// SPDX-License-Identifier: Apache-2.0
// Built-in pages for statuses that have no page of the operator's. Their skeletons are those that
// the users of each dialect (and their scripts) know.
#pragma once

#include <cstdint>
#include <string_view>

#include "parser/ir/settings.hpp"
#include "runtime/base/arena.hpp"

namespace weir::exchange {

// Made once per status and server name; empty for statuses without a body.
std::string_view nginx_page(std::uint16_t status, std::string_view server, Arena& arena);
// The phrase of nginx's status line, which differs from the registered one here and there.
std::string_view nginx_reason(std::uint16_t status);
// Statuses that add_header without "always" adds to.
bool is_plain_success(std::uint16_t status);
// Empty where HAProxy answers with an empty body.
std::string_view haproxy_page(std::uint16_t status);
// nginx: by the extension of the path, else default_type.
std::string_view default_type(const ir::ReplyStyle& style, std::string_view path);

}  // namespace weir::exchange
