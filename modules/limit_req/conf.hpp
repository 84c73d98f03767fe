// SPDX-License-Identifier: Apache-2.0
// What limit_req lines say of one place. The zone with its key and rate is in the IR.
#pragma once

#include <cstdint>
#include <vector>

#include "parser/ir/config.hpp"

namespace weir::modules::limit_req {

struct Conf {
    struct Limit {
        ir::ZoneId zone = ir::no_id;
        // Thousandths of requests: how far over the rate a key may get; up to where it need not wait.
        std::uint64_t burst = 0, delay = 0;
    };
    std::vector<Limit> limits;
    std::uint16_t status = 503;
    int log_level = 3;         // of refused ones, as in syslog; of delayed ones it is one lower
    bool dry_run = false;
    bool tells = false;        // RateLimit fields in answers
    const void* owner = nullptr;   // block whose list `limits` is
};

}  // namespace weir::modules::limit_req
