// SPDX-License-Identifier: Apache-2.0
// Inside of eval: values that lie several to a message - fields of one name, comma-separated lists,
// cookies, arguments - and small decoders. All results are views or in the arena.
#pragma once

#include <algorithm>
#include <string_view>

#include "runtime/http/message.hpp"
#include "runtime/route/fetch.hpp"

namespace weir::route {

// The occurrence that node.number asks for, out of what `next(cursor)` yields until it is missing.
template <class Next>
Value pick_occurrence(const Node& node, Next next) {
    std::int64_t wanted = node.number;
    if (wanted == ir::occurrence::every || wanted == 0) wanted = ir::occurrence::last;
    Cursor cursor;
    if (wanted < -1) {  // from the end: count first
        std::int64_t count = 0;
        for (Cursor counting; next(counting).exists;) ++count;
        wanted = count + 1 + wanted;
        if (wanted <= 0) return Value::missing();
    }
    Value found;
    for (std::int64_t number = 1;; ++number) {
        Value value = next(cursor);
        if (!value.exists) return wanted < 0 ? found : Value::missing();
        if (number == wanted) return value;
        found = value;
    }
}

// Fields of the node's name, joined by ", " (cookies by "; "), as nginx's $http_NAME.
Value joined_fields(const Node& node, const http::FieldList& fields, Arena& arena);
bool is_named(const Node& node, const http::Field& field);
// Next comma-separated value (or whole line) of the fields named so.
Value next_field_value(const Node& node, const http::FieldList& fields, Cursor& cursor, bool split);
std::int64_t count_values(const Node& node, const http::FieldList& fields, bool split);
std::string_view names_of(const http::FieldList& fields, std::string_view delimiter, Arena& arena);
// "name: value\r\n" of all fields and the empty line.
std::string_view all_fields(const http::FieldList& fields, Arena& arena);

// nginx: the first cookie of that name in any case.
Value nginx_cookie(const http::FieldList& fields, http::FieldId id, std::string_view name);
// HAProxy: each cookie of exactly that name. `set_cookie`: only the first pair of a line counts.
Value next_cookie(const http::FieldList& fields, http::FieldId id, std::string_view name,
                  Cursor& cursor);
Value next_argument(std::string_view query, std::string_view name, bool ignore_case,
                    Cursor& cursor);

bool decode_base64(std::string_view text, Arena& arena, std::string_view& plain, bool url = false);
bool endpoint_of(const pool::SocketAddress& address, IpAddress& ip, std::uint16_t& port);
std::string_view real_path(std::string_view path, Arena& arena);

}  // namespace weir::route
