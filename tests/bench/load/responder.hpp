// SPDX-License-Identifier: Apache-2.0
// The back-end servers behind the proxy: several ports in one process, each answering at once from
// memory. A path that starts with /big gets 1 MB, every other 1 KB. X-Backend names the port that
// answered and X-Sum the sum of the request body's bytes, so that the run can tell a proxy that
// routes wrongly or drops a body from one that works.
#pragma once

#include "loop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace weir::bench {

inline constexpr std::size_t small_size = 1024;
inline constexpr std::size_t json_size = 32768;
inline constexpr std::size_t big_size = std::size_t{1} << 20;

class Responder {
public:
    Responder(Loop& loop, std::size_t ports);
    ~Responder();

    std::vector<std::uint16_t> const& ports() const { return ports_; }

private:
    std::vector<std::unique_ptr<Handler>> listeners_;
    std::vector<std::uint16_t> ports_;
};

}  // namespace weir::bench
