// SPDX-License-Identifier: Apache-2.0
// Zone: a table in memory shared by all workers. nginx: zone=, keys_zone=. HAProxy: stick-table.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "parser/base/source.hpp"
#include "parser/ir/expr.hpp"

namespace weir::ir {

// What one entry of a table counts or holds. Comment: HAProxy's name.
#define WEIR_COLUMNS(X)                                                                       \
    X(level)            /* nginx limit_req: how full, and when that was */                    \
    X(connections)      /* conn_cur, nginx limit_conn */                                      \
    X(connection_count) /* conn_cnt */                                                        \
    X(connection_rate)  /* conn_rate */                                                       \
    X(session_count)    /* sess_cnt */                                                        \
    X(session_rate)     /* sess_rate */                                                       \
    X(request_count)    /* http_req_cnt */                                                    \
    X(request_rate)     /* http_req_rate */                                                   \
    X(error_count)      /* http_err_cnt */                                                    \
    X(error_rate)       /* http_err_rate */                                                   \
    X(failure_count)    /* http_fail_cnt */                                                   \
    X(failure_rate)     /* http_fail_rate */                                                  \
    X(bytes_in)         /* bytes_in_cnt */                                                    \
    X(bytes_in_rate)                                                                          \
    X(bytes_out)        /* bytes_out_cnt */                                                   \
    X(bytes_out_rate)                                                                         \
    X(glitch_count)     /* glitch_cnt */                                                      \
    X(glitch_rate)                                                                            \
    X(counter)          /* gpc0, gpc1, gpc(n) */                                              \
    X(counter_rate)     /* gpc0_rate, gpc_rate(n) */                                          \
    X(second_rate)      /* gpc1_rate, where it has a period of its own */                     \
    X(tag)              /* gpt0, gpt(n) */                                                    \
    X(server)           /* server_id, server_key: whom its requests go to */                  \
    X(record)           /* of a cache: cells that runtime/cache/store.hpp knows */

struct Zone {
    std::string name;
    std::string purpose;          // who uses it: "pool", "limit_req", "limit_conn", "stick-table"
    std::uint64_t bytes = 0;      // fixed size; 0: sized by entries
    std::uint64_t entries = 0;
    enum class Key : std::uint8_t { text, binary, integer, ipv4, ipv6 } key = Key::text;
    // Longest key, what goes beyond is cut off; 0: any length (long ones are kept as a hash).
    std::uint32_t key_bytes = 0;
    struct Column {
        enum class What : std::uint8_t {
#define X(name) name,
            WEIR_COLUMNS(X)
#undef X
            count_
        };
        What what = What::counter;
        std::uint32_t count = 1;              // gpc(n), gpt(n)
        std::chrono::milliseconds period{0};  // rates
        bool array = false;                   // gpc(n); gpc0 and gpc1 are none
    };
    std::vector<Column> columns;
    std::chrono::milliseconds expire{0};      // after the last use; 0: never
    bool evicts = true;           // full: the oldest goes; off (nopurge): nothing new gets in
    Text of;                      // its key, where the table says it (nginx); else who uses it does
    std::uint32_t rate = 0;       // limit_req: thousandths of a request per second
    // With peers (HAProxy): the group that is told of changes, and how it calls the table.
    std::string peers, shared_name;
    bool receives_only = false;   // recv-only: connections of others count here, too
    bool servers_by_address = false;   // srvkey addr: how a server is spoken of; else by its name
    std::string write_to;         // the table that gets servers and tags of others as well
    Span span;
};

// What an expression asks of an entry: Expr::number of the fetches and converters about tables.
struct EntryQuery {
    enum class Op : std::uint8_t {
        get,
        kilobytes,    // of a count of bytes
        count_one,    // adds one, yields what it is then
        clear,        // sets to 0, yields what it was
        exists,       // whether an entry is followed
        followers,    // how many follow it
        idle,         // ms since its last use
        expires,      // ms until it goes
    } op = Op::get;
    Zone::Column::What what = Zone::Column::What::counter;
    std::uint8_t follower = 0;    // which sc of the request
    std::uint16_t index = 0;      // of several cells: gpc(index)

    [[nodiscard]] constexpr std::int64_t packed() const {
        return static_cast<std::int64_t>(op) | static_cast<std::int64_t>(what) << 8 |
               static_cast<std::int64_t>(follower) << 16 | static_cast<std::int64_t>(index) << 24;
    }
    static constexpr EntryQuery of(std::int64_t number) {
        return {static_cast<Op>(number & 255), static_cast<Zone::Column::What>(number >> 8 & 255),
                static_cast<std::uint8_t>(number >> 16 & 255),
                static_cast<std::uint16_t>(number >> 24 & 65535)};
    }
};

constexpr bool is_rate(Zone::Column::What what) {
    using What = Zone::Column::What;
    switch (what) {
        case What::connection_rate:
        case What::session_rate:
        case What::request_rate:
        case What::error_rate:
        case What::failure_rate:
        case What::bytes_in_rate:
        case What::bytes_out_rate:
        case What::glitch_rate:
        case What::counter_rate:
        case What::second_rate: return true;
        default: return false;
    }
}

}  // namespace weir::ir
