// SPDX-License-Identifier: Apache-2.0
// Running: a plan at work in this worker: its live pools and the entries its counters go to. Worker:
// what all plans of a worker share. Both belong to one thread.
#pragma once

#include <memory>
#include <vector>

#include "runtime/cache/recent_files.hpp"
#include "runtime/cache/store.hpp"
#include "runtime/net/disk.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/pool/live_pool.hpp"
#include "runtime/zone/board.hpp"

namespace weir::plan {

struct Running {
    std::shared_ptr<const Plan> plan;
    std::vector<pool::LivePool*> pools;         // by ir::PoolId
    std::vector<zone::Entry> sites;             // by ir::SiteId
    std::vector<zone::Table*> zones;            // by ir::ZoneId
    std::vector<cache::Store> caches;           // as Config.caches
    route::Surroundings around;
    std::uint32_t connections = 0;              // that use this plan
};

struct Worker {
    net::Loop& loop;
    std::uint32_t index = 0;        // slot of this worker's counters
    zone::Board* board = nullptr;
    std::unique_ptr<zone::Holds> holds;
    std::unique_ptr<net::Disk> disk;   // of the caches
    std::unique_ptr<cache::RecentFiles> recent_files;   // theirs, too
    zone::Entry process;            // counters of the whole process
    std::shared_ptr<Running> now;   // what new connections and requests use
    std::uint64_t connection_serial = 0, exchange_serial = 0;
    std::size_t connections = 0;    // client connections open in this worker
    bool stopping = false;          // graceful: no keep-alive any more
};

}  // namespace weir::plan
