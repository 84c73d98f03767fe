// SPDX-License-Identifier: Apache-2.0
// Looking for an answer in a cache, before a server is asked: what is fresh is served, what is not is
// asked for by one of those who want it, as the configuration says. See saving.cpp for what follows.
#include "runtime/exchange/cached.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "runtime/cache/purge.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/inner.hpp"
#include "runtime/http/h1_codec.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/time.hpp"

namespace weir::exchange {

using cache::KeptFile;
using forward::Failure;
using http::FieldId;
using http::Method;

namespace {

// An answer that is being renewed belongs to that exchange until it ends. Should its worker die, so
// long is the old one served before another one tries.
constexpr std::int64_t renewal_age = 60000;   // ms

bool any_set(const std::vector<route::Template>& conditions, route::Subject& subject) {
    for (const auto& condition : conditions) {
        auto value = condition.render(subject);
        if (!value.empty() && value != "0") return true;
    }
    return false;
}

// A range that begins behind `most` bytes, or at an unknown place.
bool begins_behind(std::string_view range, std::uint64_t most) {
    constexpr std::string_view unit = "bytes=";
    if (range.size() <= unit.size() || !http::equal_ignoring_case(range.substr(0, unit.size()), unit)) return false;
    range.remove_prefix(unit.size());
    while (range.starts_with(' ')) range.remove_prefix(1);
    if (range.starts_with('-')) return true;
    std::uint64_t first = 0;
    auto result = std::from_chars(range.data(), range.data() + range.size(), first);
    return result.ec == std::errc::result_out_of_range || first >= most;
}

}  // namespace

// --- CacheUse ---

bool CacheUse::may_use_stale(Failure failure) const {
    const auto& use = conf.source->use_stale;
    bool on_error = file.facts.until + file.facts.stale_on_error >= unix_now();
    switch (failure) {
        case Failure::connect_timeout:
        case Failure::handshake_timeout:
        case Failure::send_timeout:
        case Failure::read_timeout: return use.timeout || on_error;
        case Failure::bad_answer: return use.invalid_header || on_error;
        case Failure::no_server:
        case Failure::unresolved:
        case Failure::local:
        case Failure::connect:
        case Failure::handshake:
        case Failure::send:
        case Failure::read:
        case Failure::empty:
        case Failure::refused: return use.error || on_error;
        default: return false;
    }
}

// stale-if-error says nothing of answers: nginx leaves them out since 1.19.3.
bool CacheUse::may_use_stale(std::uint16_t status) const {
    return status < conf.stale_statuses.size() && conf.stale_statuses[status];
}

bool CacheUse::may_use_stale_meanwhile() const {
    return conf.source->use_stale.updating || file.facts.until + file.facts.stale_updating >= unix_now();
}

std::int64_t CacheUse::time_of_status(std::uint16_t status) const {
    for (const auto& valid : conf.source->valid) {
        if (valid.statuses.empty()) return valid.time.count();
        for (auto one : valid.statuses)
            if (one == status) return valid.time.count();
    }
    return 0;
}

// --- the exchange ---

// Of an earlier place where this request was.
void Exchange::forget_cache() {
    cache_.reset();
    saving_ = nullptr;
    cut_ = {};
    cached_ = takes_ranges_ = false;
    file_.reset();
}

// None, and no name: off.
cache::Store* Exchange::find_store(const plan::Cache& conf, std::string_view& name) {
    if (conf.store != ir::no_id) return &running_->caches[conf.store];
    name = conf.computed_store.render(subject_);
    if (name == "off") name = {};
    for (auto& store : running_->caches)
        if (!store.conf().in_memory && store.conf().name == name) return &store;
    return nullptr;
}

// Without proxy_cache_key: what is asked of the server.
std::string_view Exchange::default_cache_key() {
    const auto& forward = *route_->forward;
    auto target = forward::target_for_server(*route_, subject_, request_, target_);
    if (forward.pool_or_host.empty())
        return arena_.join({forward.tls ? "https://" : "http://", forward.host, target});
    auto whole = route_->pool_or_host.render(subject_);
    auto host = whole.find("://");
    bool has_uri = whole.find_first_of("/?", host == whole.npos ? 0 : host + 3) != whole.npos;
    return has_uri ? arena_.copy(whole) : arena_.join({whole, target});
}

bool Exchange::wants_purge() { return any_set(route_->cache->purge, subject_); }

// proxy_cache_purge. By tags, by the begin of keys, or by the key alone.
net::Task<Exchange::Next> Exchange::purge() {
    const auto& conf = *route_->cache;
    std::string_view name;
    auto* store = find_store(conf, name);
    if (!store || !store->usable()) co_return fail(404);
    const auto now = worker_.loop.wall_ms();
    bool tagged = false, noted = true, found = true;
    for (const auto& field : request_.fields) {
        if (!cache::is_tag_field(field.name)) continue;
        tagged = true;
        cache::each_tag(field.value, [&](std::string_view tag) {
            noted &= store->add_purge(arena_.join({"#", tag}), now);
        });
    }
    if (!tagged) {
        const auto key = conf.source->key ? conf.key.render(subject_) : default_cache_key();
        if (key.ends_with('*')) noted = store->add_purge(arena_.join({"^", key.substr(0, key.size() - 1)}), now);
        else found = co_await purge_key(*store, key, noted);
    }
    if (!noted) {
        note_problem(log::error, fmt::format("cache \"{}\" has no room for another purge", store->conf().name));
        co_return fail(503);
    }
    if (!found) co_return fail(404);
    filter::Answer answer;
    answer.status = 204;
    take(answer);
    co_return Next::reply;
}

// Its variants lie elsewhere: they are found out when somebody asks for them, or by the manager. So is the
// file itself when the disk does not answer.
net::Task<bool> Exchange::purge_key(cache::Store& store, std::string_view key, bool& noted) {
    const auto digest = cache::digest_of(key);
    const auto path = store.path_of(digest, arena_);
    const auto opened = co_await worker_.disk->run(std::make_unique<cache::OpenJob>(path, key));
    const bool found = !opened || (opened->opened == KeptFile::Opened::yes && !store.is_purged(opened->file));
    if (!opened || (found && !opened->file.vary().empty()))
        noted = store.add_purge(arena_.join({"=", key}), worker_.loop.wall_ms());
    store.forget_file(digest, worker_.loop.now());
    if (opened && opened->file.is_open())
        co_await worker_.disk->run(std::make_unique<cache::RemoveJob>(store.path_of(digest)));
    co_return found;
}

// Next::ask: a server is to be asked. Next::wait: somebody else asks one. Next::look: see look_on_disk().
Exchange::Next Exchange::look_in_cache() {
    const auto& conf = *route_->cache;
    auto method = request_.method;
    bool takes = method == Method::get || method == Method::head || (method == Method::post && conf.takes_post);
    cache_.reset();
    if (!takes) return Next::ask;
    std::string_view name;
    auto* store = find_store(conf, name);
    if (!store && !name.empty()) {
        note_problem(log::error, fmt::format("cache \"{}\" not found", name));
        return fail(500);
    }
    if (!store || !store->usable()) return Next::ask;
    cache_.reset(new (arena_.allocate(sizeof(CacheUse), alignof(CacheUse))) CacheUse(conf, *store, worker_.loop, *worker_.disk));
    auto& use = *cache_;
    use.key = conf.source->key ? conf.key.render(subject_) : default_cache_key();
    use.main = use.digest = cache::digest_of(use.key);
    use.terms.as_get = conf.source->convert_head && method == Method::head;
    subject_.cache = {};
    subject_.cache.key = use.key;
    if (!any_set(conf.bypass, subject_)) return look_up(true);
    subject_.cache.status = "BYPASS";
    return Next::ask;
}

// proxy_cache_max_range_offset: to get so far would take too long.
void Exchange::leave_ranges_to_server() {
    if (!cache_) return;
    auto& use = *cache_;
    const auto& most = use.conf.source->max_range_offset;
    const auto* range = most && use.keeps ? request_.fields.find(FieldId::range) : nullptr;
    if (range && begins_behind(range->value, *most)) use.keeps = false;
}

Exchange::Next Exchange::look_up(bool first) {
    auto& use = *cache_;
    use.digest = use.main;
    use.main_vary = {};
    use.of_variant = false;
    use.seen = use.store.use(use.digest, worker_.loop.now(), use.unix_now(), first);
    if (use.seen.error != 0 && !renews_) {
        subject_.cache.status = "HIT";
        return fail(use.seen.error);
    }
    return worker_.disk->is_stuck() ? pass_by_cache() : find_kept();
}

// What is kept for use.digest, as far as that takes no wait for the disk.
Exchange::Next Exchange::find_kept() {
    auto& use = *cache_;
    if (!use.seen.has_file) return use_nothing();
    return judge_kept(use.file.open(use.store.path_of(use.digest, arena_), use.key, worker_.recent_files.get()));
}

// Goes on where find_kept() would have had to wait.
net::Task<Exchange::Next> Exchange::look_on_disk() {
    auto& use = *cache_;
    auto next = Next::look;
    while (next == Next::look) {
        const auto path = use.store.path_of(use.digest, arena_);
        auto job = co_await worker_.disk->run(std::make_unique<cache::OpenJob>(path, use.key));
        if (!job) {
            note_problem(log::critical, fmt::format("cache file \"{}\" takes too long to open", path.data()));
            co_return pass_by_cache();
        }
        use.file = std::move(job->file);
        next = judge_kept(job->opened);
    }
    co_return next;
}

// The disk does not answer: as if there were no cache.
Exchange::Next Exchange::pass_by_cache() {
    auto& use = *cache_;
    use.keeps = false;
    use.claimed = renews_;   // nobody else would give it back
    use.claim = use.digest;
    subject_.cache.status = "BYPASS";
    return Next::ask;
}

Exchange::Next Exchange::judge_kept(KeptFile::Opened opened) {
    auto& use = *cache_;
    const auto now = worker_.loop.now();
    if (opened == KeptFile::Opened::would_wait) return Next::look;
    if (opened == KeptFile::Opened::of_other_key || opened == KeptFile::Opened::damaged) {
        const auto problem = use.file.error() ? log::ErrorLog::with_error("", use.file.error()) : std::string();
        note_problem(log::critical, fmt::format("cache file \"{}\" {}{}", use.store.path_of(use.digest, arena_).data(),
                                                use.file.problem(), problem));
    }
    if (opened != KeptFile::Opened::yes || use.store.is_purged(use.file)) {
        use.file.close();
        use.store.forget_file(use.digest, now);
        return use_nothing();
    }
    if (!use.seen.known) use.store.note_file(use.digest, use.file.size(), now);
    if (!use.file.vary().empty()) {
        auto mine = cache::variant_of(use.main, use.file.vary(), request_.fields, arena_);
        if (mine != use.file.facts.variant) {
            const auto vary = arena_.copy(use.file.vary());
            use.file.close();
            if (std::exchange(use.of_variant, true)) return use_nothing();
            // Another one is for this request.
            use.main_vary = vary;
            use.digest = mine;
            use.seen = use.store.use(mine, now, use.unix_now(), true);
            return find_kept();
        }
    }
    if (use.file.facts.until >= use.unix_now() && !renews_) return reply_from_cache("HIT");
    return use_expired();
}

// There is no answer.
Exchange::Next Exchange::use_nothing() {
    auto& use = *cache_;
    const auto& conf = *use.conf.source;
    subject_.cache.status = "MISS";
    // Without room in the index nobody would find the file again.
    if (!use.seen.noted || use.seen.uses < conf.min_uses) {
        use.keeps = false;
        return Next::ask;
    }
    if (renews_) {   // what was to be renewed is gone; it is this exchange's all the same
        use.claimed = true;
        use.claim = use.digest;
        return Next::ask;
    }
    if (!conf.lock) return Next::ask;
    if (use.store.claim(use.digest, worker_.loop.now(), conf.lock_age.count())) {
        use.claimed = true;
        use.claim = use.digest;
        return Next::ask;
    }
    if (conf.lock_timeout.count() != 0) return Next::wait;
    use.keeps = false;
    return Next::ask;
}

// There is an answer, and its time is over.
Exchange::Next Exchange::use_expired() {
    auto& use = *cache_;
    const auto& conf = *use.conf.source;
    bool meanwhile = use.may_use_stale_meanwhile() && !renews_;
    bool mine = renews_ || use.store.claim(use.digest, worker_.loop.now(), std::max<std::int64_t>(renewal_age, conf.lock_age.count()));
    use.claimed = mine;
    use.claim = use.digest;
    if (mine && meanwhile && conf.background_update && may_renew_beside()) {
        use.claimed = false;   // passes to the one that renews
        auto next = reply_from_cache("STALE");
        ++mirrors_running_;
        mirrored_ = true;
        run_renewal();
        return next;
    }
    if (!mine && meanwhile) return reply_from_cache("UPDATING");
    subject_.cache.status = "EXPIRED";
    use.expired = true;
    if (conf.revalidate) {
        auto& cache = subject_.cache;
        cache.modified = use.file.facts.modified;
        if (!use.file.etag().empty()) cache.etag = use.file.etag();
        if (cache.modified >= 0) use.terms.modified_since = http::format_date(cache.modified, arena_);
        use.terms.none_match = cache.etag;
    }
    return Next::ask;
}

// Only what an inner request can ask for: without a body, for clients that are waited for.
bool Exchange::may_renew_beside() const {
    return (request_.method == Method::get || request_.method == Method::head) && body_.ended() && !is_inner_;
}

// Asks for what expired on its own, while the client gets the old answer.
net::Detached Exchange::run_renewal() {
    net::Watch nobody;
    {
        auto carrier = std::make_unique<InnerCarrier>(nobody, nullptr);
        auto inner = std::make_unique<Exchange>(*this, *carrier, request_.target);
        inner->clone(*this);
        inner->renews_ = true;
        co_await inner->run();
    }
    if (--mirrors_running_ == 0 && mirrors_done_) worker_.loop.post(mirrors_done_);
}

// Goes on where the outer one stands: at the action of its route.
void Exchange::clone(const Exchange& outer) {
    auto& request = carrier_.request;
    request.path = outer.request_.path;
    request.query = outer.request_.query;
    request.has_query = outer.request_.has_query;
    request.target = outer.request_.target;
    subject_.normalized_path = outer.subject_.normalized_path;
    subject_.query = outer.subject_.query;
    subject_.pool_name = outer.subject_.pool_name;
    subject_.file_root = outer.subject_.file_root;
    subject_.script = outer.subject_.script;
    target_ = outer.target_;
    internal_ = outer.internal_;
    route_ = outer.route_;
    is_clone_ = true;
}

// Until the one who asks has the answer, or takes too long.
net::Task<Exchange::Next> Exchange::wait_for_answer() {
    constexpr net::Time first_pause = 2, longest_pause = 100;
    auto& use = *cache_;
    auto pause = first_pause;
    const auto end = net::after(worker_.loop.now(), use.conf.source->lock_timeout);
    for (;;) {
        auto left = end == net::never ? longest_pause : end - worker_.loop.now();
        if (left <= 0) break;
        co_await net::sleep_for(worker_.loop, std::min(pause, left));
        pause = std::min(pause * 2, longest_pause);
        if (carrier_.watch.peer_closed && !route_->forwarding->source->ignore_client_abort) {
            close_silently(499);
            co_return Next::close;
        }
        auto next = look_up(false);
        if (next == Next::look) next = co_await look_on_disk();
        if (next != Next::wait) co_return next;
    }
    // It goes on its own then, and what it gets is not kept: the other one's will be.
    use.keeps = false;
    co_return Next::ask;
}

// The answer is the kept one.
Exchange::Next Exchange::reply_from_cache(std::string_view status) {
    auto& use = *cache_;
    subject_.cache.status = status;
    if (!read_kept_head(use.file.head(), arena_, use.head)) {
        note_problem(log::critical, "a kept answer has a head that cannot be read");
        use.store.forget_file(use.digest, worker_.loop.now());
        use.file.close();
        return fail(500);
    }
    server_.reset();   // of an earlier place
    use.head.framing = http::Framing::length;
    use.head.length = use.file.body_length();
    use.head.head_bytes = 0;
    subject_.response = &use.head;
    for (const auto& one : *route_->filters) one.filter->on_response(subject_, use.head);
    relay_fields(use.head);
    cached_ = true;
    modified_ = use.file.facts.modified;
    file_.reset(new (arena_.allocate(sizeof(http::FileParts), alignof(http::FileParts)))
                    http::FileParts(use.file.release(), use.file.body_length(), use.file.body_offset()));
    if (use.file.mapped()) file_->share(use.file.mapped());
    file_->in_memory(use.file.begin_of_body());
    if (!use.file.lies_in_memory()) file_->read_by(*worker_.disk);
    auto next = answer_conditions();
    if (cached_ && sliced_total_ == 0 && !use.head.fields.seen(FieldId::content_length)) {
        // It came without a length, and goes on like that (nginx).
        open_length_ = true;
        takes_ranges_ = false;
    }
    return next;
}

// What is kept, or will be, may answer conditions and ranges in place of the server.
Exchange::Next Exchange::answer_conditions() {
    if (auto next = take_slice(); next != Next::reply) return next;
    if (reply_.status != 200 || is_inner_) return Next::reply;
    bool kept = cached_ || saving_ || (cache_ && cache_->answers);
    bool forced = route_->forwarding->source->force_ranges || sliced_total_ != 0;
    const auto* offered = reply_.fields.find(FieldId::accept_ranges);
    takes_ranges_ = forced || (kept && offered && http::equal_ignoring_case(offered->value, "bytes"));
    if (takes_ranges_) reply_.fields.remove(FieldId::accept_ranges);
    http::Validators validators;
    if (const auto* etag = reply_.fields.find(FieldId::etag)) validators.etag = etag->value;
    if (const auto* date = reply_.fields.find(FieldId::last_modified))
        validators.modified = http::parse_date(date->value);
    modified_ = validators.modified;
    if (!kept) return Next::reply;
    auto outcome = check_preconditions(validators);
    if (outcome == http::Precondition::holds) return Next::reply;
    takes_ranges_ = false;
    sliced_total_ = 0;
    file_.reset();
    cached_ = false;
    if (outcome == http::Precondition::failed) {
        give_up_saving();
        return fail(412);
    }
    reply_.status = 304;
    reply_.reason = {};
    reply_.framing = http::Framing::none;
    for (auto id : {FieldId::content_type, FieldId::content_length, FieldId::content_encoding})
        reply_.fields.remove(id);
    return Next::reply;
}

}  // namespace weir::exchange
