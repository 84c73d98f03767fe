// SPDX-License-Identifier: Apache-2.0
// H2Guard: what an HTTP/2 client makes a worker do, held against what comes of it. Open streams say
// nothing about the work behind them (rapid reset, MadeYouReset, floods of frames that ask for
// nothing): every frame costs, and answers and bodies that get through pay for frames.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/net/timer.hpp"

namespace weir::http {

class H2Guard {
public:
    explicit H2Guard(net::Time now) : renewed_(now) {}

    // False: enough of this connection.
    bool spend(std::int64_t credits, net::Time now) {
        if (now != renewed_) {
            left_ = std::min(burst, left_ + (now - renewed_) * per_second / 1000);
            renewed_ = now;
        }
        left_ -= credits;
        return left_ >= 0;
    }
    void earn(std::int64_t credits) { left_ = std::min(burst, left_ + credits); }
    // Body bytes that got somewhere, either way.
    void earn_bytes(std::size_t bytes) {
        moved_ += bytes;
        earn(static_cast<std::int64_t>(moved_ / bytes_per_credit));
        moved_ %= bytes_per_credit;
    }

    // What things cost. A usual request (one HEADERS frame, a WINDOW_UPDATE or two) earns more than it
    // spends; a browser that drops a page of 100 pictures spends 1000.
    static constexpr std::size_t idle_bytes_per_credit = 128;   // received, and no body
    static constexpr std::int64_t frame = 1, request = 4, reset = 10, answered = 12;

private:
    static constexpr std::int64_t burst = 10000, per_second = 500;
    static constexpr std::size_t bytes_per_credit = 4096;
    std::int64_t left_ = burst;
    net::Time renewed_;
    std::size_t moved_ = 0;
};

}  // namespace weir::http
