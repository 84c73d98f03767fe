// SPDX-License-Identifier: Apache-2.0
// Tally: what one exchange or session did with a pool and its servers, added to the counters that the
// statistics show. HAProxy's meaning of each number (its management guide, section 9.1): a session of
// a server is an attempt at it, a connect error is counted once when no attempt is left.
#pragma once

#include "runtime/pool/live_pool.hpp"

namespace weir::pool {

class Tally {
public:
    Tally() = default;
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;
    ~Tally() { leave(); }

    // From now until leave() or the destructor the request is with this pool.
    void enter(LivePool& pool);
    void leave();
    [[nodiscard]] bool entered() const { return pool_ != nullptr; }
    // A slot of the server was taken: the first try, a retry, or another server's turn.
    void attempt(LiveServer& server);
    // How the attempt got its connection.
    void connection(bool reused);
    void connect_failed() { count(&zone::Counters::connect_errors); }
    void response_failed() { count(&zone::Counters::response_errors); }
    void client_aborted() { count(&zone::Counters::client_aborts); }
    void server_aborted() { count(&zone::Counters::server_aborts); }
    // The last server that was asked. Stays valid (if gone from the plan, too) until the next attempt.
    [[nodiscard]] LiveServer* last() const { return last_; }

private:
    using Member = zone::Counter zone::Counters::*;
    void count(Member member);
    void forget();

    LivePool* pool_ = nullptr;
    LiveServer* last_ = nullptr;
};

}  // namespace weir::pool
