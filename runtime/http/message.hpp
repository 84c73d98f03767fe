// SPDX-License-Identifier: Apache-2.0
// Neutral heads of HTTP messages (RFC 9110): what every HTTP version parses into and is written
// from. All text is views into the bytes received or into the exchange's arena.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/arena.hpp"

namespace weir::http {

// Field names that weir itself looks at; `other` is everything else. X(enumerator, lower-case name)
#define WEIR_FIELDS(X)                                                                        \
    X(accept, "accept") X(accept_encoding, "accept-encoding")                                 \
    X(accept_ranges, "accept-ranges") X(age, "age") X(authorization, "authorization")         \
    X(cache_control, "cache-control") X(connection, "connection")                             \
    X(content_encoding, "content-encoding") X(content_length, "content-length")               \
    X(content_range, "content-range") X(content_type, "content-type") X(cookie, "cookie")     \
    X(date, "date") X(etag, "etag") X(expect, "expect") X(expires, "expires") X(host, "host") \
    X(http2_settings, "http2-settings") X(if_match, "if-match")                               \
    X(if_modified_since, "if-modified-since") X(if_none_match, "if-none-match")               \
    X(if_range, "if-range") X(if_unmodified_since, "if-unmodified-since")                     \
    X(keep_alive, "keep-alive") X(last_modified, "last-modified") X(link, "link")             \
    X(location, "location") X(origin, "origin") X(pragma, "pragma") X(priority, "priority")      \
    X(proxy_authenticate, "proxy-authenticate")                                               \
    X(proxy_authorization, "proxy-authorization") X(proxy_connection, "proxy-connection")     \
    X(range, "range") X(referer, "referer") X(refresh, "refresh")                             \
    X(retry_after, "retry-after") X(server, "server") X(set_cookie, "set-cookie")             \
    X(te, "te") X(trailer, "trailer") X(transfer_encoding, "transfer-encoding")               \
    X(upgrade, "upgrade") X(user_agent, "user-agent") X(vary, "vary") X(via, "via")           \
    X(www_authenticate, "www-authenticate") X(x_forwarded_for, "x-forwarded-for")             \
    X(x_real_ip, "x-real-ip") X(x_accel_buffering, "x-accel-buffering")                       \
    X(x_accel_charset, "x-accel-charset") X(x_accel_expires, "x-accel-expires")               \
    X(x_accel_limit_rate, "x-accel-limit-rate") X(x_accel_redirect, "x-accel-redirect")

enum class FieldId : std::uint8_t {
    other,
#define X(id, name) id,
    WEIR_FIELDS(X)
#undef X
    count_
};

// The id of a name in any case; `other` when weir does not know it.
FieldId field_id(std::string_view name);
std::string_view field_name(FieldId id);   // lower case

struct Field {
    std::string_view name;    // as received
    std::string_view value;   // without the white space around it
    FieldId id = FieldId::other;
    // The whole line in the bytes received ("Name: value\r\n"), so that runs of untouched fields are
    // sent with one copy; empty for a field that weir made.
    std::string_view line;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);

// Fields in order. Removal keeps the order of the others. Memory comes from the exchange's arena.
class FieldList {
public:
    void reserve(Arena& arena, std::uint32_t count);
    void add(Arena& arena, const Field& field);
    void add(Arena& arena, std::string_view name, std::string_view value);
    void add_front(Arena& arena, const Field& field);
    void truncate(std::uint32_t size) { size_ = size; }
    // Replaces every field of that name by one (at the place of the first, else at the end).
    void set(Arena& arena, std::string_view name, std::string_view value);
    std::uint32_t remove(std::string_view name);
    std::uint32_t remove(FieldId id);
    void erase(std::uint32_t index);
    [[nodiscard]] const Field* find(FieldId id) const;
    [[nodiscard]] const Field* find(std::string_view name) const;
    [[nodiscard]] bool has(FieldId id) const { return find(id) != nullptr; }
    // Whether any field of that id was ever added: a cheap "no" before a search.
    [[nodiscard]] bool seen(FieldId id) const {
        return (seen_ >> static_cast<unsigned>(id)) & 1;
    }
    void clear() { size_ = 0; seen_ = 0; }
    Field* begin() { return data_; }
    Field* end() { return data_ + size_; }
    [[nodiscard]] const Field* begin() const { return data_; }
    [[nodiscard]] const Field* end() const { return data_ + size_; }
    [[nodiscard]] std::uint32_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    Field& operator[](std::uint32_t i) { return data_[i]; }
    const Field& operator[](std::uint32_t i) const { return data_[i]; }

private:
    Field* data_ = nullptr;
    std::uint32_t size_ = 0, capacity_ = 0;
    std::uint64_t seen_ = 0;
    static_assert(static_cast<unsigned>(FieldId::count_) <= 64);
};

// Whether a Connection field says more than close, keep-alive or upgrade, and whether it names this
// field, which makes it hop-by-hop (RFC 9110 section 7.6.1).
bool connection_names_fields(const FieldList& fields);
bool named_by_connection(const FieldList& fields, const Field& field);

// Whether a TE field asks for trailers (RFC 9110 section 10.1.4): all that HTTP/2 lets it say.
bool te_says_trailers(std::string_view value);

enum class Method : std::uint8_t {
    other, get, head, post, put, del, connect, options, trace, patch,
    copy, move, mkcol, propfind, proppatch, lock, unlock
};
Method method_of(std::string_view text);
// RFC 9110 section 9.2.2: may be sent again although the first may have had effect.
bool is_idempotent(Method method);

// How a body is delimited (RFC 9112 section 6).
enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct RequestHead {
    std::string_view method_text;
    Method method = Method::other;
    std::string_view method_for_servers;   // set by a rule; rules and logs go on with the client's
    std::string_view target;       // as received
    std::string_view path;         // raw, without query and fragment; "*" or authority stay whole
    std::string_view query;        // after '?', without it
    bool has_query = false;
    std::string_view authority;    // of an absolute-form target, else Host's value; may hold a port
    bool absolute_form = false;
    bool made_target = false;      // put together from what HTTP/2 says: servers get the origin form
    std::string_view line;         // the whole request line without its end
    std::uint8_t major = 1, minor = 1;
    [[nodiscard]] bool is_http10() const { return major == 1 && minor == 0; }
    FieldList fields;
    Framing framing = Framing::none;
    std::uint64_t length = 0;      // with Framing::length
    bool keep_alive = true;        // what the client asks for
    bool expects_continue = false;
    bool wants_upgrade = false;    // Connection names upgrade and Upgrade is there
    std::uint32_t head_bytes = 0;  // size on the wire
};

struct ResponseHead {
    std::uint16_t status = 0;
    std::string_view reason;
    std::uint8_t major = 1, minor = 1;
    FieldList fields;
    Framing framing = Framing::none;
    std::uint64_t length = 0;
    bool keep_alive = true;
    bool upgrade = false;
    std::uint32_t head_bytes = 0;
};

// "Not Found" for 404; "" for what has no registered phrase.
std::string_view reason_of(std::uint16_t status);

}  // namespace weir::http
