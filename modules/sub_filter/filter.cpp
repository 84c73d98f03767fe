// SPDX-License-Identifier: Apache-2.0
// Searches bodies piece by piece. What may be the beginning of a text is held back until more comes.
#include <algorithm>
#include <cstring>

#include "modules/sub_filter/conf.hpp"
#include "modules/sub_filter/module.hpp"

namespace weir::modules::sub_filter {

namespace {

using http::FieldId;

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// One text of this answer.
struct Wanted {
    std::string_view search, replacement;   // `search` in lower case
    bool done = false;
};

struct Run : filter::State {
    Wanted* wanted = nullptr;
    std::size_t count = 0;
    std::size_t longest = 0;
    bool once = true;
    bool starts[256] = {};       // bytes that one of the texts begins with
    // What was held back, and where pieces are put together: memory that is used again for each piece.
    char* in = nullptr;
    std::size_t in_room = 0, held = 0;
    char* out = nullptr;
    std::size_t out_room = 0;
};

char* make_room(char*& memory, std::size_t& room, std::size_t bytes, std::size_t kept, Arena& arena) {
    if (bytes <= room) return memory;
    auto more = std::max(bytes, room * 2);
    char* fresh = arena.bytes(more);
    if (kept != 0) std::memcpy(fresh, memory, kept);
    room = more;
    return memory = fresh;
}

enum class Found : std::uint8_t { no, yes, perhaps };

// Whether `text` begins with what is searched; perhaps: it ends too early to tell.
Found begins(std::string_view text, std::string_view search) {
    auto size = std::min(text.size(), search.size());
    for (std::size_t i = 0; i < size; ++i)
        if (folded(text[i]) != search[i]) return Found::no;
    return size == search.size() ? Found::yes : Found::perhaps;
}

class Filter final : public filter::Filter {
public:
    Filter(const Conf& conf, route::Library& library) : conf_(conf) {
        for (const auto& pair : conf.pairs)
            pairs_.push_back({library.compile(pair.search), library.compile(pair.replacement)});
    }

    bool on_reply(route::Subject& subject, http::ResponseHead& reply, filter::State*& state) override {
        bool empty = reply.framing == http::Framing::length && reply.length == 0;
        if (empty || !is_searched(reply)) return false;
        auto& arena = *subject.arena;
        auto* run = arena.make<Run>();
        run->once = conf_.once;
        run->wanted = arena.make_array<Wanted>(pairs_.size());
        for (const auto& pair : pairs_) {
            auto search = pair.search.render(subject);
            if (search.empty()) continue;
            char* lower = arena.bytes(search.size());
            std::transform(search.begin(), search.end(), lower, folded);
            auto& one = run->wanted[run->count++];
            one.search = {lower, search.size()};
            one.replacement = arena.copy(pair.replacement.render(subject));
            run->longest = std::max(run->longest, search.size());
            run->starts[static_cast<unsigned char>(lower[0])] = true;
        }
        if (run->count == 0) return false;
        state = run;
        if (!conf_.last_modified) reply.fields.remove(FieldId::last_modified);
        weaken_tag(subject, reply);
        reply.fields.remove(FieldId::accept_ranges);
        return true;
    }

    void on_reply_body(route::Subject& subject, filter::State* state, filter::Passing& piece) override {
        auto& run = *static_cast<Run*>(state);
        auto bytes = piece.bytes;
        const bool last = piece.last;
        auto& arena = *subject.arena;
        if (run.held != 0) {
            make_room(run.in, run.in_room, run.held + bytes.size(), run.held, arena);
            if (!bytes.empty()) std::memcpy(run.in + run.held, bytes.data(), bytes.size());
            bytes = {run.in, run.held + bytes.size()};
        }
        std::size_t used = 0, written = 0;
        auto put = [&](std::string_view part) {
            make_room(run.out, run.out_room, written + part.size(), written, arena);
            if (!part.empty()) std::memcpy(run.out + written, part.data(), part.size());
            written += part.size();
        };
        std::size_t at = 0;
        while (at < bytes.size()) {
            if (!run.starts[static_cast<unsigned char>(folded(bytes[at]))]) {
                ++at;
                continue;
            }
            Wanted* match = nullptr;
            if (look(run, bytes.substr(at), last, match) == Found::perhaps) break;
            if (!match) {
                ++at;
                continue;
            }
            put(bytes.substr(used, at - used));
            put(match->replacement);
            at += match->search.size();
            used = at;
            if (run.once) match->done = true;
        }
        put(bytes.substr(used, at - used));
        auto rest = bytes.substr(at);
        // The rest may lie in run.in already, further behind.
        make_room(run.in, run.in_room, std::max(rest.size(), run.longest), 0, arena);
        if (!rest.empty()) std::memmove(run.in, rest.data(), rest.size());
        run.held = rest.size();
        piece.bytes = {run.out, written};
    }

private:
    struct Compiled {
        route::Template search, replacement;
    };

    bool is_searched(const http::ResponseHead& reply) const {
        if (pairs_.empty()) return false;
        const auto* type = reply.fields.find(FieldId::content_type);
        if (!type) return false;
        auto name = type->value.substr(0, type->value.find_first_of("; "));
        return std::any_of(conf_.types.begin(), conf_.types.end(), [&](const std::string& one) {
            return one == "*" || http::equal_ignoring_case(one, name);
        });
    }

    // What is changed is no longer the same byte for byte.
    void weaken_tag(route::Subject& subject, http::ResponseHead& reply) const {
        const auto* tag = reply.fields.find(FieldId::etag);
        if (!tag) return;
        if (!conf_.last_modified)
            reply.fields.remove(FieldId::etag);
        else if (!tag->value.starts_with("W/"))
            reply.fields.set(*subject.arena, "ETag", subject.arena->join({"W/", tag->value}));
    }

    // The first of the texts that is here; perhaps: one may be that more bytes decide, and more come.
    static Found look(Run& run, std::string_view text, bool last, Wanted*& match) {
        for (std::size_t i = 0; i < run.count; ++i) {
            auto& one = run.wanted[i];
            if (one.done) continue;
            auto found = begins(text, one.search);
            if (found == Found::perhaps && !last) return found;
            if (found == Found::yes) {
                match = &one;
                return found;
            }
        }
        return Found::no;
    }

    const Conf& conf_;
    std::vector<Compiled> pairs_;
};

}  // namespace

const filter::Module& module() {
    static const filter::Module made{
        .name = "sub_filter",
        .nginx_rows = nginx_rows(),
        .make_filter = [](const void* conf, route::Library& library) -> std::unique_ptr<filter::Filter> {
            return std::make_unique<Filter>(*static_cast<const Conf*>(conf), library);
        }};
    return made;
}

}  // namespace weir::modules::sub_filter
