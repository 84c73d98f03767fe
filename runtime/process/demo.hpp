// SPDX-License-Identifier: Apache-2.0
// `weir demo`: a configuration in each language, with the servers they balance over built in, on
// loopback ports that are free.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace weir::process {

struct Demo {
    std::vector<std::pair<std::string, std::string>> files;   // name, text; nginx's first
    std::string greeting;                                     // what runs, and what to try
    std::string problem;                                      // no ports to be had
};

// `is_free` says whether a port of 127.0.0.1 can be listened on; ports are taken from the wishes
// upwards, and busy ones are named in the greeting.
Demo make_demo(const std::function<bool(std::uint16_t port)>& is_free);
bool loopback_port_is_free(std::uint16_t port);

}  // namespace weir::process
