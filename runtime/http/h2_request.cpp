// SPDX-License-Identifier: Apache-2.0
// Fields come in; what a rule of RFC 9113 forbids is kept as the reason of the refusal, and the rest
// of the section is still read, since the compression state of the connection depends on all of it.
#include "runtime/http/h2_request.hpp"

#include <sys/random.h>

#include <cstring>
#include <utility>

#include "runtime/http/authority.hpp"
#include "runtime/http/scan.hpp"

namespace weir::http {

namespace {

constexpr std::uint32_t usual_fields = 20;

bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

// RFC 9113 section 8.2.1: lower case, no control, no blank, no byte over 0x7e, no colon.
bool is_valid_name(std::string_view name, std::uint8_t& seen) {
    for (char byte : name) {
        auto code = static_cast<unsigned char>(byte);
        if (code <= 0x20 || code >= 0x7f || (byte >= 'A' && byte <= 'Z') || byte == ':') return false;
        seen |= class_of(byte);
    }
    return !name.empty();
}

bool is_valid_value(std::string_view value) {
    if (value.empty()) return true;
    if (is_blank(value.front()) || is_blank(value.back())) return false;
    const char* at = value.data();
    const char* end = at + value.size();
    while ((at = find_control(at, end)) != end) {
        if (*at == '\0' || *at == '\r' || *at == '\n') return false;
        ++at;
    }
    return true;
}

bool is_token(std::string_view text) {
    for (char byte : text)
        if (!(class_of(byte) & byte_any_token)) return false;
    return !text.empty();
}

bool is_upper_case(std::string_view method) {
    for (char byte : method)
        if ((byte < 'A' || byte > 'Z') && byte != '-' && byte != '_') return false;
    return true;
}

bool is_scheme(std::string_view text) {
    for (char byte : text)
        if (!(class_of(byte) & byte_plain) && byte != '+' && byte != '.') return false;
    return !text.empty() && !(class_of(text[0]) & byte_digit) && text[0] != '-';
}

// Sixteen bytes that nobody can guess, as Base64: Sec-WebSocket-Key (RFC 6455 section 4.1).
std::string_view make_websocket_key(Arena& arena) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char raw[18] = {};
    (void)!::getrandom(raw, 16, 0);
    char* text = arena.bytes(24);
    for (unsigned i = 0; i < 6; ++i) {
        unsigned word = raw[i * 3] << 16 | raw[i * 3 + 1] << 8 | raw[i * 3 + 2];
        for (unsigned k = 0; k < 4; ++k) text[i * 4 + k] = digits[word >> (18 - 6 * k) & 63];
    }
    text[22] = text[23] = '=';
    return {text, 24};
}

}  // namespace

bool is_of_connection(FieldId id) {
    switch (id) {
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::transfer_encoding:
        case FieldId::upgrade:
        case FieldId::http2_settings: return true;
        default: return false;
    }
}

namespace {

// The port that the scheme has anyway, or an empty one, says nothing (RFC 3986 section 6.2.3).
std::string_view without_port(std::string_view authority, std::string_view port) {
    auto parts = split_authority(authority);
    return parts.port.empty() || parts.port == port ? parts.host : authority;
}

}  // namespace

bool is_valid_h2_field(std::string_view name, std::string_view value) {
    std::uint8_t seen = 0;
    return is_valid_name(name, seen) && !(seen & byte_odd) && is_valid_value(value);
}

bool may_be_trailer(FieldId id) {
    switch (id) {
        case FieldId::connection:
        case FieldId::content_length:
        case FieldId::transfer_encoding:
        case FieldId::host:
        case FieldId::te:
        case FieldId::expect:
        case FieldId::authorization:
        case FieldId::content_encoding:
        case FieldId::content_type:
        case FieldId::content_range:
        case FieldId::upgrade:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::trailer: return false;
        default: return true;
    }
}

