// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/map.hpp"

#include <algorithm>

#include "runtime/route/match.hpp"

namespace weir::route {
namespace {

// Maps that feed each other in a circle end here with no value.
constexpr int deepest = 16;
thread_local int depth = 0;

struct Descent {
    Descent() { ++depth; }
    ~Descent() { --depth; }
    Descent(const Descent&) = delete;
    Descent& operator=(const Descent&) = delete;
};

}  // namespace

void CompiledMap::compile(Library& library) {
    library_ = &library;
    if (conf_.compared) {
        file_map_ = std::make_unique<FileMap>(conf_, library);
        return;
    }
    key_ = library.compile(conf_.key);
    fallback_ = library.compile(conf_.fallback);
    for (const auto& entry : conf_.entries) {
        const std::size_t value = values_.size();
        values_.push_back(library.compile(entry.value));
        using Kind = ir::Map::Entry::Kind;
        if (entry.kind == Kind::network) add_network(entry, value);
        if (entry.kind == Kind::exact && conf_.kind == ir::Map::Kind::table) add_key(entry.key, value);
        if (entry.kind != Kind::regex && entry.kind != Kind::regex_ignore_case) continue;
        const bool ignore_case = entry.kind == ir::Map::Entry::Kind::regex_ignore_case;
        if (const auto* regex = library.regex(entry.key, ignore_case, conf_.span)) {
            regexes_.push_back({regex, value});
        }
    }
    std::sort(networks_.begin(), networks_.end(),
              [](const Networks& a, const Networks& b) { return a.bits > b.bits; });
}

void CompiledMap::add_key(const std::string& key, std::size_t value) {
    std::string& kept = keys_.emplace_back(key);
    for (char& c : kept) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    const std::string_view name = kept;
    if (conf_.hostnames && name.starts_with("*.")) {
        leading_.emplace(name.substr(2), value);
    } else if (conf_.hostnames && name.size() > 1 && name.starts_with('.')) {
        leading_.emplace(name.substr(1), value);
        exact_.emplace(name.substr(1), value);
    } else if (conf_.hostnames && name.ends_with(".*")) {
        trailing_.emplace(name.substr(0, name.size() - 2), value);
    } else {
        exact_.emplace(name, value);
    }
}

// Longest wildcard first: of the beginning, then of the end.
const Template* CompiledMap::look_up_host(std::string_view host) const {
    if (!leading_.empty()) {
        for (auto dot = host.find('.'); dot != std::string_view::npos;
             dot = host.find('.', dot + 1)) {
            const auto found = leading_.find(host.substr(dot + 1));
            if (found != leading_.end()) return &values_[found->second];
        }
    }
    if (trailing_.empty()) return nullptr;
    for (auto dot = host.rfind('.'); dot != std::string_view::npos && dot > 0;
         dot = host.rfind('.', dot - 1)) {
        const auto found = trailing_.find(host.substr(0, dot));
        if (found != trailing_.end()) return &values_[found->second];
    }
    return nullptr;
}

const Template* CompiledMap::look_up(std::string_view key, Subject& subject) const {
    auto folded = lower_case(key, *subject.arena);
    if (conf_.hostnames && folded.ends_with('.')) folded.remove_suffix(1);
    const auto found = exact_.find(folded);
    if (found != exact_.end()) return &values_[found->second];
    if (conf_.hostnames) {
        if (const auto* value = look_up_host(folded)) return value;
    }
    for (const auto& entry : regexes_) {
        if (library_->match_and_capture(*entry.regex, key, subject)) return &values_[entry.value];
    }
    return nullptr;
}

Value CompiledMap::find(Subject& subject, const std::string_view* key) const {
    if (depth >= deepest) return Value::missing();
    Descent descent;
    const auto text = key ? *key : key_.render(subject);
    const Template* value = nullptr;
    switch (conf_.kind) {
        case ir::Map::Kind::table: value = look_up(text, subject); break;
        case ir::Map::Kind::networks: value = look_up_network(text); break;
        case ir::Map::Kind::shares: value = look_up_share(text); break;
        case ir::Map::Kind::referers: {
            // An empty field is there, all the same.
            auto field = text.empty() ? std::string_view("") : text;
            value = look_up_referer(key_.exists(subject) ? field : std::string_view(), subject);
            break;
        }
    }
    return Value::of((value ? value : &fallback_)->render(subject));
}

}  // namespace weir::route
