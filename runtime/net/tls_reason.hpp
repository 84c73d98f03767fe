// SPDX-License-Identifier: Apache-2.0
// What OpenSSL has to say about a call that failed.
#pragma once

#include <string>

namespace weir::net {

// " (SSL: error:05800074:x509 certificate routines::key values mismatch)", all of this thread's errors, which
// are forgotten then; empty: there are none.
std::string because();

}  // namespace weir::net
