// SPDX-License-Identifier: Apache-2.0
// Followers: HAProxy's track-sc and what counts in the entries it points at. Rules set them for a
// connection (tcp-request connection, session) or for a request or session (the others).
#pragma once

#include <vector>

#include "runtime/plan/running.hpp"

namespace weir::exchange {

// Followers that a connection set; given back when it ends.
struct ConnectionFollowers {
    ConnectionFollowers(zone::Holds& holds_, std::size_t count) : holds(&holds_), list(count, zone::Holds::none) {}
    ConnectionFollowers(const ConnectionFollowers&) = delete;
    ConnectionFollowers& operator=(const ConnectionFollowers&) = delete;
    ~ConnectionFollowers() {
        for (auto hold : list)
            if (hold != zone::Holds::none) holds->give_back(hold);
    }
    zone::Holds* holds;
    std::vector<std::uint32_t> list;
};

// Points the follower of the rule at the entry of its key, unless it points somewhere already, and
// counts the connection there. True when it does now. Where subject.followed is empty it is made; its
// holds end with the subject.
bool follow(const plan::Rule& rule, const ir::action::Follow& action, route::Subject& subject);
// The same for a connection: into `own`, which is made when there is none.
void follow_connection(const plan::Rule& rule, const ir::action::Follow& action, route::Subject& subject,
                       std::unique_ptr<ConnectionFollowers>& own);
void edit_entry(const plan::Rule& rule, const ir::action::EditEntry& action, route::Subject& subject);

// Adds the fields of the rule, where the follower has a table with a rate of requests.
void tell_rate(const ir::action::TellRate& action, route::Subject& subject, http::FieldList& fields);

enum class Counted : std::uint8_t { session, request, error, failure };
// Counts one in each entry of `list`.
void count_followed(const route::Subject& subject, std::span<const std::uint32_t> list, Counted what);
// In those of the request and of its connection.
void count_followed(const route::Subject& subject, Counted what);
// The end of a request: bytes, and whose fault it was that it failed, in HAProxy's sense.
void count_outcome(const route::Subject& subject, bool head_refused);
void count_bytes(const route::Subject& subject, std::uint64_t in, std::uint64_t out);

// What the client of a connection did that its protocol forbids; `now`: ms of the loop.
void count_glitches(const ConnectionFollowers& followers, std::int64_t now, std::uint32_t count);

// A server was chosen and answers: tables remember it for the keys of `stick` lines.
void store_sticks(const plan::Plan& plan, ir::PoolId pool, route::Subject& subject);

}  // namespace weir::exchange
