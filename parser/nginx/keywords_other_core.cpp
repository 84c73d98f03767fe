// SPDX-License-Identifier: Apache-2.0
// Directives of the process, of events and of the language itself:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "acceptex_read", .where = events, .args = {flag()},
     .support = ignored("weir waits with epoll"),
     .summary = "Reads with the accept call on Windows."},
    {.name = "devpoll_changes", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets how many changes are handed to /dev/poll at once."},
    {.name = "devpoll_events", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets how many events are taken from /dev/poll at once."},
    {.name = "epoll_events", .where = events, .args = count(1, 1),
     .support = ignored("weir sizes its event list by itself"),
     .summary = "Sets how many events are taken from epoll at once."},
    {.name = "eventport_events", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets how many events are taken from an event port at once."},
    {.name = "google_perftools_profiles", .where = main, .args = count(1, 1),
     .support = ignored("weir is profiled with perf, which needs no support in the program"),
     .summary = "Writes CPU profiles of the workers."},
    {.name = "iocp_threads", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets the number of completion port threads on Windows."},
    {.name = "kqueue_changes", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets how many changes are handed to kqueue at once."},
    {.name = "kqueue_events", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets how many events are taken from kqueue at once."},
    {.name = "post_acceptex", .where = events, .args = count(1, 1),
     .support = ignored("weir waits with epoll"),
     .summary = "Sets how many accept calls wait at once on Windows."},
    {.name = "quic_bpf", .where = main, .args = {flag()}, .fallback = "off", .support = not_yet(),
     .summary = "Routes QUIC packets to workers by a BPF program."},
    {.name = "ssl_engine", .where = main, .args = count(1, 1),
     .support = refused("use OpenSSL providers"),
     .summary = "Names the hardware engine of OpenSSL."},
    {.name = "stall_threshold", .where = events, .args = count(0, unbounded), .fallback = "1000ms",
     .since = "1.29.0", .support = not_yet(),
     .summary = "Reports a worker whose event loop has not turned for this long."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> core_tables() { return {rows}; }

}  // namespace weir::nginx::other
