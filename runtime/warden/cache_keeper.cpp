// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/cache_keeper.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>

#include "runtime/cache/file.hpp"
#include "runtime/net/kept_buffers.hpp"

namespace weir::warden {

namespace {

// A file that is being written is not touched for longer than this only when its writer is gone.
constexpr std::time_t abandoned_after = 600;   // seconds
constexpr std::int64_t pass_every = 1000;      // ms
constexpr std::chrono::milliseconds longest_end{500};   // that others wait for the end of the thread
// Room in the index that is kept free, so that new answers find some.
constexpr std::uint64_t free_part = 16;

std::int64_t monotonic_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

// --- one store ---

// True: go on. Counts a piece of work, and rests when there was enough of it.
bool CacheUpkeep::pause_after(const ir::CacheStore::Pace& pace) {
    if (++done_ < pace.files && monotonic_ms() - begun_ < pace.threshold.count()) return true;
    done_ = 0;
    bool goes_on = wait_(self_, pace.pause.count());
    begun_ = monotonic_ms();
    return goes_on;
}

void CacheUpkeep::load() {
    if (store_.is_loaded(monotonic_ms())) return;
    begun_ = monotonic_ms();
    if (!load_folder(store_.conf().folder, 0)) return;
    store_.set_loaded(monotonic_ms());
    lines_.push_back(fmt::format("http file cache: {} {:.3f}M, {} files", store_.conf().folder,
                                 static_cast<double>(loaded_bytes_) / 1048576, loaded_files_));
}

bool CacheUpkeep::load_folder(const std::string& folder, std::size_t depth) {
    std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
    if (!open) {
        if (errno != ENOENT) lines_.push_back(fmt::format("opendir() \"{}\" failed ({}: {})", folder, errno, std::strerror(errno)));
        return true;
    }
    const auto& levels = store_.conf().levels;
    while (const auto* entry = ::readdir(open.get())) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        auto path = folder + "/" + name;
        bool goes_on = depth == levels.size()             ? load_file(path, name)
                       : name.size() == levels[depth] ? load_folder(path, depth + 1)
                                                      : true;
        if (!goes_on) return false;
    }
    return true;
}

// What a file holds is looked at when somebody asks for it.
bool CacheUpkeep::load_file(const std::string& path, const std::string& name) {
    struct stat about {};
    cache::Digest digest;
    if (::lstat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return true;
    const auto now = monotonic_ms();
    const auto age = std::time(nullptr) - about.st_mtime;
    if (!cache::read_hex(name, digest)) {
        // What a crash has left. Other files are not ours.
        if (name.ends_with(cache::temporary_mark) && age > abandoned_after) ::unlink(path.c_str());
        return pause_after(store_.conf().loader);
    }
    if (store_.path_of(digest) != path) return true;
    auto size = static_cast<std::uint64_t>(about.st_size);
    // As if it had been asked for now: who knows when it last was.
    if (!store_.add_file(digest, size, now, now)) {
        ::unlink(path.c_str());
    } else {
        loaded_bytes_ += size;
        ++loaded_files_;
    }
    return pause_after(store_.conf().loader);
}

std::uint64_t CacheUpkeep::missing_space() const {
    struct statvfs disk {};
    auto wanted = store_.conf().min_free;
    if (wanted == 0 || ::statvfs(store_.conf().folder.c_str(), &disk) != 0) return 0;
    auto there = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    return there < wanted ? wanted - there : 0;
}

// Not when somebody used it since it was chosen.
bool CacheUpkeep::remove(const Entry& entry) {
    const auto now = monotonic_ms();
    {
        auto known = store_.index().find(cache::bytes_of(entry.digest), now);
        if (!known || static_cast<std::int64_t>(known.cell(cache::Store::used)) != entry.used) return false;
        known.remove();
    }
    if (entry.bytes != 0) ::unlink(store_.path_of(entry.digest).c_str());
    return true;
}

// Looks into every file for what was purged. False: the end, before all were looked at.
bool CacheUpkeep::purge(const std::vector<Entry>& entries) {
    const auto purges = store_.purges();
    if (purges.empty()) return true;
    std::uint64_t removed = 0;
    for (const auto& entry : entries) {
        if (entry.bytes == 0) continue;
        auto path = store_.path_of(entry.digest);
        path += '\0';
        cache::KeptFile file;
        const bool good = file.open(path) == cache::KeptFile::Opened::yes;
        if (good && store_.is_purged(file)) {
            store_.forget_file(entry.digest, monotonic_ms());
            ::unlink(path.c_str());
            ++removed;
        }
        if (!pause_after(store_.conf().manager)) return false;
    }
    store_.end_purges(purges);
    lines_.push_back(fmt::format("cache {}: {} files were purged", store_.conf().folder, removed));
    return true;
}

void CacheUpkeep::clean() {
    using Cell = cache::Store::Cell;
    const auto& conf = store_.conf();
    const auto now = begun_ = monotonic_ms();
    std::vector<Entry> entries;
    std::uint64_t total = 0;
    store_.index().each([&](zone::Access& entry) {
        Entry one{{}, entry.cell(Cell::bytes), static_cast<std::int64_t>(entry.cell(Cell::used))};
        if (entry.key().size() != one.digest.size()) return;
        std::memcpy(one.digest.data(), entry.key().data(), one.digest.size());
        if (one.digest == cache::Digest{}) return;
        total += one.bytes;
        entries.push_back(one);
    });
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
    const auto files = static_cast<std::uint64_t>(
        std::count_if(entries.begin(), entries.end(), [](const Entry& one) { return one.bytes != 0; }));
    store_.note_totals({total, files, entries.empty() ? 0 : now - entries.front().used}, now);
    if (!purge(entries)) return;
    // Size and space are taken from here on; they are looked at anew in the next pass.
    auto too_much = conf.max_size != 0 && total > conf.max_size ? total - conf.max_size : 0;
    too_much = std::max(too_much, missing_space());
    auto capacity = store_.index().capacity();
    auto room = capacity - std::min(capacity, std::max<std::uint64_t>(capacity / free_part, 1));
    std::uint64_t too_many = entries.size() > room ? entries.size() - room : 0;
    for (const auto& entry : entries) {
        bool old = now - entry.used >= conf.inactive.count();
        if (!old && too_much == 0 && too_many == 0) break;
        if (!remove(entry)) continue;
        too_much -= std::min(too_much, entry.bytes);
        if (too_many != 0) --too_many;
        if (!pause_after(conf.manager)) return;
    }
}

// --- the thread ---

struct CacheKeeper::Round {
    std::shared_ptr<const ir::Config> config;
    std::vector<cache::Store> stores;
    std::mutex lock;
    std::condition_variable woken, ended;
    bool stopping = false, over = false;
    std::vector<std::string> lines;

    bool wait(std::int64_t ms) {
        std::unique_lock held(lock);
        return !woken.wait_for(held, std::chrono::milliseconds(ms), [this] { return stopping; });
    }
    void run();
};

void CacheKeeper::Round::run() {
    auto pause = [](void* self, std::int64_t ms) { return static_cast<Round*>(self)->wait(ms); };
    bool first = true;
    do {
        for (auto& store : stores) {
            CacheUpkeep upkeep(store, pause, this);
            if (first) upkeep.load();
            upkeep.clean();
            auto said = upkeep.take_lines();
            std::lock_guard held(lock);
            if (stopping) return;
            lines.insert(lines.end(), said.begin(), said.end());
        }
        first = false;
    } while (wait(pass_every));
}

void CacheKeeper::adopt(std::shared_ptr<const ir::Config> config, zone::Tables& tables) {
    stop();
    auto round = std::make_shared<Round>();
    round->config = std::move(config);
    for (const auto& conf : round->config->caches)
        if (!conf.in_memory)
            if (auto parts = cache::parts_of(*round->config, conf, tables); parts.index)
                round->stores.emplace_back(conf, parts);
    if (round->stores.empty()) return;
    round_ = round;
    // Signals are the process's: they go to its own thread.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([round = std::move(round)] {
        round->run();
        net::free_kept_buffers();
        std::lock_guard held(round->lock);
        round->over = true;
        round->ended.notify_all();
    }).detach();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// A disk that does not answer holds its thread up, and nobody else: the thread ends when it may. Tables of
// the arena stay where they are.
void CacheKeeper::stop() {
    auto round = std::exchange(round_, nullptr);
    if (!round) return;
    std::unique_lock held(round->lock);
    round->stopping = true;
    round->woken.notify_all();
    round->ended.wait_for(held, longest_end, [&] { return round->over; });
}

std::vector<std::string> CacheKeeper::take_lines() {
    if (!round_) return {};
    std::lock_guard held(round_->lock);
    return std::exchange(round_->lines, {});
}

}  // namespace weir::warden
