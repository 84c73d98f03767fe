// SPDX-License-Identifier: Apache-2.0
// Configurations for the fuzzers: a world that holds only the files of the input, and what must
// hold for every text: all problems can be shown, and reading it again says the same.
#pragma once

#include <map>
#include <string>

#include "parser/load.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace weir::fuzz {

// Further files follow a line "%%% name"; a pattern or folder names all of them.
class InputWorld : public World {
public:
    explicit InputWorld(std::string_view text) {
        std::string name = main_file;
        while (true) {
            auto mark = text.find("\n%%% ");
            files_[name] = text.substr(0, mark == text.npos ? text.size() : mark + 1);
            if (mark == text.npos) return;
            text.remove_prefix(mark + 5);
            auto end = text.find('\n');
            name = "/" + std::string{text.substr(0, end)};
            text.remove_prefix(end == text.npos ? text.size() : end + 1);
        }
    }
    Expected<std::string, SourceError> read(const std::string& path, Purpose) override {
        if (auto found = files_.find(path); found != files_.end()) return found->second;
        return Unexpected{SourceError{2, "No such file or directory"}};
    }
    Expected<std::vector<std::string>, SourceError> glob(const std::string&) override {
        return list("");
    }
    Expected<std::vector<std::string>, SourceError> list(const std::string&) override {
        std::vector<std::string> names;
        for (const auto& [name, text] : files_) names.push_back(name);
        return names;
    }
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string& host) override {
        if (host.starts_with("no")) return Unexpected{SourceError{2, "host not found"}};
        IpAddress address;
        address.family = IpAddress::Family::v4;
        address.bytes[0] = 127;
        return std::vector<IpAddress>{address};
    }
    std::optional<std::string> environment(const std::string& name) override {
        if (name.starts_with("NO")) return std::nullopt;
        return "value of " + name;
    }
    static constexpr const char* main_file = "/main";

private:
    std::map<std::string, std::string> files_;
};

inline std::string outcome_of(std::string_view text, Dialect dialect) {
    InputWorld world{text};
    SourceSet set{world};
    SourceMap sources;
    diag::Sink sink;
    auto config = load_config({{dialect, InputWorld::main_file}}, {}, set, sources, {}, sink);
    // Nothing comes back without a reason, and an error lets nothing through.
    FUZZ_CHECK(config.has_value() != sink.failed());
    sink.sort(sources);
    std::string out;
    for (const auto& one : sink.all()) {
        FUZZ_CHECK(!one.message.empty() && !one.id.empty());
        out += diag::render_text(one, sources);
    }
    out += diag::render_json(sink, sources);
    if (config) out += ir::print(*config);
    return out;
}

inline void check_configuration(std::string_view text, Dialect dialect) {
    FUZZ_CHECK(outcome_of(text, dialect) == outcome_of(text, dialect));
}

}  // namespace weir::fuzz