bool H2RequestBuilder::check_size(std::string_view name, std::string_view value,
                                  const H2Rules& rules) {
    bytes_ += name.size() + value.size();
    ++count_;
    if (result_.status != ParseStatus::done) return false;
    const auto& bounds = rules.bounds;
    // No line holds both here (nginx measures them so).
    if (name.size() > bounds.max_line || value.size() > bounds.max_line)
        return fail("a field longer than the limit", name == ":path" ? ParseStatus::line_too_long
                                                                     : ParseStatus::field_too_long);
    if (bytes_ > bounds.max_head) return fail("a head longer than the limit", ParseStatus::field_too_long);
    // Four pseudo-headers come on top of what HTTP/1 has in its first line.
    if (count_ > bounds.max_fields + 4) return fail("more fields than the limit", ParseStatus::too_many_fields);
    return true;
}

void H2RequestBuilder::add(std::string_view name, std::string_view value, const H2Rules& rules) {
    if (!check_size(name, value, rules)) return;
    if (name.starts_with(':')) {
        if (regular_) fail("a pseudo-header behind a field");
        else add_pseudo(name, value);
        return;
    }
    if (!regular_) {
        regular_ = true;
        head_.fields.reserve(arena_, usual_fields);
    }
    add_field(name, value, rules);
}

void H2RequestBuilder::add_pseudo(std::string_view name, std::string_view value) {
    std::string_view* into = name == ":method"      ? &method_
                             : name == ":scheme"    ? &scheme_
                             : name == ":path"      ? &path_
                             : name == ":authority" ? &authority_
                             : name == ":protocol"  ? &protocol_
                                                    : nullptr;
    if (!into) {
        fail("an unknown pseudo-header");
    } else if (into->data()) {
        fail("a pseudo-header twice");
    } else {
        *into = value.empty() ? std::string_view("") : arena_.copy(value);
    }
}

// The whole line as HTTP/1 has it, so that it goes to servers in one piece with its neighbors.
Field H2RequestBuilder::make_field(std::string_view name, std::string_view value) {
    char* line = arena_.bytes(name.size() + value.size() + 4);
    char* at = line;
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    *at++ = ':';
    *at++ = ' ';
    if (!value.empty()) std::memcpy(at, value.data(), value.size());
    at[value.size()] = '\r';
    at[value.size() + 1] = '\n';
    std::string_view own_name(line, name.size());
    return {own_name, {at, value.size()}, field_id(own_name), {line, name.size() + value.size() + 4}};
}

void H2RequestBuilder::add_field(std::string_view name, std::string_view value,
                                 const H2Rules& rules) {
    std::uint8_t seen = 0;
    if (!is_valid_name(name, seen)) {
        fail("a malformed field name");
        return;
    }
    if (!is_valid_value(value)) {
        fail("a malformed field value");
        return;
    }
    const auto& bounds = rules.bounds;
    if (!bounds.drop_invalid) {
        if (seen & byte_odd) fail("a byte that is not allowed in a field name");
        if (seen & byte_odd) return;
    } else if ((seen & (byte_token | byte_odd)) || ((seen & byte_underscore) && !bounds.underscores)) {
        return;
    }
    auto field = make_field(name, value);
    if (field.id != FieldId::other && !check_special(field, rules)) return;
    head_.fields.add(arena_, field);
}

// False: the field is not kept.
bool H2RequestBuilder::check_special(const Field& field, const H2Rules& rules) {
    if (is_of_connection(field.id)) return fail("a field of the connection");
    switch (field.id) {
        case FieldId::te:
            return equal_ignoring_case(field.value, "trailers") || fail("TE other than trailers");
        case FieldId::content_length: return take_length(field.value);
        case FieldId::cookie: ++cookies_; return true;
        case FieldId::expect:
            // As in HTTP/1: a server that reads an unknown one otherwise waits for another body.
            if (head_.expects_continue || !equal_ignoring_case(field.value, "100-continue"))
                return fail("an expectation other than 100-continue");
            return head_.expects_continue = true;
        case FieldId::host:
            // HAProxy takes :authority and leaves Host out where both are there.
            if (authority_.data() && rules.absolute_targets) return false;
            if (host_.data()) return fail("Host twice");
            host_ = field.value;
            return false;   // put in front when all is known
        case FieldId::priority:
            priority_ = field.value;
            return true;
        default: return true;
    }
}

