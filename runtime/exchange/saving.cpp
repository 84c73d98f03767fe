// SPDX-License-Identifier: Apache-2.0
// What becomes of a server's answer in a cache: whether it is kept, how long, and the file that is
// written while the body passes. A disk that fails costs the file, never the answer.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/cache/parts.hpp"
#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/time.hpp"

namespace weir::exchange {

using forward::Failure;
using http::FieldId;

namespace {

// What is about one connection or one transfer.
bool stays_out(FieldId id) {
    switch (id) {
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::transfer_encoding:
        case FieldId::trailer:
        case FieldId::upgrade: return true;
        default: return false;
    }
}

}  // namespace

std::string_view kept_head(const http::ResponseHead& response, Arena& arena, bool with_age) {
    std::size_t size = 64 + response.reason.size();
    for (const auto& field : response.fields) size += field.name.size() + field.value.size() + 4;
    char* out = arena.bytes(size);
    char* at = out;
    auto put = [&](std::string_view part) { at = std::copy(part.begin(), part.end(), at); };
    put("HTTP/1.1 ");
    at = std::to_chars(at, at + 8, response.status).ptr;
    put(" ");
    put(response.reason);
    put("\r\n");
    for (const auto& field : response.fields) {
        if (stays_out(field.id) || (field.id == FieldId::age && !with_age)) continue;
        for (auto part : {field.name, std::string_view(": "), field.value, std::string_view("\r\n")}) put(part);
    }
    put("\r\n");
    return {out, static_cast<std::size_t>(at - out)};
}

bool read_kept_head(std::string_view text, Arena& arena, http::ResponseHead& head) {
    http::HeadLimits limits;
    limits.max_line = limits.max_head = 1u << 20;
    limits.max_fields = 1000;
    limits.underscores = true;
    auto parsed = http::parse_response_head(text, limits, arena, http::Method::get, head, nullptr);
    return parsed.status == http::ParseStatus::done;
}

// --- bodies ---

// False: it takes the disk.
bool SavedAnswer::take_now(const http::Piece& piece) {
    if (!use_.saved) return true;
    if (piece.state != http::BodyState::ok) {
        use_.give_up();   // half an answer is none
        return true;
    }
    auto& file = use_.saved->file;
    if (piece.last || !file.has_room(piece.bytes.size())) return false;
    file.put(piece.bytes);
    return true;
}

net::Task<void> SavedAnswer::take(const http::Piece& piece) {
    using Step = cache::SaveJob::Step;
    if (!use_.saved->file.has_room(piece.bytes.size()))
        if (bool flushed = co_await work(Step::flush); !flushed) co_return;
    use_.saved->file.put(piece.bytes);
    if (!piece.last) co_return;
    // The client hears of the end when the next one can have it from here.
    if (bool committed = co_await work(Step::commit); !committed) co_return;
    use_.store.note_file(use_.digest, use_.saved->file.size(), use_.loop.now());
    use_.saved.reset();
    use_.release();
}

net::Task<bool> SavedAnswer::work(cache::SaveJob::Step step) {
    use_.saved->step = step;
    use_.saved = co_await use_.disk.run(std::move(use_.saved));
    if (use_.saved && use_.saved->ok) co_return true;
    auto text = fmt::format("an answer cannot be kept in \"{}\"", use_.store.conf().folder);
    log_problem(subject_, log::critical,
                use_.saved ? log::ErrorLog::with_error(text, use_.saved->error) : text + ": the disk takes too long");
    use_.saved.reset();
    use_.release();
    co_return false;
}

void CutBody::cut(http::Piece& piece) {
    if (piece.state != http::BodyState::ok) return;
    auto skipped = std::min<std::uint64_t>(skip_, piece.bytes.size());
    skip_ -= skipped;
    piece.bytes = piece.bytes.substr(skipped, left_);
    left_ -= piece.bytes.size();
    given_ += piece.bytes.size();
    if (piece.last && left_ != 0) piece.state = http::BodyState::truncated;
    piece.last = left_ == 0;
}

bool CutBody::ready(http::Piece& piece) {
    for (;;) {
        if (!inner_.ready(piece)) return false;
        cut(piece);
        if (!piece.bytes.empty() || piece.last || piece.state != http::BodyState::ok) return true;
    }
}

net::Task<http::Piece> CutBody::next(net::Time timeout, net::Watch* abort_when) {
    for (;;) {
        auto piece = co_await inner_.next(timeout, abort_when);
        cut(piece);
        if (!piece.bytes.empty() || piece.last || piece.state != http::BodyState::ok) co_return piece;
    }
}

// --- the exchange ---

// No server answered: Next::ask, unless there is something in the cache for that.
Exchange::Next Exchange::use_stale_after(Failure failure, std::uint16_t status) {
    auto& use = *cache_;
    if (use.expired && use.may_use_stale(failure)) {
        use.release();
        return reply_from_cache("STALE");
    }
    // proxy_cache_valid may keep the failure itself.
    if (use.keeps && (status == 502 || status == 504)) keep_failure(status, {});
    return Next::ask;
}

// What is answered in place of the server's error is made anew each time; the server is not asked.
void Exchange::keep_failure(std::uint16_t status, const http::FieldList& fields) {
    auto& use = *cache_;
    auto now = use.unix_now();
    auto life = cache::read_lifetime(fields, route_->forwarding->ignored, now);
    if (auto time = use.time_of_status(status); life.until == 0 && time != 0) life.until = now + time;
    if (life.may_be_kept && life.until > now)
        use.store.note_error(use.digest, status, life.until, worker_.loop.now());
    use.keeps = false;
    use.release();
}

// A server answered where there is an expired answer. Next::ask: its answer is the one.
net::Task<Exchange::Next> Exchange::compare_with_cache() {
    auto& use = *cache_;
    auto& response = server_->response;
    if (use.may_use_stale(response.status)) {
        use.release();
        co_await server_->finish(false);
        server_.reset();
        co_return reply_from_cache("STALE");
    }
    if (response.status != 304 || !use.conf.source->revalidate || !use.keeps) co_return Next::ask;
    co_await renew_kept(response);
    co_await server_->finish(true);
    server_.reset();
    co_return reply_from_cache("REVALIDATED");
}

// 304: what is kept is good for longer.
net::Task<void> Exchange::renew_kept(const http::ResponseHead& response) {
    auto& use = *cache_;
    auto& facts = use.file.facts;
    auto now = use.unix_now();
    const auto& ignored = route_->forwarding->ignored;
    auto life = cache::read_lifetime(response.fields, ignored, now);
    http::ResponseHead kept;
    if (life.until == 0 && read_kept_head(use.file.head(), arena_, kept)) {
        life = cache::read_lifetime(kept.fields, ignored, now);
        if (auto time = use.time_of_status(kept.status); life.until == 0 && time != 0) life.until = now + time;
    }
    if (life.until != 0) {
        facts.until = life.until;
        facts.stale_updating = life.stale_updating;
        facts.stale_on_error = life.stale_on_error;
        facts.kept_at = cache::kept_time(use.store, worker_.loop.wall_ms());
        auto path = use.store.path_of(use.digest, arena_);
        auto job = co_await worker_.disk->run(std::make_unique<cache::RewriteJob>(use.file.rewrite(path)));
        if (job && job->error != 0)
            note_problem(log::critical,
                         log::ErrorLog::with_error(fmt::format("cache file \"{}\" cannot be renewed", path.data()), job->error));
    }
    use.release();
}

// Before the answer goes out: whether it is kept, and how long.
void Exchange::begin_saving() {
    auto& use = *cache_;
    const auto& response = server_->response;
    const bool wanted = use.keeps;
    for (const auto& condition : use.conf.keep_out) {
        auto value = condition.render(subject_);
        if (!value.empty() && value != "0") use.keeps = false;
    }
    auto now = use.unix_now();
    const auto& ignored = route_->forwarding->ignored;
    use.lifetime = cache::read_lifetime(response.fields, ignored, now);
    auto& life = use.lifetime;
    if (auto time = use.time_of_status(response.status); life.until == 0 && time != 0) life.until = now + time;
    auto vary = ignored.vary ? std::string_view() : cache::vary_of(response.fields, arena_);
    // The server was asked for the whole of what may be kept, whether it is in the end or not.
    use.answers = wanted && life.may_be_kept && vary != "*";
    if (!use.answers || life.until == 0 || worker_.disk->is_stuck()) use.keeps = false;
    if (!use.keeps) return use.release();
    cache::Facts facts;
    facts.until = life.until;
    facts.stale_updating = life.stale_updating;
    facts.stale_on_error = life.stale_on_error;
    facts.kept_at = cache::kept_time(use.store, worker_.loop.wall_ms());
    bool validates = response.status == 200 || response.status == 206;
    const auto* modified = response.fields.find(FieldId::last_modified);
    if (validates && modified) facts.modified = http::parse_date(modified->value);
    const auto* etag = response.fields.find(FieldId::etag);
    // The first variant lies where the key says; the others where their fields say.
    if (vary.empty() || vary != use.main_vary) use.digest = use.main;
    if (!vary.empty()) facts.variant = cache::variant_of(use.main, vary, request_.fields, arena_);
    if (use.digest != use.main) use.digest = facts.variant;
    // Process ids come again after a restart, times do not.
    char unique[64];
    auto end = fmt::format_to_n(unique, sizeof unique, "{:x}.{:x}.{:x}", worker_.index, worker_.loop.wall_ms(),
                                subject_.serial);
    use.saved = std::make_unique<cache::SaveJob>();
    use.saved->file.begin(use.store.path_of(use.digest, arena_), {unique, end.size}, facts,
                          {use.key, vary, validates && etag ? etag->value : std::string_view(),
                           kept_head(response, arena_)});
    saving_ = new (arena_.allocate(sizeof(SavingBody), alignof(SavingBody)))
        SavingBody(server_->body(), use, subject_);
}

// The server's answer goes to nobody: an error goes out in its place.
void Exchange::give_up_saving() {
    if (!saving_) return;
    saving_ = nullptr;
    cache_->give_up();
}

}  // namespace weir::exchange
