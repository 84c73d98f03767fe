// SPDX-License-Identifier: Apache-2.0
// Teller: takes lines about servers to where the operator looks for them. nginx's go to the error log
// of the process; HAProxy's to every log of the backend, and to standard error as long as there is one.
#pragma once

#include "runtime/log/error_log.hpp"
#include "runtime/process/worker.hpp"

namespace weir::warden {

class Teller {
public:
    Teller();
    // The logs of another configuration.
    void adopt(const process::Setup& setup);
    void tell(const process::Setup& setup, const ir::Pool& pool, int level, bool nginx_words,
              std::string_view text);

private:
    log::ErrorLog nginx_, haproxy_;
};

}  // namespace weir::warden
