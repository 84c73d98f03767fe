// SPDX-License-Identifier: Apache-2.0
// What the answers of services say that HAProxy's checks know by name (option smtpchk, redis-check, ...).
// Pure functions of the bytes that came.
#pragma once

#include <string_view>

#include "runtime/warden/script.hpp"

namespace weir::warden {

// `service`: smtp, redis, pgsql, ldap, mysql_greeting, mysql_answer, spop, ssl_hello. `whole`: no more
// bytes will come.
Finding examine_service(std::string_view service, std::string_view bytes, bool whole);

}  // namespace weir::warden
