// SPDX-License-Identifier: Apache-2.0
// Caches in memory, step by step: a rule looks into one, the exchange answers from it where it would have
// asked a server, and another rule keeps what a server said.
#include "runtime/exchange/shelved.hpp"

#include <fmt/format.h>

#include "runtime/cache/hints.hpp"
#include "runtime/cache/purge.hpp"
#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/exchange.hpp"

namespace weir::exchange {

using http::FieldId;
using http::Framing;
using zone::Shelf;

namespace {

constexpr std::uint64_t worth_a_write = 16384;   // bytes; smaller runs of blocks are gathered

bool is_safe(http::Method method) {
    using http::Method;
    return method == Method::get || method == Method::head || method == Method::options || method == Method::trace;
}

bool is_any(const void*, const Shelf::Note&) { return true; }

// The next bytes of an item; `at` moves on.
std::string_view read_front(const Shelf& shelf, std::uint32_t item, Shelf::Place& at, std::size_t wanted,
                            Arena& arena) {
    char* text = arena.bytes(wanted);
    for (std::size_t size = 0; size < wanted;) {
        auto part = shelf.read(item, at, wanted - size);
        size += part.copy(text + size, part.size());
    }
    return {text, wanted};
}

}  // namespace

// --- bodies ---

bool ShelfBody::ready(http::Piece& piece) {
    auto bytes = shelf_.read(item_, at_, std::uint64_t{4} * worth_a_write);
    if (bytes.size() < worth_a_write && left() != 0) {
        gathered_.acquire(worth_a_write);
        gathered_.clear();
        gathered_.append(bytes);
        while (left() != 0 && gathered_.size() < worth_a_write)
            gathered_.append(shelf_.read(item_, at_, worth_a_write - gathered_.size()));
        bytes = gathered_.view();
    }
    piece = {};
    piece.bytes = bytes;
    piece.last = left() == 0;
    return true;
}

net::Task<http::Piece> ShelfBody::next(net::Time, net::Watch*) {
    http::Piece piece;
    ready(piece);
    co_return piece;
}

void ShelfUse::take(std::string_view bytes) {
    if (fresh == Shelf::none) return;
    if (bytes.size() > room) return give_up();
    room -= bytes.size();
    if (!into->append(fresh, bytes)) fresh = Shelf::none;
}

void ShelfUse::keep() {
    if (fresh == Shelf::none) return;
    const auto& kept = keeping.kept;
    const auto stem = kept.hints == 0 ? 0 : kept.url + kept.hints;
    into->keep(std::exchange(fresh, Shelf::none), cache::note_of(kept), keeping.until, unix_now(), stem);
}

void ShelvingBody::take(const http::Piece& piece) {
    if (piece.state != http::BodyState::ok) return use_.give_up();
    use_.take(piece.bytes);
    if (piece.last) use_.keep();
}

bool ShelvingBody::ready(http::Piece& piece) {
    if (!inner_.ready(piece)) return false;
    take(piece);
    return true;
}

net::Task<http::Piece> ShelvingBody::next(net::Time timeout, net::Watch* abort_when) {
    auto piece = co_await inner_.next(timeout, abort_when);
    take(piece);
    co_return piece;
}

// --- the exchange ---

zone::Counters* Exchange::counters_of_rules() {
    if (route_ == &site_->own) {
        auto& entry = running_->sites[site_->id];
        return entry.slots ? &entry.mine(worker_.index) : nullptr;
    }
    auto pool = route_->forward ? route_->forward->pool : ir::no_id;
    if (pool == ir::no_id) return nullptr;
    const auto entry = running_->pools[pool]->board();
    return entry.slots ? &entry.mine(worker_.index) : nullptr;
}

// cache-use. The first cache that has the answer gives it; rules go on. Of an answer that is gone a cache
// may know the hints still.
void Exchange::look_on_shelf(std::uint32_t id, bool wants_hints) {
    if (!shelf_) {
        shelf_.reset(new (arena_.allocate(sizeof(ShelfUse), alignof(ShelfUse))) ShelfUse(worker_.loop));
        shelf_->asked = cache::read_asked(request_, arena_);
    }
    auto& use = *shelf_;
    auto* shelf = running_->caches[id].shelf();
    if (!shelf || use.item != Shelf::none || !use.asked.may_use) return;
    auto* counters = counters_of_rules();
    if (counters) counters->cache_lookups.add(1);
    const auto found = shelf->find(use.asked.key, use.unix_now(), cache::is_for, &use.asked);
    if (found.item == Shelf::none) return;
    if (!found.whole) {
        if (wants_hints) {
            take_kept_hints(*shelf, found.item, cache::kept_of(found.note));
            if (counters) counters->cache_hints.add(1);
        }
        return shelf->unpin(found.item);
    }
    if (counters) counters->cache_hits.add(1);
    use.shelf = shelf;
    use.item = found.item;
    use.kept = cache::kept_of(found.note);
    subject_.cache.hit_in = running_->caches[id].conf().name;
}

// A line each behind the URL of the item.
void Exchange::take_kept_hints(const Shelf& shelf, std::uint32_t item, const cache::Kept& kept) {
    Shelf::Place at;
    auto lines = read_front(shelf, item, at, kept.url + kept.hints, arena_).substr(kept.url);
    auto& head = early_head();
    while (!lines.empty()) {
        auto end = std::min(lines.find('\n'), lines.size());
        head.fields.add(arena_, "link", lines.substr(0, end));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
}

// The answer is the one on the shelf, as far as rules have nothing against it.
Exchange::Next Exchange::reply_from_shelf() {
    auto& use = *shelf_;
    Shelf::Place at;
    const std::size_t before = use.kept.url + use.kept.hints + use.kept.head;
    auto text = read_front(*use.shelf, use.item, at, before, arena_);
    if (!read_kept_head(text.substr(before - use.kept.head), arena_, use.head)) return fail(500);
    auto& head = use.head;
    const auto length = use.shelf->length(use.item) - before;
    bool sized = head.fields.has(FieldId::content_length);
    head.framing = sized ? Framing::length : Framing::chunked;
    head.length = length;
    head.head_bytes = 0;
    const auto* etag = head.fields.find(FieldId::etag);
    if (cache::is_known_to(request_.fields, etag ? etag->value : std::string_view(), use.kept)) {
        head.status = 304;
        head.reason = "Not Modified";
        head.framing = Framing::none;
    } else if (!sized && request_.method == http::Method::head) {
        head.fields.add(arena_, "transfer-encoding", "chunked");
    }
    auto age = use.kept.age + std::max<std::int64_t>(use.unix_now() - use.kept.kept_at, 0);
    head.fields.add(arena_, "age", arena_.copy(fmt::format_int(age).c_str()));
    subject_.response = &head;
    note_own_answer(false);
    use.answers = true;
    auto& times = subject_.times;
    times.queued = times.connected = times.response = worker_.loop.now_us();
    if (auto next = run_response_rules(head); next != Next::perform) return next;
    relay_fields(head);
    use.body.emplace(*use.shelf, use.item, at);
    return Next::reply;
}

// cache-purge.
Exchange::Next Exchange::purge_shelf(std::uint32_t id) {
    auto* shelf = running_->caches[id].shelf();
    note_own_answer(false);
    if (!shelf) return fail(404);
    const auto asked = cache::read_asked(request_, arena_);
    std::uint32_t removed = 0;
    bool tagged = false;
    for (const auto& field : request_.fields) {
        if (!cache::is_tag_field(field.name)) continue;
        tagged = true;
        cache::each_tag(field.value, [&](std::string_view tag) { removed += cache::purge(*shelf, arena_.join({"#", tag})); });
    }
    if (!tagged) {
        const auto& url = asked.url;
        removed = url.ends_with('*') ? cache::purge(*shelf, arena_.join({"^", url.substr(0, url.size() - 1)}))
                                     : shelf->remove(asked.key, is_any, nullptr);
    }
    if (removed == 0) return fail(404);
    filter::Answer answer;
    answer.status = 204;
    take(answer);
    return Next::reply;
}

// cache-store, in the rules about a server's answer.
void Exchange::keep_on_shelf(std::uint32_t id) {
    if (!shelf_ || !server_ || reply_started_) return;
    auto& use = *shelf_;
    auto& response = server_->response;
    auto* shelf = running_->caches[id].shelf();
    if (!shelf || use.fresh != Shelf::none) return;
    if (!is_safe(request_.method)) {
        // What changed there is not what is kept (RFC 9111 section 4.4).
        if (response.status >= 200 && response.status < 400) shelf->remove(use.asked.key, is_any, nullptr);
        return;
    }
    const auto& conf = running_->caches[id].conf();
    if (response.status != 200) return;
    auto keeping = cache::may_keep(use.asked, response.fields, conf, use.unix_now());
    if (!keeping) return;
    using Hints = ir::CacheStore::Hints;
    const auto hints = conf.hints == Hints::off ? std::string_view() : cache::hints_of(response.fields, arena_);
    const bool only_hints = conf.hints == Hints::only;
    const auto text = only_hints ? std::string_view() : kept_head(response, arena_, false);
    if (only_hints) {
        if (hints.empty()) return;
    } else {
        if (text.size() >= conf.max_object) return;
        if (response.framing == Framing::length && response.length > conf.max_object - text.size()) return;
    }
    // It takes the place of the one that this request would have got.
    shelf->remove(use.asked.key, keeping->kept.by == 0 ? is_any : cache::is_for, &use.asked);
    if (keeping->kept.by != 0 && shelf->count(use.asked.key, use.unix_now()) >= conf.most_variants) return;
    use.into = shelf;
    use.keeping = *keeping;
    use.keeping.kept.head = static_cast<std::uint32_t>(text.size());
    use.keeping.kept.url = static_cast<std::uint32_t>(use.asked.url.size());
    use.keeping.kept.hints = static_cast<std::uint32_t>(hints.size());
    use.room = conf.max_object + use.asked.url.size() + hints.size();
    use.fresh = shelf->begin(use.asked.key);
    use.take(use.asked.url);
    use.take(hints);
    if (only_hints) return use.keep();
    use.take(text);
    response.fields.remove(FieldId::age);   // it goes on as the first answer of this cache
    shelving_ = new (arena_.allocate(sizeof(ShelvingBody), alignof(ShelvingBody))) ShelvingBody(server_->body(), use);
}

}  // namespace weir::exchange
