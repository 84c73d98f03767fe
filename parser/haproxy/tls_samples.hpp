// SPDX-License-Identifier: Apache-2.0
// What the rows of TLS fetches share, towards clients (samples_tls.cpp) and servers (samples_server.cpp):
// an argument stays in Expr::text as it is written.
#pragma once

#include "parser/haproxy/rows.hpp"

namespace weir::haproxy {

inline void lower_name(keyword::Scope& scope, const Call& call) {
    auto& text = own(scope).expr->text;
    for (const auto& argument : call.args) {
        if (&argument != &call.args[0]) text += ',';
        text += argument.text;
    }
}
inline void lower_flag(keyword::Scope& scope, const Call&) { own(scope).expr->type = ir::Type::boolean; }

inline constexpr keyword::Signature name_arguments{keyword::opt(keyword::word("entry")),
                                                   keyword::opt(keyword::word("occurrence")),
                                                   keyword::opt(keyword::word("format"))};

}  // namespace weir::haproxy
