// SPDX-License-Identifier: Apache-2.0
// What "compression" lines of HAProxy's language say in one section.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "modules/compression/codec.hpp"

namespace weir::modules::compression {

struct CompressionConf {
    std::vector<Coding> response_codings;   // algo, algo-res
    std::optional<Coding> request_coding;   // algo-req
    // Beginnings of content types; none: every type.
    std::vector<std::string> response_types, request_types;
    std::uint64_t response_min = 0, request_min = 0;
    bool responses = true, requests = false;   // direction
    bool named_filters = false;                // by "filter comp-req", "filter comp-res"
    bool offload = false;                      // servers are not told what the client accepts
};

}  // namespace weir::modules::compression
