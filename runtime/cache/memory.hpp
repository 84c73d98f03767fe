// SPDX-License-Identifier: Apache-2.0
// What a cache in memory (HAProxy: section cache) says of requests and answers: which may be used and
// kept, for how long, and which variant is for whom. Pure functions of fields; HAProxy's manual, section
// 6.1 (limitations), RFC 9111 and RFC 9110 section 12.5.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "parser/ir/cache.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/http/message.hpp"
#include "runtime/zone/shelf.hpp"

namespace weir::cache {

// Fields by which answers may vary.
namespace varies_by {
inline constexpr std::uint8_t accept_encoding = 1, referer = 2, origin = 4;
}

// What a request is, to a cache.
struct Asked {
    zone::Shelf::Key key{};            // of url
    std::string_view url;              // "host/path?query"
    bool may_use = false;              // what is kept may answer it
    bool may_keep = false;             // its answer may be kept
    bool codings_known = true;         // it does not name more codings than anybody does
    std::uint16_t codings = 0;         // bits of those that it takes
    std::uint64_t referer = 0, origin = 0;   // hashes
};
Asked read_asked(const http::RequestHead& request, Arena& arena);

// Lies in shared memory beside the item.
struct Kept {
    std::uint64_t referer = 0, origin = 0;
    std::int64_t kept_at = 0;          // unix seconds
    std::int64_t modified = -1;        // unix seconds: Last-Modified, else Date, else kept_at
    // Bytes of the item: "host/path?query", lines of hints (its stem, so far), then the head, then the body.
    std::uint32_t url = 0, hints = 0, head = 0;
    std::uint32_t age = 0;             // seconds that it had when it came
    std::uint16_t codings = 0;         // bits of its own, all of which a client must take
    std::uint8_t by = 0;               // varies_by
};
static_assert(sizeof(Kept) <= sizeof(zone::Shelf::Note));
zone::Shelf::Note note_of(const Kept& kept);
Kept kept_of(const zone::Shelf::Note& note);
// zone::Shelf::Fits with an Asked.
bool is_for(const void* asked, const zone::Shelf::Note& note);

// None: the answer is not to be kept. Else what it is, and until when.
struct Keeping {
    Kept kept;
    std::int64_t until = 0;            // unix seconds
};
std::optional<Keeping> may_keep(const Asked& asked, const http::FieldList& answer, const ir::CacheStore& conf,
                                std::int64_t now);

// Takes out what a purge (purge.hpp) wants: keys are URLs. How many there were.
std::uint32_t purge(zone::Shelf& shelf, std::string_view wanted);

// Whether the client has it already: If-None-Match, and without it If-Modified-Since.
bool is_known_to(const http::FieldList& request, std::string_view etag, const Kept& kept);

}  // namespace weir::cache
