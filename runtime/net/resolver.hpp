// SPDX-License-Identifier: Apache-2.0
// Names that come up while running (a target that is computed), looked up by a worker without
// blocking: co_await LookUp(...). Answers are kept as long as they say; requests for one name that is
// being asked for wait together.
#pragma once

#include <string>
#include <vector>

#include "parser/ir/settings.hpp"
#include "runtime/net/loop.hpp"

namespace weir::net {

// What is known of a name.
struct NameAnswer {
    std::vector<IpAddress> addresses;
    std::string problem;       // why there is none
    bool timed_out = false;    // nobody answered in time
};

class NameClient;

class LookUp {
public:
    // `name` and `servers` must live until the result is there.
    LookUp(Loop& loop, const ir::NameServers& servers, std::string_view name);
    ~LookUp();
    LookUp(const LookUp&) = delete;
    LookUp& operator=(const LookUp&) = delete;

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> handle);
    NameAnswer await_resume() { return std::move(answer_); }

private:
    friend class NameClient;
    struct Expiry : Timer {
        LookUp* self = nullptr;
    };
    void expire();

    Loop& loop_;
    const ir::NameServers& servers_;
    std::string_view name_;
    NameClient* client_ = nullptr;   // waits in one of its questions
    std::coroutine_handle<> handle_;
    LookUp* next_ = nullptr;         // others with the same question
    LookUp* prev_ = nullptr;
    void* question_ = nullptr;
    Expiry expiry_;
    NameAnswer answer_;
};

}  // namespace weir::net
