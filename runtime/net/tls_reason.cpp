// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/tls_reason.hpp"

#include <openssl/err.h>

namespace weir::net {

std::string because() {
    std::string text;
    while (auto code = ERR_get_error()) {
        char line[256];
        ERR_error_string_n(code, line, sizeof line);
        text += text.empty() ? " (SSL: " : " ";
        text += line;
    }
    return text.empty() ? text : text + ")";
}

}  // namespace weir::net