bool H2RequestBuilder::take_length(std::string_view value) {
    std::uint64_t length = 0;
    // As in HTTP/1: "010" is eight to some.
    if (value.size() > 1 && value[0] == '0') return fail("a content-length with a leading zero");
    for (char digit : value) {
        if (!(class_of(digit) & byte_digit)) return fail("a malformed Content-Length");
        auto next = length * 10 + static_cast<unsigned>(digit - '0');
        if (length > UINT64_MAX / 10 - 1) return fail("a Content-Length beyond all numbers");
        length = next;
    }
    if (value.empty() || (has_length_ && length != head_.length))
        return fail("a malformed Content-Length");
    bool again = std::exchange(has_length_, true);
    head_.length = length;
    return !again;
}

bool H2RequestBuilder::check_path(const H2Rules& rules) {
    if (path_.empty()) return fail("an empty :path");
    for (char byte : path_) {
        auto code = static_cast<unsigned char>(byte);
        if (code <= 0x20 || code == 0x7f) return fail("a control byte or a blank in :path");
        if (code > 0x7f && !rules.bounds.high_bytes) return fail("a byte over 0x7f in :path");
    }
    if (!rules.bounds.fragments && path_.find('#') != std::string_view::npos)
        return fail("a fragment in :path");
    if (path_ == "*") return head_.method == Method::options || fail("\"*\" is for OPTIONS only");
    return path_[0] == '/' || fail("a :path that does not begin with a slash");
}

// Host and :authority: one name, and the same where both are there (RFC 9113 section 8.3.1).
bool H2RequestBuilder::check_host(const H2Rules& rules) {
    bool both = authority_.data() && host_.data();
    if (!authority_.data() && !host_.data()) return !rules.needs_host || fail("neither :authority nor Host");
    // As they came: leaving a port out must not mend a name.
    for (auto name : {authority_, host_})
        if (name.data() && !is_valid_authority(name)) return fail("a malformed :authority or Host");
    auto port = scheme_ == "https" ? "443" : "80";
    // What CONNECT names is the target itself.
    if (rules.absolute_targets && scheme_.data()) {
        authority_ = without_port(authority_, port);
        host_ = without_port(host_, port);
    }
    if (both && !same_authority(authority_, host_, port))
        return fail("Host and :authority differ");
    auto host = authority_.data() ? authority_ : host_;
    head_.authority = host;
    return true;
}

bool H2RequestBuilder::check_pseudo(const H2Rules& rules) {
    if (!method_.data()) return fail("no :method");
    // HAProxy finds these when it makes a request of HTTP/1 out of it.
    if (!is_token(method_)) return wants_answer_ = rules.absolute_targets, fail("a malformed :method");
    head_.method_text = method_;
    head_.method = method_of(method_);
    if (rules.bounds.upper_case_methods && head_.method == Method::other && !is_upper_case(method_))
        return fail("a malformed :method");
    is_connect_ = head_.method == Method::connect;
    if (protocol_.data()) {
        // RFC 8441 section 4.
        if (!is_connect_ || !rules.extended_connect) return fail(":protocol where it is not offered");
        if (protocol_ != "websocket") return fail("a :protocol other than websocket", ParseStatus::not_implemented);
    } else if (is_connect_) {
        // RFC 9113 section 8.5.
        if (scheme_.data() || path_.data() || !authority_.data())
            return fail("CONNECT with other than :authority");
        if (split_authority(authority_).port.empty()) return fail("CONNECT without a port");
        path_ = authority_;
        return check_host(rules);
    }
    if (!scheme_.data()) return fail("no :scheme");
    if (!is_scheme(scheme_)) return wants_answer_ = rules.absolute_targets, fail("a malformed :scheme");
    if (!path_.data()) return fail("no :path");
    return check_path(rules) && check_host(rules);
}

