// SPDX-License-Identifier: Apache-2.0
// Compression of bodies: gzip, gunzip, brotli and zstd of nginx and its well-known modules, and
// "compression" of HAProxy. Three filters, for what they do has different places among the others.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::compression {

// Unpacks what a client cannot: before everything that looks at bodies. Works on gzip's configuration.
const filter::Module& gunzip_module();
// nginx's gzip, brotli, zstd: behind everything that changes bodies.
const filter::Module& gzip_module();
// HAProxy's compression.
const filter::Module& compression_module();

}  // namespace weir::modules::compression
