// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/follower.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace weir::process {

namespace {

constexpr net::Time quiet_time = 1000, longest_wait = 10000;
// Between two looks at all files, for each ten thousand of them: where events tell, and where not.
constexpr net::Time round_time = 60000, round_time_blind = 5000;
constexpr std::size_t files_in_round = 10000;
constexpr int most_links = 40;   // as the kernel allows

constexpr std::uint32_t of_names = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB;
constexpr std::uint32_t of_folder = IN_DELETE_SELF | IN_MOVE_SELF;

std::pair<std::string, std::string> split(const std::string& path) {
    auto slash = path.rfind('/');
    if (slash == path.npos) return {".", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string joined(const std::string& folder, const std::string& path) {
    return path.starts_with('/') ? path : folder + "/" + path;
}

// Where the link of that name points to; empty: it is none.
std::string target_of(const std::string& path) {
    char target[PATH_MAX];
    auto size = ::readlink(path.c_str(), target, sizeof target);
    return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : std::string();
}

FileStamp stamp_now(const std::string& path) {
    auto stamp = LiveWorld().stamp(path);
    return stamp ? *stamp : FileStamp{};
}

std::uint64_t key_of(int folder, std::string_view name) {
    return std::hash<std::string_view>{}(name) ^ static_cast<std::uint64_t>(folder) * 0x9e3779b97f4a7c15;
}

}  // namespace

void Follower::start(net::Loop& loop, std::function<void()> on_change) {
    loop_ = &loop;
    on_change_ = std::move(on_change);
    quiet_.self = round_.self = this;
    quiet_.fire = [](net::Timer& timer) { static_cast<Clock&>(timer).self->look(); };
    round_.fire = [](net::Timer& timer) { static_cast<Clock&>(timer).self->look_around(); };
    watch_.owner = this;
    watch_.on_event = [](net::Watch& watch, std::uint32_t) { static_cast<Follower*>(watch.owner)->read_events(); };
}

std::string Follower::follow(std::vector<File> files) {
    const bool same = std::equal(files.begin(), files.end(), places_.begin(), places_.end(),
                                 [](const File& one, const Place& place) { return one.path == place.path; });
    if (!same) {
        places_.clear();
        for (auto& one : files) places_.push_back({std::move(one.path), {}, {}});
        watch_all();
    }
    for (std::uint32_t i = 0; i < files.size(); ++i) {
        auto& place = places_[i];
        const auto& stamp = files[i].stamp;
        if (!same) place.seen = stamp_now(place.path);
        place.known = stamp.known() ? stamp : place.seen;
        if (same || place.known == place.seen) continue;
        // It changed between being read and being watched.
        place.seen = place.known;
        touched_.push_back(i);
        soon();
    }
    if (places_.empty()) {
        round_.cancel();
        quiet_.cancel();
    } else if (!same) {
        rest();
    }
    return same ? std::string() : problem_;
}

std::vector<std::string> Follower::changed() const {
    std::vector<std::string> paths;
    for (const auto& place : places_)
        if (place.known != place.seen) paths.push_back(place.path);
    return paths;
}

// ------------------------------------------------------------------------------------- watching

void Follower::watch_all() {
    watch_.detach();
    folders_.clear();
    names_.clear();
    touched_.clear();
    problem_.clear();
    all_ = false;
    inotify_.reset(places_.empty() ? -1 : ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (places_.empty()) return;
    if (!inotify_ || !watch_.attach_level(*loop_, inotify_.get())) {
        problem_ = std::strerror(errno);
        inotify_.reset();
        return;
    }
    Ways ways;
    for (std::uint32_t i = 0; i < places_.size(); ++i) watch(i, ways);
    std::sort(names_.begin(), names_.end());
}

void Follower::watch(std::uint32_t place, Ways& ways) { add_names(place, places_[place].path, ways, most_links); }

// The names to look out for: the file's own, and those of the links that lead to it.
void Follower::add_names(std::uint32_t place, const std::string& path, Ways& ways, int links_left) {
    const auto [folder, name] = split(path);
    const auto way = way_to(folder, ways, links_left);
    for (auto key : way.links) names_.emplace_back(key, place);
    names_.emplace_back(key_of(way.real, name), place);
    const auto target = target_of(way.real + "/" + name);
    if (!target.empty() && links_left > 0) add_names(place, joined(way.real, target), ways, links_left - 1);
}

Follower::Way Follower::way_to(const std::string& folder, Ways& ways, int links_left) {
    if (folder.empty() || folder == "." || links_left == 0) return {folder, {}};   // empty: the root
    if (auto known = ways.find(folder); known != ways.end()) return known->second;
    const auto [above, name] = split(folder);
    auto way = way_to(above, ways, links_left);
    const auto target = name.empty() ? std::string() : target_of(way.real + "/" + name);
    if (target.empty()) {
        if (!name.empty()) way.real += "/" + name;
    } else {
        way.links.push_back(key_of(way.real, name));
        auto on = way_to(joined(way.real, target), ways, links_left - 1);
        way.real = std::move(on.real);
        way.links.insert(way.links.end(), on.links.begin(), on.links.end());
    }
    ways.emplace(folder, way);
    return way;
}

std::uint64_t Follower::key_of(const std::string& folder, std::string_view name) {
    auto found = folders_.find(folder);
    if (found == folders_.end()) {
        const auto* path = folder.empty() ? "/" : folder.c_str();
        const int watch = ::inotify_add_watch(inotify_.get(), path, of_names | of_folder | IN_ONLYDIR | IN_EXCL_UNLINK);
        if (watch < 0) problem_ = fmt::format("\"{}\": {}", path, std::strerror(errno));
        found = folders_.emplace(folder, watch).first;
    }
    return process::key_of(found->second, name);
}

void Follower::read_events() {
    alignas(inotify_event) char block[65536];
    for (;;) {
        const auto got = ::read(inotify_.get(), block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        for (ssize_t at = 0; at < got;) {
            inotify_event event{};
            std::memcpy(&event, block + at, sizeof event);
            if (event.mask & (of_folder | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)) {
                all_ = true;
                soon();
            } else if (event.len > 0) {
                const char* name = block + at + sizeof event;
                on_name(event.wd, {name, ::strnlen(name, event.len)});
            }
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
}

void Follower::on_name(int folder, std::string_view name) {
    const auto key = process::key_of(folder, name);
    auto at = std::lower_bound(names_.begin(), names_.end(), std::pair<std::uint64_t, std::uint32_t>(key, 0));
    for (; at != names_.end() && at->first == key; ++at) {
        if (touched_.empty() || touched_.back() != at->second) touched_.push_back(at->second);
        soon();
    }
}

// -------------------------------------------------------------------------------------- looking

// Until the next look at all files.
void Follower::rest() {
    const auto time = inotify_ && problem_.empty() ? round_time : round_time_blind;
    loop_->arm(round_, loop_->now() + time * static_cast<net::Time>(1 + places_.size() / files_in_round));
}

void Follower::soon() {
    const auto now = loop_->now();
    if (!quiet_.armed()) first_ = now;
    loop_->arm(quiet_, std::min(now + quiet_time, std::max(first_ + longest_wait, now)));
}

bool Follower::look_at(Place& place) {
    const auto now = stamp_now(place.path);
    if (now == place.seen) return false;
    place.seen = now;
    return place.known != place.seen;
}

// What no event told of counts as if one had: the files are to be quiet first.
void Follower::look_around() {
    rest();
    for (std::uint32_t i = 0; i < places_.size(); ++i)
        if (stamp_now(places_[i].path) != places_[i].seen) {
            touched_.push_back(i);
            soon();
        }
}

void Follower::look() {
    bool news = false;
    if (all_) {
        watch_all();
        for (auto& place : places_) news |= look_at(place);
    } else {
        std::sort(touched_.begin(), touched_.end());
        touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
        // A link may lead into another folder now.
        Ways ways;
        for (auto place : touched_) {
            if (inotify_) watch(place, ways);
            news |= look_at(places_[place]);
        }
        std::sort(names_.begin(), names_.end());
        names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
        touched_.clear();
    }
    if (news) on_change_();
}

}  // namespace weir::process