void H2RequestBuilder::make_target(const H2Rules& rules) {
    auto mark = path_.find('#');
    auto whole = path_.substr(0, mark);
    mark = whole.find('?');
    head_.path = whole.substr(0, mark);
    head_.has_query = mark != std::string_view::npos;
    if (head_.has_query) head_.query = whole.substr(mark + 1);
    head_.target = path_;
    head_.major = 2;
    head_.minor = 0;
    bool absolute = rules.absolute_targets && authority_.data() && !is_connect_;
    if (absolute) {
        head_.target = arena_.join({scheme_, "://", authority_, path_ == "*" ? std::string_view() : path_});
        head_.absolute_form = head_.made_target = true;
    }
    head_.line = arena_.join({method_, " ", head_.target, " HTTP/2.0"});
}

// A WebSocket over HTTP/2 becomes the handshake of HTTP/1 (RFC 8441 section 5).
void H2RequestBuilder::become_upgrade() {
    head_.method_text = method_ = "GET";
    head_.method = Method::get;
    head_.wants_upgrade = true;
    head_.fields.add(arena_, make_field("upgrade", "websocket"));
    head_.fields.add(arena_, make_field("connection", "upgrade"));
    if (!head_.fields.find("sec-websocket-key"))
        head_.fields.add(arena_, make_field("sec-websocket-key", make_websocket_key(arena_)));
}

// RFC 9113 section 8.2.3: crumbs become one field for whoever reads HTTP/1.
void H2RequestBuilder::join_cookies() {
    std::size_t size = 0;
    for (const auto& field : head_.fields)
        if (field.id == FieldId::cookie) size += field.value.size() + 2;
    char* text = arena_.bytes(size);
    char* at = text;
    Field* first = nullptr;
    for (std::uint32_t i = 0; i < head_.fields.size();) {
        auto& field = head_.fields[i];
        if (field.id != FieldId::cookie) {
            ++i;
            continue;
        }
        if (first) {
            *at++ = ';';
            *at++ = ' ';
        }
        if (!field.value.empty()) std::memcpy(at, field.value.data(), field.value.size());
        at += field.value.size();
        if (first) {
            field.id = FieldId::count_;   // taken out below, all at once
            ++i;
        } else {
            first = &field;
            ++i;
        }
    }
    first->value = {text, static_cast<std::size_t>(at - text)};
    *first = make_field("cookie", first->value);
    std::uint32_t kept = 0;
    auto& fields = head_.fields;
    for (std::uint32_t i = 0; i < fields.size(); ++i)
        if (fields[i].id != FieldId::count_) fields[kept++] = fields[i];
    fields.truncate(kept);
}

ParseResult H2RequestBuilder::finish(bool ends, const H2Rules& rules) {
    head_.keep_alive = true;
    if (result_.status != ParseStatus::done || !check_pseudo(rules)) {
        // For the log: what was asked for, as far as it is known.
        head_.major = 2;
        head_.minor = 0;
        head_.method_text = method_;
        head_.target = path_;
        head_.line = arena_.join({method_, " ", path_, " HTTP/2.0"});
        return result_;
    }
    if (protocol_.data()) {
        become_upgrade();
        if (ends) fail("a tunnel that ends with its head");
        // What HTTP/1 behind reads as a body would be the first bytes of the tunnel.
        if (has_length_) fail("a Content-Length on a tunnel");
    } else if (ends) {
        if (head_.length != 0) fail("a Content-Length and no body");
        if (has_length_ && head_.length == 0) head_.framing = Framing::length;
        else head_.framing = Framing::none;
    } else {
        head_.framing = has_length_ ? Framing::length : Framing::chunked;
    }
    make_target(rules);
    if (cookies_ > 1) join_cookies();
    if (head_.authority.data()) head_.fields.add_front(arena_, make_field("host", head_.authority));
    return result_;
}

}  // namespace weir::http
