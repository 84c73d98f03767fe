// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/tls_memory.hpp"

#include <openssl/crypto.h>

#include "runtime/base/slabs.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_WATCHES_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define WEIR_WATCHES_MEMORY 1
#endif
#endif

namespace weir::net {

#ifdef WEIR_WATCHES_MEMORY

// Pieces of a slab have no borders that a sanitizer knows of.
void keep_tls_memory_in_slabs() {}

#else

namespace {

// Never destroyed: OpenSSL cleans up behind everybody else.
constinit Slabs* slabs = nullptr;

}  // namespace

void keep_tls_memory_in_slabs() {
    if (!slabs) slabs = new Slabs;
    CRYPTO_set_mem_functions([](std::size_t bytes, const char*, int) { return slabs->allocate(bytes); },
                             [](void* piece, std::size_t bytes, const char*, int) { return slabs->resize(piece, bytes); },
                             [](void* piece, const char*, int) { slabs->release(piece); });
}

#endif

}  // namespace weir::net
