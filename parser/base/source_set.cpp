// SPDX-License-Identifier: Apache-2.0
// The recorded set and its wire form: length-prefixed strings, little endian, a tag per section.
#include "parser/base/source_set.hpp"

#include <algorithm>
#include <cerrno>
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
    if (purpose == Purpose::configuration && changed_.contains(path))
        return Unexpected{SourceError{EPERM, "was changed at run time, and is no configuration"}};
    return std::string_view(*found->second.value);
}

Expected<std::string_view, SourceError> SourceSet::read_if_changed(const std::string& path, Purpose purpose,
                                                                   SameFile same) {
    if (world_ && !files_.contains(path)) {
        auto stamp = world_->stamp(path);   // before it is read: what comes later is news
        auto known = former_ ? former_->find(path) : FormerFiles::const_iterator();
        if (!stamp)
            files_.emplace(path, Answer<std::string>{std::nullopt, stamp.error()});
        else if (former_ && same && known != former_->end() && stamp->known() && same(known->second.stamp, *stamp))
            put(path, std::string(known->second.bytes));
        if (stamp && stamp->known()) stamps_.emplace(path, *stamp);
    }
    return read(path, purpose);
}

FileStamp SourceSet::stamp_of(const std::string& path) const {
    auto found = stamps_.find(path);
    return found == stamps_.end() ? FileStamp{} : found->second;
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

void SourceSet::amend(const Amendment& change) {
    using Kind = Amendment::Kind;
    switch (change.kind) {
        case Kind::server:
        case Kind::no_server:
            places_.erase(change.name);
            std::erase_if(servers_, [&](const auto& one) { return one.name == change.name; });
            servers_.push_back(change);
            return;
        case Kind::place: {
            auto blank = std::min(change.bytes.find(' '), change.bytes.size());
            places_[change.name].words[change.bytes.substr(0, blank)] =
                change.bytes.substr(std::min(blank + 1, change.bytes.size()));
            return;
        }
        case Kind::forget:
            stored_.erase(change.name);
            stamps_.erase(change.name);
            files_.insert_or_assign(change.name,
                                    Answer<std::string>{std::nullopt, {ENOENT, std::strerror(ENOENT)}});
            return;
        case Kind::certificate:
        case Kind::authorities:
        case Kind::revocations: stored_[change.name] = change.kind; break;
        case Kind::file:
        case Kind::last_: break;
    }
    ++changes_;
    changed_.insert(change.name);
    // Bytes that came from elsewhere are not those of the file: the next reload reads it.
    if (change.stamp.known()) stamps_.insert_or_assign(change.name, change.stamp);
    else stamps_.erase(change.name);
    put(change.name, change.bytes);
}

const ServerPlace* SourceSet::place_of(const std::string& server, std::string_view says) {
    auto found = places_.find(server);
    if (found == places_.end()) return nullptr;
    auto& [words, said] = found->second;
    if (!said) said = says;
    if (*said == says) return &words;
    places_.erase(found);
    return nullptr;
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
    void put(const FileStamp& stamp) {
        number(stamp.device);
        number(stamp.inode);
        number(static_cast<std::uint64_t>(stamp.modified));
        number(static_cast<std::uint64_t>(stamp.modified_ns));
        number(static_cast<std::uint64_t>(stamp.changed));
        number(stamp.size);
    }
    void put(const Amendment& change) {
        number(static_cast<std::uint64_t>(change.kind));
        text(change.name);
        text(change.bytes);
        put(change.stamp);
    }
    void put(const std::vector<Amendment>& changes) {
        number(changes.size());
        for (const auto& one : changes) put(one);
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
    void get(FileStamp& stamp) {
        stamp.device = number();
        stamp.inode = number();
        stamp.modified = static_cast<std::int64_t>(number());
        stamp.modified_ns = static_cast<std::int64_t>(number());
        stamp.changed = static_cast<std::int64_t>(number());
        stamp.size = number();
    }
    Amendment::Kind amendment_kind() {
        const auto value = number();
        bad = bad || value >= static_cast<std::uint64_t>(Amendment::Kind::last_);
        return bad ? Amendment::Kind::file : static_cast<Amendment::Kind>(value);
    }
    void get(std::vector<Amendment>& changes) {
        for (auto left = number(); left > 0 && !bad; --left) {
            auto& one = changes.emplace_back();
            one.kind = amendment_kind();
            one.name = text();
            one.bytes = text();
            get(one.stamp);
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
    writer.number(changed_.size());
    for (const auto& path : changed_) writer.text(path);
    writer.number(stored_.size());
    for (const auto& [path, kind] : stored_) {
        writer.text(path);
        writer.number(static_cast<std::uint64_t>(kind));
    }
    writer.put(servers_);
    writer.number(places_.size());
    for (const auto& [server, place] : places_) {
        writer.text(server);
        writer.number(place.said.has_value());
        writer.text(place.said.value_or(""));
        writer.number(place.words.size());
        for (const auto& [word, value] : place.words) {
            writer.text(word);
            writer.text(value);
        }
    }
    writer.number(stamps_.size());
    for (const auto& [path, stamp] : stamps_) {
        writer.text(path);
        writer.put(stamp);
    }
    writer.number(changes_);
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
    for (auto left = reader.number(); left > 0 && !reader.bad; --left) set.changed_.insert(reader.text());
    for (auto left = reader.number(); left > 0 && !reader.bad; --left) {
        auto path = reader.text();
        set.stored_.emplace(std::move(path), reader.amendment_kind());
    }
    reader.get(set.servers_);
    for (auto left = reader.number(); left > 0 && !reader.bad; --left) {
        auto& place = set.places_[reader.text()];
        bool known = reader.number() != 0;
        auto said = reader.text();
        if (known) place.said = std::move(said);
        for (auto words = reader.number(); words > 0 && !reader.bad; --words) {
            auto word = reader.text();
            place.words[word] = reader.text();
        }
    }
    for (auto left = reader.number(); left > 0 && !reader.bad; --left) {
        auto path = reader.text();
        reader.get(set.stamps_[std::move(path)]);
    }
    set.changes_ = reader.number();
    if (reader.bad || !reader.rest.empty()) return std::nullopt;
    return set;
}

std::string serialize(const std::vector<Amendment>& changes) {
    Writer writer;
    writer.put(changes);
    return std::move(writer.out);
}

std::optional<std::vector<Amendment>> read_amendments(std::string_view bytes) {
    Reader reader{bytes};
    std::vector<Amendment> changes;
    reader.get(changes);
    if (reader.bad || !reader.rest.empty()) return std::nullopt;
    return changes;
}

}  // namespace weir
