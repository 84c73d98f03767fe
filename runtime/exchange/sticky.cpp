// SPDX-License-Identifier: Apache-2.0
// What keeps a client at its server (nginx sticky): the cookie that an answer gives it, and the session
// that an answer begins. Which server a request asks for is plan::Pool's matter.
#include <time.h>

#include <charconv>

#include "runtime/exchange/exchange.hpp"
#include "runtime/route/table_key.hpp"

namespace weir::exchange {

namespace {

using How = ir::Pool::Sticky::How;

constexpr std::chrono::seconds ten_years{315360000};

// With two digits of the year, as cookies have it (RFC 6265 section 5.1.1 takes any).
std::string_view cookie_date(std::int64_t unix_seconds, Arena& arena) {
    auto time = static_cast<time_t>(unix_seconds);
    tm parts{};
    gmtime_r(&time, &parts);
    char text[40];
    auto size = strftime(text, sizeof text, "%a, %d-%b-%y %H:%M:%S GMT", &parts);
    return arena.copy({text, size});
}

}  // namespace

const plan::Pool* Exchange::sticky_pool() const {
    if (!server_ || server_->pool_id() == ir::no_id || !subject_.server) return nullptr;
    const auto& pool = running_->plan->pools[server_->pool_id()];
    return pool.source->sticky.how == How::none ? nullptr : &pool;
}

void Exchange::add_sticky_cookie() {
    const auto* pool = sticky_pool();
    if (!pool || pool->source->sticky.how != How::cookie) return;
    const auto& source = pool->source->sticky;
    auto value = arena_.join({source.cookie, "=", subject_.server->sticky});
    if (source.life) {
        auto until = *source.life == ten_years ? "Thu, 31-Dec-37 23:55:55 GMT"
                                               : cookie_date(worker_.loop.wall_ms() / 1000 + source.life->count(), arena_);
        char digits[24];
        auto end = std::to_chars(digits, digits + sizeof digits, source.life->count()).ptr;
        value = arena_.join({value, "; expires=", until, "; max-age=",
                             {digits, static_cast<std::size_t>(end - digits)}});
    }
    auto add = [&](std::string_view name, std::string_view text) {
        if (!text.empty()) value = arena_.join({value, name, text});
    };
    add("; domain=", pool->sticky.domain.render(subject_));
    add("; path=", pool->sticky.path.render(subject_));
    if (source.secure) value = arena_.join({value, "; secure"});
    if (source.http_only) value = arena_.join({value, "; httponly"});
    auto same_site = pool->sticky.same_site.render(subject_);
    bool known = same_site.empty() || same_site == "lax" || same_site == "none";
    add("; samesite=", known ? same_site : std::string_view("strict"));
    reply_.fields.add(arena_, "Set-Cookie", value);
}

void Exchange::learn_session(bool at_head) {
    const auto* pool = sticky_pool();
    if (!pool || pool->source->sticky.how != How::learn || pool->source->sticky.from_head != at_head) return;
    auto* table = route::table_of(subject_, pool->sticky.zone);
    if (!table) return;
    const auto now = worker_.loop.now();
    const auto cell = table->column(zone::What::server).first;
    auto name = plan::first_of(pool->sticky.create, subject_);
    if (!name.empty()) {
        if (auto entry = table->make(name, now)) entry.cell(cell) = subject_.server->sticky_digest;
        return;
    }
    // An answer that begins none keeps the one alive that brought the client here.
    auto entry = table->find(plan::first_of(pool->sticky.keys, subject_), now);
    if (entry && entry.cell(cell) == subject_.server->sticky_digest) entry.touch(now);
}

}  // namespace weir::exchange
