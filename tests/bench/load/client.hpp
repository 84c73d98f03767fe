// SPDX-License-Identifier: Apache-2.0
// One client connection of a run: connect, send, check the answer, repeat as the run says.
#pragma once

#include "loop.hpp"
#include "run.hpp"
#include "transport.hpp"

#include <string>
#include <string_view>

namespace weir::bench {

class Client final : public Handler {
public:
    Client(Loop& loop, Run& run, std::size_t expected, bool close)
        : loop_{loop}, run_{run}, expected_{expected}, close_{close} {}

    void connect();
    void ask();
    bool waits() const { return state_ != State::idle && state_ != State::closed; }
    bool idle() const { return state_ == State::idle; }
    void give_up(Fault fault);
    void on_ready(std::uint32_t events) override;

private:
    enum class State { closed, connecting, sending, head, body, ending, idle };

    bool send_rest();
    void read(bool ended);
    bool take(std::string_view bytes);
    bool take_head(std::string_view head);
    bool take_chunks(std::string_view bytes);
    void on_whole();
    void on_end();
    void reopen();
    void shut();

    Loop& loop_;
    Run& run_;
    std::size_t expected_;
    bool close_;
    State state_ = State::closed;
    Descriptor socket_;
    Transport transport_;
    std::string_view request_;
    std::string pending_;
    std::uint64_t left_ = 0;
    bool chunked_ = false;
    std::string tail_;  // last bytes of a chunked body
    bool last_ = false;
    Clock::time_point asked_;
};

}  // namespace weir::bench
