// SPDX-License-Identifier: Apache-2.0
// What peers tell each other of tables, in bytes: HAProxy's peers protocol 2.1 (doc/peers-v2.0.txt), as far as
// tables need it. Pure: no sockets here. peers.cpp orders the messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/zone/table.hpp"

namespace weir::warden::wire {

// Classes and types of messages. Those from 128 on carry their length.
inline constexpr std::uint8_t control = 0, trouble = 1, updates = 10;
inline constexpr std::uint8_t resync_request = 0, resync_finished = 1, resync_partial = 2, resync_confirm = 3,
                              heartbeat = 4;
inline constexpr std::uint8_t update = 128, next_update = 129, definition = 130, change_table = 131, acknowledge = 132,
                              timed_update = 133, next_timed_update = 134;
inline constexpr std::size_t longest_message = 65536;   // bytes of data

// Numbers of one to ten bytes.
void put_number(std::string& out, std::uint64_t value);
// False: it is not whole.
bool take_number(std::string_view& in, std::uint64_t& value);
void put_message(std::string& out, std::uint8_t type, std::string_view data);

struct Message {
    std::uint8_t of_class = 0, type = 0;
    std::string_view data;
};
// Takes a message off the front. None: it is not whole; with `broken` it never will be.
std::optional<Message> take_message(std::string_view& in, bool& broken);

// A table as it is shared: how servers are called, and what goes out.
struct SharedTable {
    zone::Table* table = nullptr;
    zone::Table* write_to = nullptr;      // null: none
    std::string name;
    ir::Zone::Key key = ir::Zone::Key::text;
    std::uint32_t key_bytes = 0;
    bool receives_only = false;
    std::vector<std::pair<std::uint64_t, std::string>> servers;   // number, name
    // One kind of data in the order of the protocol's numbers.
    struct Datum {
        std::uint8_t number = 0;
        zone::What what = zone::What::counter;
        std::uint32_t cell = 0, count = 1, period = 0;
    };
    std::vector<Datum> data;
};
// None: the zone has no table.
std::optional<SharedTable> share(const ir::Config& config, const ir::Zone& zone, zone::Table* table,
                                 zone::Table* write_to);

std::string definition_of(const SharedTable& table, std::uint32_t id);
// An entry as it is now; `now`: ms of the loop's clock.
std::string update_of(const SharedTable& table, const zone::Access& entry, std::uint32_t id, bool timed,
                      std::int64_t now);

// A table as a peer defines it.
struct Defined {
    const SharedTable* table = nullptr;   // null: it is none of ours, or its keys differ
    struct Datum {
        std::uint8_t number = 0;
        std::uint32_t count = 1, period = 0;
    };
    std::vector<Datum> data;
};
// None: it is malformed.
std::optional<Defined> read_definition(std::string_view data, const std::vector<SharedTable>& tables, std::uint64_t& id);
// Texts that the peer gave a number, to use it from then on.
using Texts = std::vector<std::string>;
// Writes what the peer tells into our table. `id`: of the update, the one before on the way in. False: it is
// malformed.
bool apply_update(std::string_view data, std::uint8_t type, const Defined& from, Texts& texts, std::uint32_t& id,
                  std::int64_t now);

}  // namespace weir::warden::wire
