// SPDX-License-Identifier: Apache-2.0
// What limit_conn lines say of one place. The zone with its key is in the IR.
#pragma once

#include <cstdint>
#include <vector>

#include "parser/ir/config.hpp"

namespace weir::modules::limit_conn {

struct Conf {
    struct Limit {
        ir::ZoneId zone = ir::no_id;
        std::uint32_t most = 0;
    };
    std::vector<Limit> limits;
    std::uint16_t status = 503;
    int log_level = 3;             // as in syslog
    bool dry_run = false;
    const void* owner = nullptr;   // block whose list `limits` is
};

}  // namespace weir::modules::limit_conn
