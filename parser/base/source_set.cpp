// SPDX-License-Identifier: Apache-2.0
// The recorded set and its wire form: length-prefixed strings, little endian, a tag per section.
#include "parser/base/source_set.hpp"

#include <cstring>

namespace weir {

template <class T, class Ask>
Expected<T, SourceError> SourceSet::recall(Answers<T>& known, const std::string& key, Ask&& ask) {
    auto found = known.find(key);
    if (found == known.end()) {
        if (!world_) return Unexpected{SourceError{2, "was not there when the set was taken"}};
        auto answer = ask();
        found = known.emplace(key, answer ? Answer<T>{std::move(*answer), {}}
                                          : Answer<T>{std::nullopt, std::move(answer.error())})
                    .first;
    }
    if (!found->second.value) return Unexpected{found->second.error};
    return *found->second.value;
}

Expected<std::string_view, SourceError> SourceSet::read(const std::string& path, Purpose purpose) {
    // Not through recall(): the bytes stay in the set, callers get a view.
    auto found = files_.find(path);
    if (found == files_.end()) {
        if (!world_) return Unexpected{SourceError{2, "was not there when the set was taken"}};
        auto answer = world_->read(path, purpose);
        found = files_.emplace(path, answer ? Answer<std::string>{std::move(*answer), {}}
                                            : Answer<std::string>{std::nullopt, answer.error()})
                    .first;
    }
    if (!found->second.value) return Unexpected{found->second.error};
    return std::string_view(*found->second.value);
}

Expected<std::vector<std::string>, SourceError> SourceSet::glob(const std::string& pattern) {
    return recall(globs_, pattern, [&] { return world_->glob(pattern); });
}

Expected<std::vector<std::string>, SourceError> SourceSet::list(const std::string& folder) {
    return recall(folders_, folder, [&] { return world_->list(folder); });
}

Expected<std::vector<IpAddress>, SourceError> SourceSet::resolve(const std::string& host) {
    return recall(names_, host, [&] { return world_->resolve(host); });
}

std::optional<std::string> SourceSet::environment(const std::string& name) {
    auto found = environment_.find(name);
    if (found == environment_.end()) {
        if (!world_) return std::nullopt;
        found = environment_.emplace(name, world_->environment(name)).first;
    }
    return found->second;
}

void SourceSet::put(std::string path, std::string bytes) {
    files_.insert_or_assign(std::move(path), Answer<std::string>{std::move(bytes), {}});
}

namespace {

struct Writer {
    std::string out;
    void number(std::uint64_t value) { out.append(reinterpret_cast<const char*>(&value), 8); }
    void text(std::string_view value) {
        number(value.size());
        out += value;
    }
    void put(const std::string& value) { text(value); }
    void put(const std::vector<std::string>& list) {
        number(list.size());
        for (const auto& entry : list) text(entry);
    }
    void put(const std::vector<IpAddress>& list) {
        number(list.size());
        for (const auto& entry : list) {
            number(static_cast<std::uint64_t>(entry.family));
            out.append(reinterpret_cast<const char*>(entry.bytes), sizeof entry.bytes);
        }
    }
    template <class Map>
    void answers(const Map& map) {
        number(map.size());
        for (const auto& [key, answer] : map) {
            text(key);
            number(answer.value.has_value());
            if (answer.value) {
                put(*answer.value);
            } else {
                number(static_cast<std::uint64_t>(answer.error.code));
                text(answer.error.text);
            }
        }
    }
};

// Reads what Writer wrote. Any lie about a length sets `bad` and yields empty values from there on.
struct Reader {
    std::string_view rest;
    bool bad = false;

    std::string_view bytes(std::size_t count) {
        if (bad || count > rest.size()) {
            bad = true;
            return {};
        }
        auto taken = rest.substr(0, count);
        rest.remove_prefix(count);
        return taken;
    }
    std::uint64_t number() {
        auto taken = bytes(8);
        std::uint64_t value = 0;
        if (taken.size() == 8) std::memcpy(&value, taken.data(), 8);
        return value;
    }
    std::string text() { return std::string(bytes(number())); }
    void get(std::string& value) { value = text(); }
    void get(std::vector<std::string>& list) {
        for (auto left = number(); left > 0 && !bad; --left) list.push_back(text());
    }
    void get(std::vector<IpAddress>& list) {
        for (auto left = number(); left > 0 && !bad; --left) {
            IpAddress entry;
            entry.family = static_cast<IpAddress::Family>(number());
            auto raw = bytes(sizeof entry.bytes);
            if (!bad) std::memcpy(entry.bytes, raw.data(), raw.size());
            list.push_back(entry);
        }
    }
    template <class Map>
    void answers(Map& map) {
        for (auto left = number(); left > 0 && !bad; --left) {
            auto key = text();
            typename Map::mapped_type answer;
            if (number() != 0) {
                get(answer.value.emplace());
            } else {
                answer.error.code = static_cast<int>(number());
                answer.error.text = text();
            }
            map.emplace(std::move(key), std::move(answer));
        }
    }
};

}  // namespace

std::string SourceSet::serialize() const {
    Writer writer;
    writer.answers(files_);
    writer.answers(globs_);
    writer.answers(folders_);
    writer.answers(names_);
    writer.number(environment_.size());
    for (const auto& [name, value] : environment_) {
        writer.text(name);
        writer.number(value.has_value());
        writer.text(value.value_or(""));
    }
    return std::move(writer.out);
}

std::optional<SourceSet> SourceSet::deserialize(std::string_view bytes) {
    SourceSet set;
    Reader reader{bytes};
    reader.answers(set.files_);
    reader.answers(set.globs_);
    reader.answers(set.folders_);
    reader.answers(set.names_);
    for (auto left = reader.number(); left > 0 && !reader.bad; --left) {
        auto name = reader.text();
        bool present = reader.number() != 0;
        auto value = reader.text();
        set.environment_.emplace(std::move(name), present ? std::optional(value) : std::nullopt);
    }
    if (reader.bad || !reader.rest.empty()) return std::nullopt;
    return set;
}

}  // namespace weir
