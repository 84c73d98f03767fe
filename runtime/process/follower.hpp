// SPDX-License-Identifier: Apache-2.0
// Follower: tells the master when files may have another content than the running configuration has of
// them. It watches the folders (inotify(7)) and not the files: what comes by rename or as a link in
// another one's place (certbot, Kubernetes) shows there. Where folders cannot be watched, and for file
// systems that tell nothing of what other machines do, it looks at each file now and then.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parser/base/source_set.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

class Follower {
public:
    // A file as it was when the running configuration was read; an unknown stamp: as it is now.
    struct File {
        std::string path;
        FileStamp stamp;
    };

    Follower() = default;
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    // `on_change` is called in the loop when files have changed and were quiet for a second since: who
    // writes two files has written both.
    void start(net::Loop& loop, std::function<void()> on_change);
    // From now on these, and no others; each path once, sorted. Why some folders are not watched; empty:
    // all are. To be called again with the new stamps when what changed was taken.
    std::string follow(std::vector<File> files);
    // The files whose content was not taken yet.
    [[nodiscard]] std::vector<std::string> changed() const;

private:
    struct Place {
        std::string path;
        FileStamp known, seen;   // what the configuration has, and what was there last
    };
    // The way to a folder: itself without links, and the links on the way as keys of names_.
    struct Way {
        std::string real;
        std::vector<std::uint64_t> links;
    };
    using Ways = std::unordered_map<std::string, Way>;
    struct Clock : net::Timer {
        Follower* self = nullptr;
    };

    void watch_all();
    void watch(std::uint32_t place, Ways& ways);
    Way way_to(const std::string& folder, Ways& ways, int links_left);
    void add_names(std::uint32_t place, const std::string& path, Ways& ways, int links_left);
    std::uint64_t key_of(const std::string& folder, std::string_view name);
    void read_events();
    void on_name(int folder, std::string_view name);
    void soon();
    void rest();
    void look();
    void look_around();
    bool look_at(Place& place);   // true: it has changed, and is not what is known

    net::Loop* loop_ = nullptr;
    std::function<void()> on_change_;
    std::vector<Place> places_;
    Fd inotify_;
    net::Watch watch_;
    std::unordered_map<std::string, int> folders_;   // watches by path without links
    // Which places a name in a watched folder is a step of the way to; sorted by a key of both.
    std::vector<std::pair<std::uint64_t, std::uint32_t>> names_;
    std::vector<std::uint32_t> touched_;
    std::string problem_;
    bool all_ = false;          // watches are gone, or events were lost
    net::Time first_ = 0;       // of the events that wait
    Clock quiet_, round_;
};

}  // namespace weir::process
