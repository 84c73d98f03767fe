// SPDX-License-Identifier: Apache-2.0
// Where OpenSSL has its memory from.
#pragma once

namespace weir::net {

// To be called before anything else of OpenSSL is; does nothing in a build that watches over memory.
void keep_tls_memory_in_slabs();

}  // namespace weir::net
