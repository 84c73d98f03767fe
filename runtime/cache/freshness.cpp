// SPDX-License-Identifier: Apache-2.0
#include "runtime/cache/freshness.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "runtime/cache/lists.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/net/digest.hpp"

namespace weir::cache {

using http::FieldId;

namespace {

// Digits and nothing else; more than what fits is what fits (RFC 9111 section 1.2.2).
std::optional<std::int64_t> read_seconds(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    std::int64_t value = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || text.empty() || text.front() == '-') return std::nullopt;
    constexpr std::int64_t longest = std::int64_t{1} << 31;
    return problem == std::errc::result_out_of_range ? longest : std::min(value, longest);
}

struct CacheControl {
    bool forbids = false;      // no-cache, no-store, private, or an age that is none
    std::optional<std::int64_t> age, shared_age;
};

CacheControl read_cache_control(const http::FieldList& answer, Lifetime& life) {
    CacheControl said;
    auto age = [&](std::string_view text, std::optional<std::int64_t>& into) {
        into = read_seconds(text);
        if (!into) said.forbids = true;
    };
    for (const auto& field : answer) {
        if (field.id != FieldId::cache_control) continue;
        each_member(field.value, [&](std::string_view member) {
            auto equals = member.find('=');
            auto name = trim(member.substr(0, equals));
            auto value = equals == member.npos ? std::string_view() : trim(member.substr(equals + 1));
            auto is = [&](std::string_view known) { return http::equal_ignoring_case(name, known); };
            if (is("no-cache") || is("no-store") || is("private")) said.forbids = true;
            else if (is("max-age")) age(value, said.age);
            else if (is("s-maxage")) age(value, said.shared_age);
            else if (is("stale-while-revalidate")) life.stale_updating = read_seconds(value).value_or(0);
            else if (is("stale-if-error")) life.stale_on_error = read_seconds(value).value_or(0);
        });
    }
    return said;
}

// X-Accel-Expires: seconds, or "@" and a time. True: it says how long.
bool read_accel_expires(std::string_view value, std::int64_t now, Lifetime& life) {
    bool absolute = value.starts_with('@');
    auto seconds = read_seconds(absolute ? value.substr(1) : value);
    if (!seconds) return false;
    if (!absolute && *seconds == 0) life.may_be_kept = false;
    life.until = absolute ? *seconds : now + *seconds;
    return true;
}

}  // namespace

Digest digest_of(std::string_view key) {
    unsigned char out[net::most_digest_bytes];
    // Where the library refuses MD5, the front of another digest does: names need not be nginx's.
    if (net::digest(net::Digest::md5, key, out) == 0) net::digest(net::Digest::sha256, key, out);
    Digest digest;
    std::memcpy(digest.data(), out, digest.size());
    return digest;
}

Lifetime read_lifetime(const http::FieldList& answer, const Ignored& ignored, std::int64_t now) {
    Lifetime life;
    if (answer.seen(FieldId::set_cookie) && !ignored.set_cookie) life.may_be_kept = false;
    if (answer.seen(FieldId::vary) && !ignored.vary)
        for (const auto& field : answer)
            if (field.id == FieldId::vary && field.value.find('*') != std::string_view::npos)
                life.may_be_kept = false;
    CacheControl said;
    if (answer.seen(FieldId::cache_control) && !ignored.cache_control)
        said = read_cache_control(answer, life);
    // The most particular one counts: X-Accel-Expires is about this very cache.
    if (const auto* field = answer.find(FieldId::x_accel_expires); field && !ignored.accel_expires)
        if (read_accel_expires(field->value, now, life)) return life;
    if (said.forbids) life.may_be_kept = false;
    if (auto age = said.shared_age ? said.shared_age : said.age) {
        if (*age == 0) life.may_be_kept = false;
        life.until = now + *age;
        return life;
    }
    if (const auto* field = answer.find(FieldId::expires); field && !ignored.expires) {
        life.until = http::parse_date(field->value);
        if (life.until < now) {
            life.until = 0;
            life.may_be_kept = false;
        }
    }
    return life;
}

namespace {

std::string_view lower(std::string_view text, Arena& arena) {
    char* made = arena.bytes(text.size());
    std::transform(text.begin(), text.end(), made,
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return {made, text.size()};
}

}  // namespace

std::string_view vary_of(const http::FieldList& answer, Arena& arena) {
    std::string_view all;
    if (!answer.seen(FieldId::vary)) return all;
    for (const auto& field : answer)
        if (field.id == FieldId::vary)
            all = all.empty() ? field.value : arena.join({all, ", ", field.value});
    if (all.size() > most_vary) return "*";
    // Names are the same in any case, and so are the variants they make.
    return lower(all, arena);
}

Digest variant_of(const Digest& key, std::string_view vary, const http::FieldList& request, Arena& arena) {
    std::string_view text = bytes_of(key);
    each_member(vary, [&](std::string_view name) {
        text = arena.join({text, lower(name, arena), ":"});
        for (const auto& field : request)
            if (http::equal_ignoring_case(field.name, name))
                // Blanks and empty members make no other variant.
                each_member(field.value, [&](std::string_view member) { text = arena.join({text, member, ","}); });
        text = arena.join({text, "\n"});
    });
    return digest_of(text);
}

}  // namespace weir::cache
