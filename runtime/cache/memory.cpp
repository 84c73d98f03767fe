// SPDX-License-Identifier: Apache-2.0
#include "runtime/cache/memory.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "runtime/base/hash.hpp"
#include "runtime/cache/lists.hpp"
#include "runtime/cache/purge.hpp"
#include "runtime/net/digest.hpp"

namespace weir::cache {

using http::FieldId;

namespace {

// The members of all fields of that name.
template <class Visit>
void each_member(const http::FieldList& fields, FieldId id, Visit visit) {
    for (const auto& field : fields)
        if (field.id == id) cache::each_member(field.value, visit);
}

struct Directive {
    std::string_view name, value;
    explicit Directive(std::string_view member) {
        auto equals = member.find('=');
        name = trim(member.substr(0, equals));
        if (equals == member.npos) return;
        value = trim(member.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    }
    [[nodiscard]] bool is(std::string_view known) const { return http::equal_ignoring_case(name, known); }
};

// Digits and nothing else.
std::optional<std::int64_t> read_seconds(std::string_view text) {
    std::int64_t value = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
    constexpr std::int64_t longest = std::int64_t{1} << 31;
    return problem == std::errc::result_out_of_range ? longest : std::min(value, longest);
}

// --- codings ---

// Those that IANA knows. "identity" is the first.
constexpr std::array<std::string_view, 11> codings = {"identity", "gzip", "deflate", "br", "compress", "zstd", "exi",
                                                      "pack200-gzip", "aes128gcm", "dcb", "dcz"};
constexpr std::uint16_t identity = 1, every_coding = (1u << codings.size()) - 1;
constexpr int most_codings = 16;       // that a request may name

std::uint16_t coding_bit(std::string_view name) {
    if (http::equal_ignoring_case(name, "x-gzip")) name = "gzip";
    if (http::equal_ignoring_case(name, "x-compress")) name = "compress";
    for (std::size_t i = 0; i < codings.size(); ++i)
        if (http::equal_ignoring_case(name, codings[i])) return static_cast<std::uint16_t>(1u << i);
    return 0;
}

bool is_refused(std::string_view parameters) {
    auto equals = parameters.find('=');
    if (equals == parameters.npos || !http::equal_ignoring_case(trim(parameters.substr(0, equals)), "q")) return false;
    auto weight = trim(parameters.substr(equals + 1));
    return !weight.empty() && weight.find_first_not_of("0.") == weight.npos;
}

void read_codings(const http::FieldList& request, Asked& asked) {
    if (!request.seen(FieldId::accept_encoding) || !request.has(FieldId::accept_encoding)) {
        asked.codings = every_coding;
        return;
    }
    std::uint16_t taken = 0, refused = 0;
    bool rest_taken = false, rest_refused = false;
    int count = 0;
    each_member(request, FieldId::accept_encoding, [&](std::string_view member) {
        ++count;
        auto semicolon = member.find(';');
        auto name = trim(member.substr(0, semicolon));
        bool no = semicolon != member.npos && is_refused(member.substr(semicolon + 1));
        if (name == "*") (no ? rest_refused : rest_taken) = true;
        else (no ? refused : taken) = static_cast<std::uint16_t>((no ? refused : taken) | coding_bit(name));
    });
    asked.codings_known = count <= most_codings;
    // Unless it is told otherwise, an answer may come as it is.
    if (!rest_refused) taken |= identity;
    if (rest_taken) taken = every_coding;
    asked.codings = static_cast<std::uint16_t>(taken & ~refused);
}

// None: it has one that nobody knows.
std::optional<std::uint16_t> codings_of(const http::FieldList& answer) {
    std::uint16_t bits = 0;
    bool known = true;
    each_member(answer, FieldId::content_encoding, [&](std::string_view member) {
        auto bit = coding_bit(member);
        if (bit == 0) known = false;
        bits |= bit;
    });
    if (!known) return std::nullopt;
    return bits == 0 ? identity : bits;
}

// None: it varies by what no cache here looks at.
std::optional<std::uint8_t> read_vary(const http::FieldList& answer) {
    std::uint8_t by = 0;
    bool known = true;
    each_member(answer, FieldId::vary, [&](std::string_view name) {
        if (http::equal_ignoring_case(name, "accept-encoding")) by |= varies_by::accept_encoding;
        else if (http::equal_ignoring_case(name, "referer")) by |= varies_by::referer;
        else if (http::equal_ignoring_case(name, "origin")) by |= varies_by::origin;
        else known = false;
    });
    if (!known) return std::nullopt;
    return by;
}

std::uint64_t hash_of(const http::FieldList& fields, std::string_view name) {
    const auto* field = fields.find(name);
    return field ? hash::xxh3(field->value, 1) : 0;
}

// How long the answer says that it holds: seconds; none: it says nothing. False: it forbids to keep it.
bool read_age(const http::FieldList& answer, std::int64_t now, std::optional<std::int64_t>& age) {
    bool forbidden = false;
    std::optional<std::int64_t> own, shared;
    each_member(answer, FieldId::cache_control, [&](std::string_view member) {
        Directive said(member);
        if (said.is("no-store") || said.is("no-cache") || said.is("private")) forbidden = true;
        else if (said.is("max-age")) own = read_seconds(said.value).value_or(0);
        else if (said.is("s-maxage")) shared = read_seconds(said.value).value_or(0);
    });
    each_member(answer, FieldId::pragma, [&](std::string_view member) {
        if (http::equal_ignoring_case(member, "no-cache")) forbidden = true;
    });
    age = shared ? shared : own;
    if (!age)
        if (const auto* expires = answer.find(FieldId::expires))
            age = std::max<std::int64_t>(http::parse_date(expires->value) - now, 0);
    return !forbidden && (!age || *age > 0);
}

}  // namespace

Asked read_asked(const http::RequestHead& request, Arena& arena) {
    Asked asked;
    asked.url = arena.join({request.authority, request.path, request.has_query ? "?" : "", request.query});
    unsigned char whole[net::most_digest_bytes];
    net::digest(net::Digest::sha256, asked.url, whole);
    std::memcpy(asked.key.data(), whole, asked.key.size());
    const auto& fields = request.fields;
    bool plain = request.method == http::Method::get || request.method == http::Method::head;
    asked.may_use = plain && !request.is_http10() && !fields.has(FieldId::authorization);
    asked.may_keep = request.method == http::Method::get && !request.is_http10() && !fields.has(FieldId::authorization);
    bool said = false;
    each_member(fields, FieldId::cache_control, [&](std::string_view member) {
        said = true;
        Directive one(member);
        if (one.is("no-store")) asked.may_use = asked.may_keep = false;
        if (one.is("no-cache") || one.is("max-age") || one.is("max-stale") || one.is("min-fresh"))
            asked.may_use = false;
    });
    if (!said)
        each_member(fields, FieldId::pragma, [&](std::string_view member) {
            if (http::equal_ignoring_case(member, "no-cache")) asked.may_use = false;
        });
    read_codings(fields, asked);
    asked.referer = hash_of(fields, "referer");
    asked.origin = hash_of(fields, "origin");
    return asked;
}

zone::Shelf::Note note_of(const Kept& kept) {
    zone::Shelf::Note note{};
    std::memcpy(note.data(), &kept, sizeof kept);
    return note;
}

Kept kept_of(const zone::Shelf::Note& note) {
    Kept kept;
    std::memcpy(static_cast<void*>(&kept), note.data(), sizeof kept);
    return kept;
}

bool is_for(const void* self, const zone::Shelf::Note& note) {
    const auto& asked = *static_cast<const Asked*>(self);
    const auto kept = kept_of(note);
    if (kept.by == 0) return true;
    if ((kept.by & varies_by::referer) && kept.referer != asked.referer) return false;
    if ((kept.by & varies_by::origin) && kept.origin != asked.origin) return false;
    if ((kept.by & varies_by::accept_encoding) == 0) return true;
    return asked.codings_known && (kept.codings & ~asked.codings) == 0;
}

std::optional<Keeping> may_keep(const Asked& asked, const http::FieldList& answer, const ir::CacheStore& conf,
                                std::int64_t now) {
    if (!asked.may_keep) return std::nullopt;
    Keeping keeping;
    auto& kept = keeping.kept;
    if (answer.has(FieldId::vary)) {
        auto by = read_vary(answer);
        if (!conf.varies || !by) return std::nullopt;
        kept.by = *by;
        kept.referer = asked.referer;
        kept.origin = asked.origin;
    }
    if (kept.by & varies_by::accept_encoding) {
        auto own = codings_of(answer);
        // A client may get what it did not ask for; others are not to.
        if (!own || !asked.codings_known || (*own & ~asked.codings) != 0) return std::nullopt;
        kept.codings = *own;
    }
    std::optional<std::int64_t> told;
    if (!read_age(answer, now, told)) return std::nullopt;
    const auto* modified = answer.find(FieldId::last_modified);
    if (!told && !modified && !answer.has(FieldId::etag)) return std::nullopt;
    const auto longest = conf.longest.count();
    if (const auto* age = answer.find(FieldId::age)) {
        auto seconds = read_seconds(trim(age->value));
        if (!seconds || *seconds > told.value_or(longest)) return std::nullopt;
        kept.age = static_cast<std::uint32_t>(*seconds);
    }
    kept.kept_at = now;
    const auto* date = modified ? modified : answer.find(FieldId::date);
    kept.modified = date ? http::parse_date(date->value) : -1;
    if (kept.modified < 0) kept.modified = now;
    keeping.until = now + std::min(told.value_or(longest), longest);
    return keeping;
}

std::uint32_t purge(zone::Shelf& shelf, std::string_view wanted) {
    return shelf.remove_all(
        [](const zone::Shelf::Note& note) {
            const auto kept = kept_of(note);
            return std::uint64_t{kept.url} + kept.hints + kept.head;   // up to the body
        },
        [](const void* self, const zone::Shelf::Note& note, std::string_view front) {
            const auto kept = kept_of(note);
            return is_purged_by(*static_cast<const std::string_view*>(self), front.substr(0, kept.url),
                                front.substr(std::min<std::size_t>(kept.url + kept.hints, front.size())));
        },
        &wanted);
}

bool is_known_to(const http::FieldList& request, std::string_view etag, const Kept& kept) {
    auto plain = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
    if (request.has(FieldId::if_none_match)) {
        bool known = false;
        each_member(request, FieldId::if_none_match, [&](std::string_view tag) {
            if (tag == "*" || (!etag.empty() && plain(tag) == plain(etag))) known = true;
        });
        return known;
    }
    const auto* since = request.find(FieldId::if_modified_since);
    auto time = since ? http::parse_date(since->value) : -1;
    return time >= 0 && kept.modified <= time;
}

}  // namespace weir::cache
