// SPDX-License-Identifier: Apache-2.0
// What the tests of the HAProxy front-end share: a text is loaded in a world that has nothing else,
// and what was said about it comes back as "line:column severity id".
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "parser/haproxy/load.hpp"

namespace weir::haproxy::test {

// Files, names and variables a test puts in; nothing else exists.
class TinyWorld : public World {
public:
    std::map<std::string, std::string> files;
    std::map<std::string, std::vector<std::string>> folders;
    std::map<std::string, std::string> variables;

    Expected<std::string, SourceError> read(const std::string& path, Purpose) override {
        auto found = files.find(path);
        if (found == files.end()) return Unexpected{SourceError{2, "No such file or directory"}};
        return found->second;
    }
    Expected<std::vector<std::string>, SourceError> glob(const std::string&) override {
        return Unexpected{SourceError{2, "No such file or directory"}};
    }
    Expected<std::vector<std::string>, SourceError> list(const std::string& folder) override {
        auto found = folders.find(folder);
        if (found == folders.end()) return Unexpected{SourceError{20, "Not a directory"}};
        return found->second;
    }
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) override {
        if (host != "known.test") return Unexpected{SourceError{2, "no such name"}};
        IpAddress address;
        address.family = IpAddress::Family::v4;
        address.bytes[0] = 192;
        address.bytes[3] = 7;
        return std::vector<IpAddress>{address};
    }
    std::optional<std::string> environment(const std::string& name) override {
        auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    }
};

struct Loaded {
    ir::Config config;
    SourceMap sources;
    diag::Sink sink;

    // All that was said, in order.
    [[nodiscard]] std::vector<std::string> said() {
        sink.sort(sources);
        std::vector<std::string> out;
        for (const auto& entry : sink.all()) {
            std::string where = "-";
            if (entry.span.known()) {
                auto at = sources.position(entry.span.file, entry.span.begin);
                where = std::to_string(at.line) + ":" + std::to_string(at.column);
            }
            out.push_back(where + " " + diag::name_of(entry.severity) + " " + entry.id);
        }
        return out;
    }
    [[nodiscard]] std::string message(std::size_t i) const { return sink.all().at(i).message; }
    [[nodiscard]] const ir::Route& route(const std::string& name) const {
        for (const auto& one : config.routes)
            if (one.pool_name == name) return one;
        throw std::out_of_range(name);
    }
    [[nodiscard]] const ir::Pool& pool(const std::string& name) const {
        return config.pools.at(config.find_pool(name));
    }
};

inline void load_into(Loaded& out, TinyWorld& world, const std::vector<std::string>& paths) {
    SourceSet set(world);
    load(paths, set, out.sources, {}, out.config, out.sink);
}

inline std::unique_ptr<Loaded> load_text(const std::string& text) {
    TinyWorld world;
    world.files["t.cfg"] = text;
    auto out = std::make_unique<Loaded>();
    load_into(*out, world, {"t.cfg"});
    return out;
}

// A proxy with what it takes to be complaint-free, and `lines` inside.
inline std::unique_ptr<Loaded> load_frontend(const std::string& lines,
                                             const std::string& mode = "http") {
    return load_text("defaults\n mode " + mode +
                     "\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n"
                     "backend b\n server s 127.0.0.1:80\n"
                     "frontend f\n bind :8080\n default_backend b\n" +
                     lines);
}

using Said = std::vector<std::string>;

}  // namespace weir::haproxy::test
