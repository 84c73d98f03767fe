// SPDX-License-Identifier: Apache-2.0
// Heads of HTTP/1 messages: one pass over the lines, then the decisions that need the whole head
// (framing, Host, connection). The order of the checks is the order of the bytes, so that feeding a
// head in pieces ends as feeding it at once does.
#include "runtime/http/h1_codec.hpp"

#include <cstring>

#include "runtime/http/authority.hpp"
#include "runtime/http/scan.hpp"

namespace weir::http {

namespace {

constexpr std::uint32_t usual_fields = 16;
constexpr std::uint32_t most_empty_lines = 8;

// What the lines say about framing and the connection, before it is weighed.
struct Facts {
    const Field* length = nullptr;
    const Field* coding = nullptr;
    const Field* host = nullptr;
    const Field* expect = nullptr;
    std::uint32_t lengths = 0, codings = 0, hosts = 0, expects = 0;
    bool close = false, keep_alive = false, upgrade_token = false, upgrade_field = false;
};

struct Scanner {
    const char* start;
    const char* at;
    const char* end;
    const HeadLimits& limits;
    bool request = true;
    ParseResult result = {};

    bool fail(ParseStatus status, const char* why) {
        result = {status, 0, why};
        return false;
    }
    bool bad(const char* why) { return fail(ParseStatus::bad, why); }
    // Out of bytes within a line that started at `line`.
    bool need_more(const char* line, ParseStatus over) {
        if (end - line > static_cast<std::ptrdiff_t>(limits.max_line))
            return fail(over, "a line longer than the limit");
        if (end - start > static_cast<std::ptrdiff_t>(limits.max_head))
            return fail(ParseStatus::field_too_long, "a head longer than the limit");
        return fail(ParseStatus::more, "");
    }
};

// At `at` stands a control byte. Moves past a line end; false with the result set for all else.
bool read_line_end(Scanner& scan, const char* line, ParseStatus over) {
    if (scan.at == scan.end) return scan.need_more(line, over);
    if (*scan.at == '\r') {
        if (scan.end - scan.at < 2) return scan.need_more(line, over);
        if (scan.at[1] != '\n') return scan.bad("a carriage return within a line");
        scan.at += 2;
    } else if (*scan.at == '\n') {
        if (!scan.limits.lenient_lf) return scan.bad("a line ends without a carriage return");
        scan.at += 1;
    } else {
        return scan.bad("a control byte within a line");
    }
    if (scan.at - line > static_cast<std::ptrdiff_t>(scan.limits.max_line))
        return scan.fail(over, "a line longer than the limit");
    return true;
}

bool skip_empty_lines(Scanner& scan) {
    for (std::uint32_t count = 0; scan.at < scan.end; ++count) {
        if (*scan.at != '\r' && *scan.at != '\n') return true;
        if (count == most_empty_lines) return scan.bad("too many empty lines before a request");
        if (!read_line_end(scan, scan.at, ParseStatus::line_too_long)) return false;
    }
    return scan.need_more(scan.at, ParseStatus::line_too_long);
}

// "HTTP/1.1": exactly one digit each (RFC 9112 section 2.3).
bool check_version(Scanner& scan, std::string_view text, std::uint8_t& major, std::uint8_t& minor) {
    if (text.size() != 8 || std::memcmp(text.data(), "HTTP/", 5) != 0 || text[6] != '.' ||
        !(class_of(text[5]) & byte_digit) || !(class_of(text[7]) & byte_digit))
        return scan.bad("a malformed HTTP version");
    major = static_cast<std::uint8_t>(text[5] - '0');
    minor = static_cast<std::uint8_t>(text[7] - '0');
    if (major == 0) return scan.bad("HTTP/0 is not spoken here");
    if (major > 1) return scan.fail(ParseStatus::bad_version, "a major version other than 1");
    return true;
}

void split_path(std::string_view text, RequestHead& head) {
    std::size_t stop = text.find('#');
    if (stop != std::string_view::npos) text = text.substr(0, stop);
    std::size_t mark = text.find('?');
    head.path = text.substr(0, mark);
    if (mark == std::string_view::npos) return;
    head.has_query = true;
    head.query = text.substr(mark + 1);
}

// "http://host:port/path": the authority of the target wins over Host (RFC 9112 section 3.2.2).
bool check_absolute(Scanner& scan, RequestHead& head) {
    std::string_view target = head.target;
    std::size_t colon = target.find(':');
    if (colon == std::string_view::npos || target.substr(colon, 3) != "://")
        return scan.bad("a request target of no known form");
    for (char byte : target.substr(0, colon))
        if (!(class_of(byte) & byte_plain) && byte != '+' && byte != '.')
            return scan.bad("a malformed scheme in the request target");
    if (colon == 0 || (class_of(target[0]) & byte_digit) || target[0] == '-')
        return scan.bad("a malformed scheme in the request target");
    std::string_view rest = target.substr(colon + 3);
    std::size_t stop = rest.find_first_of("/?#");
    head.authority = rest.substr(0, stop);
    head.absolute_form = true;
    bool odd_end = !scan.limits.fragment_behind_host && stop != std::string_view::npos && rest[stop] == '#';
    if (odd_end || !is_valid_authority(head.authority))
        return scan.bad("a malformed host in the target");
    rest = stop == std::string_view::npos ? std::string_view{} : rest.substr(stop);
    split_path(rest, head);
    if (head.path.empty()) head.path = "/";
    return true;
}

bool check_target(Scanner& scan, RequestHead& head) {
    std::string_view target = head.target;
    if (target.empty()) return scan.bad("an empty request target");
    if (!scan.limits.fragments && std::memchr(target.data(), '#', target.size()))
        return scan.bad("a fragment in the request target");
    if (!scan.limits.high_bytes)
        for (char byte : target)
            if (static_cast<unsigned char>(byte) > 0x7f)
                return scan.bad("a byte over 0x7f in the request target");
    if (head.method == Method::connect) {
        head.path = head.authority = target;
        if (!is_valid_authority(target) || target.find(':') == std::string_view::npos)
            return scan.bad("CONNECT without host:port");
        return true;
    }
    if (target[0] == '/') {
        split_path(target, head);
        return true;
    }
    if (target == "*") {
        head.path = target;
        return head.method == Method::options || scan.bad("the target \"*\" is for OPTIONS only");
    }
    return check_absolute(scan, head);
}

bool is_upper_case(std::string_view method) {
    for (char byte : method)
        if ((byte < 'A' || byte > 'Z') && byte != '-' && byte != '_') return false;
    return true;
}

// HAProxy takes more than one (RFC 9112 section 3); a byte that does not fit is refused by who comes next.
void skip_blanks(Scanner& scan) {
    ++scan.at;
    while (scan.limits.tidy_line && scan.at < scan.end && *scan.at == ' ') ++scan.at;
}

bool read_request_line(Scanner& scan, Arena& arena, RequestHead& head) {
    constexpr auto over = ParseStatus::line_too_long;
    const char* line = scan.at;
    while (scan.at < scan.end && (class_of(*scan.at) & byte_any_token)) ++scan.at;
    if (scan.at == scan.end) return scan.need_more(line, over);
    if (*scan.at != ' ' || scan.at == line) return scan.bad("a malformed method");
    head.method_text = {line, static_cast<std::size_t>(scan.at - line)};
    head.method = method_of(head.method_text);
    if (scan.limits.upper_case_methods && head.method == Method::other &&
        !is_upper_case(head.method_text))
        return scan.bad("a malformed method");

    skip_blanks(scan);
    const char* target = scan.at;
    scan.at = find_target_end(scan.at, scan.end);
    if (scan.at == scan.end) return scan.need_more(line, over);
    head.target = {target, static_cast<std::size_t>(scan.at - target)};
    if (*scan.at != ' ') {
        // Too long comes first, as it would have when the line arrived in pieces.
        if (scan.at - line > static_cast<std::ptrdiff_t>(scan.limits.max_line))
            return scan.fail(over, "a request line longer than the limit");
        return scan.bad(*scan.at == '\r' || *scan.at == '\n' ? "a request line without a version"
                                                             : "a control byte in the target");
    }
    skip_blanks(scan);
    const char* version = scan.at;
    scan.at = find_control(scan.at, scan.end);
    std::string_view text{version, static_cast<std::size_t>(scan.at - version)};
    head.line = {line, static_cast<std::size_t>(scan.at - line)};
    if (scan.limits.tidy_line && head.line.size() != head.method_text.size() + head.target.size() + text.size() + 2)
        head.line = arena.join({head.method_text, " ", head.target, " ", text});
    if (!read_line_end(scan, line, over)) return false;
    // The target first: the preface of HTTP/2 ("PRI * HTTP/2.0") is no request of another version, but none.
    return check_target(scan, head) && check_version(scan, text, head.major, head.minor);
}

// "HTTP/1.1 200 OK"; the phrase may be missing, with or without the space before it.
bool read_status_line(Scanner& scan, ResponseHead& head) {
    const char* line = scan.at;
    scan.at = find_control(scan.at, scan.end);
    std::string_view text{line, static_cast<std::size_t>(scan.at - line)};
    // Something else than HTTP is told from its first bytes, before a line end that never comes.
    std::string_view start = text.substr(0, 5);
    if (std::string_view{"HTTP/"}.substr(0, start.size()) != start)
        return scan.bad("a response that does not start with HTTP/");
    if (!read_line_end(scan, line, ParseStatus::field_too_long)) return false;
    if (!check_version(scan, text.substr(0, 8), head.major, head.minor)) return false;
    if (text.size() < 12 || text[8] != ' ' || (text.size() > 12 && text[12] != ' '))
        return scan.bad("a malformed status line");
    unsigned status = 0;
    for (char digit : text.substr(9, 3)) {
        if (!(class_of(digit) & byte_digit)) return scan.bad("a malformed status code");
        status = status * 10 + static_cast<unsigned>(digit - '0');
    }
    if (status < 100) return scan.bad("a status code below 100");
    head.status = static_cast<std::uint16_t>(status);
    head.reason = text.size() > 13 ? text.substr(13) : std::string_view{};
    return true;
}

constexpr bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

std::string_view trimmed(const char* from, const char* to) {
    while (from < to && is_blank(*from)) ++from;
    while (to > from && is_blank(to[-1])) --to;
    return {from, static_cast<std::size_t>(to - from)};
}

// Runs `visit` for each element of a comma-separated list, blanks trimmed, empty ones left out.
template <class Visit>
void each_token(std::string_view list, Visit visit) {
    const char* at = list.data();
    const char* end = at + list.size();
    while (at < end) {
        auto* comma =
            static_cast<const char*>(std::memchr(at, ',', static_cast<std::size_t>(end - at)));
        const char* stop = comma ? comma : end;
        auto token = trimmed(at, stop);
        if (!token.empty()) visit(token);
        at = stop + 1;
    }
}

void note_connection(std::string_view value, Facts& facts) {
    each_token(value, [&](std::string_view token) {
        if (token.size() == 5 && equal_ignoring_case(token, "close")) facts.close = true;
        if (token.size() == 10 && equal_ignoring_case(token, "keep-alive")) facts.keep_alive = true;
        if (token.size() == 7 && equal_ignoring_case(token, "upgrade")) facts.upgrade_token = true;
    });
}

// Fields may move while the list grows, so facts hold values only once the list is complete: here
// the counters, the pointers in find_facts.
void note_field(const Field& field, Facts& facts) {
    switch (field.id) {
        case FieldId::content_length: ++facts.lengths; break;
        case FieldId::transfer_encoding: ++facts.codings; break;
        case FieldId::host: ++facts.hosts; break;
        case FieldId::expect: ++facts.expects; break;
        case FieldId::connection: note_connection(field.value, facts); break;
        case FieldId::upgrade: facts.upgrade_field |= !field.value.empty(); break;
        default: break;
    }
}

void find_facts(const FieldList& fields, Facts& facts) {
    if (facts.lengths) facts.length = fields.find(FieldId::content_length);
    if (facts.codings) facts.coding = fields.find(FieldId::transfer_encoding);
    if (facts.hosts) facts.host = fields.find(FieldId::host);
    if (facts.expects) facts.expect = fields.find(FieldId::expect);
}

// Whether the name is kept. A name that is dropped is not looked at any further, so it must be one
// that no other program can take for a field that matters: controls and blanks never get here.
bool keeps_name(const Scanner& scan, std::uint8_t seen) {
    if (!scan.limits.drop_invalid || !scan.request) return !(seen & byte_odd);
    if (seen & (byte_token | byte_odd)) return false;
    return !(seen & byte_underscore) || scan.limits.underscores;
}

// One field line; `at` is past it when true.
bool read_field(Scanner& scan, Arena& arena, FieldList& fields, Facts& facts) {
    constexpr auto over = ParseStatus::field_too_long;
    const char* line = scan.at;
    std::uint8_t seen = 0;
    while (scan.at < scan.end) {
        std::uint8_t bits = class_of(*scan.at);
        if (*scan.at == ':' || !(bits & byte_any_name)) break;
        seen |= bits;
        ++scan.at;
    }
    if (scan.at == scan.end) return scan.need_more(line, over);
    if (*scan.at != ':') {
        if (scan.at == line && is_blank(*line)) return scan.bad("a folded field line");
        if (is_blank(*scan.at)) return scan.bad("white space in a field name");
        return scan.bad("a field line without a colon, or a control byte in its name");
    }
    if (scan.at == line) return scan.bad("an empty field name");
    std::string_view name{line, static_cast<std::size_t>(scan.at - line)};
    const char* value = ++scan.at;
    for (;;) {
        scan.at = find_control(scan.at, scan.end);
        if (scan.at == scan.end) return scan.need_more(line, over);
        // Other controls are harmless to framing and both anchors let them pass.
        if (*scan.at == '\r' || *scan.at == '\n' || *scan.at == '\0') break;
        ++scan.at;
    }
    const char* value_end = scan.at;
    if (!read_line_end(scan, line, over)) return false;
    if (!keeps_name(scan, seen)) {
        return scan.limits.drop_invalid || scan.bad("a byte that is not allowed in a field name");
    }
    if (fields.size() == scan.limits.max_fields)
        return scan.fail(ParseStatus::too_many_fields, "more fields than the limit");
    Field field{name, trimmed(value, value_end), field_id(name), {}};
    if (*value_end == '\r') field.line = {line, static_cast<std::size_t>(scan.at - line)};
    if (field.id != FieldId::other) note_field(field, facts);
    fields.add(arena, field);
    return true;
}

bool read_fields(Scanner& scan, Arena& arena, FieldList& fields, Facts& facts) {
    fields.reserve(arena, usual_fields);
    for (;;) {
        const char* line = scan.at;
        if (line == scan.end) return scan.need_more(line, ParseStatus::field_too_long);
        if (*line == '\r' || *line == '\n') {
            if (!read_line_end(scan, line, ParseStatus::field_too_long)) return false;
            break;
        }
        if (!read_field(scan, arena, fields, facts)) return false;
        if (scan.at - scan.start > static_cast<std::ptrdiff_t>(scan.limits.max_head))
            return scan.fail(ParseStatus::field_too_long, "a head longer than the limit");
    }
    if (scan.at - scan.start > static_cast<std::ptrdiff_t>(scan.limits.max_head))
        return scan.fail(ParseStatus::field_too_long, "a head longer than the limit");
    find_facts(fields, facts);
    return true;
}

// Digits only, no leading zero (octal to some), at most 2^63-1 (RFC 9112 section 6.3, rule 5).
bool read_length(std::string_view text, std::uint64_t& length) {
    if (text.empty() || text.size() > 19 || (text.size() > 1 && text[0] == '0')) return false;
    length = 0;
    for (char digit : text) {
        if (!(class_of(digit) & byte_digit)) return false;
        length = length * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    return length <= INT64_MAX;
}

// What one Transfer-Encoding value asks for.
enum class Coding { chunked, unknown, malformed };

// "chunked" before the last place, or beside empty elements, is how requests are smuggled; a clean
// list of codings that weir does not do is merely not implemented.
Coding coding_of(std::string_view value) {
    if (equal_ignoring_case(value, "chunked")) return Coding::chunked;
    for (bool last = false; !last;) {
        std::size_t comma = value.find(',');
        last = comma == std::string_view::npos;
        auto element = value.substr(0, comma);
        element = trimmed(element.data(), element.data() + element.size());
        if (element.empty()) return Coding::malformed;
        for (char byte : element)
            if (!(class_of(byte) & byte_any_token)) return Coding::malformed;
        if (!last && equal_ignoring_case(element, "chunked")) return Coding::malformed;
        if (!last) value = value.substr(comma + 1);
    }
    return Coding::unknown;
}

bool check_coding(Scanner& scan, const Facts& facts, std::uint8_t minor) {
    if (facts.codings > 1) return scan.bad("more than one Transfer-Encoding");
    if (facts.lengths) return scan.bad("Content-Length beside Transfer-Encoding");
    if (minor == 0) return scan.bad("Transfer-Encoding in HTTP/1.0");
    switch (coding_of(facts.coding->value)) {
        case Coding::chunked: return true;
        case Coding::malformed: return scan.bad("a malformed Transfer-Encoding");
        case Coding::unknown: break;
    }
    return scan.fail(ParseStatus::not_implemented, "a transfer coding other than chunked");
}

// Decides how the body ends, for a message that may have one; `none` stands for "nothing said".
template <class Head>
bool decide_framing(Scanner& scan, const Facts& facts, Head& head) {
    if (facts.codings) {
        head.framing = Framing::chunked;
        return check_coding(scan, facts, head.minor);
    }
    if (facts.lengths == 0) return true;
    if (facts.lengths > 1) return scan.bad("more than one Content-Length");
    head.framing = Framing::length;
    return read_length(facts.length->value, head.length) || scan.bad("a malformed Content-Length");
}

bool check_host(Scanner& scan, const Facts& facts, RequestHead& head) {
    if (facts.hosts > 1) return scan.bad("more than one Host");
    if (!facts.hosts) {
        if (head.minor == 0 || !scan.limits.needs_host) return true;
        return scan.bad("HTTP/1.1 without Host");
    }
    std::string_view host = facts.host->value;
    if (host.empty() ? head.minor > 0 : !is_valid_authority(host))
        return scan.bad("a malformed Host");
    if (head.absolute_form) {
        if (scan.limits.target_host_wins) return true;
        bool secure = head.target.size() > 5 && (head.target[4] == 's' || head.target[4] == 'S');
        if (!same_authority(host, head.authority, secure ? "443" : "80"))
            return scan.bad("Host differs from the host of the target");
    } else if (head.method != Method::connect) {
        head.authority = host;
    }
    return true;
}

bool conclude(Scanner& scan, const Facts& facts, RequestHead& head) {
    if (!check_host(scan, facts, head) || !decide_framing(scan, facts, head)) return false;
    bool modern = head.minor > 0;
    head.keep_alive = !facts.close && (modern || facts.keep_alive);
    head.wants_upgrade = modern && facts.upgrade_token && facts.upgrade_field;
    if (facts.expects && modern) {
        // A server that reads an unknown expectation otherwise than weir waits for another body.
        if (facts.expects > 1 || !equal_ignoring_case(facts.expect->value, "100-continue"))
            return scan.bad("an expectation other than 100-continue");
        head.expects_continue = true;
    }
    return true;
}

bool conclude(Scanner& scan, const Facts& facts, Method method, ResponseHead& head) {
    if (!decide_framing(scan, facts, head)) return false;
    head.keep_alive = !facts.close && (head.minor > 0 || facts.keep_alive);
    bool tunnel = method == Method::connect && head.status >= 200 && head.status < 300;
    bool interim = head.status < 200;
    bool says_body =
        head.framing == Framing::chunked || (head.framing == Framing::length && head.length > 0);
    if (interim || tunnel || head.status == 204 || head.status == 304 || method == Method::head) {
        // HEAD and 304 describe the body of another answer; with the others it is a contradiction.
        bool descriptive = head.status == 304 || (method == Method::head && head.status != 204);
        if (says_body && (!descriptive || interim)) head.keep_alive = false;
        head.framing = Framing::none;
        head.length = 0;
        head.upgrade = tunnel || head.status == 101;
        return true;
    }
    if (head.framing == Framing::none) {
        head.framing = Framing::until_close;
        head.keep_alive = false;
    }
    return true;
}

// "404 Not Found": three digits, then perhaps a phrase.
bool read_cgi_status(Scanner& scan, ResponseHead& head) {
    const auto* field = head.fields.find("status");
    head.status = head.fields.has(FieldId::location) ? 302 : 200;
    head.reason = reason_of(head.status);
    if (!field) return true;
    auto text = field->value;
    unsigned status = 0;
    if (text.size() < 3 || (text.size() > 3 && text[3] != ' ')) return scan.bad("a malformed Status");
    for (char digit : text.substr(0, 3)) {
        if (!(class_of(digit) & byte_digit)) return scan.bad("a malformed Status");
        status = status * 10 + static_cast<unsigned>(digit - '0');
    }
    if (status < 200) return scan.bad("a Status below 200");
    head.status = static_cast<std::uint16_t>(status);
    head.reason = text.size() > 4 ? text.substr(4) : std::string_view();
    return true;
}

// Nothing new to see: the line that was incomplete still is, and within the limits. Keeps a head
// that arrives in many pieces from being read anew with each.
bool still_incomplete(std::string_view data, const HeadLimits& limits, std::uint32_t seen) {
    if (seen == 0 || seen > data.size() || data.size() > limits.max_head) return false;
    auto fresh = data.substr(seen);
    if (std::memchr(fresh.data(), '\n', fresh.size()) || std::memchr(fresh.data(), 0, fresh.size()))
        return false;
    // A carriage return that is not the last byte is part of a line end, or an error.
    if (std::memchr(data.data() + seen - 1, '\r', fresh.size())) return false;
    auto* last = static_cast<const char*>(::memrchr(data.data(), '\n', seen));
    std::size_t line = last ? static_cast<std::size_t>(last + 1 - data.data()) : 0;
    return data.size() - line <= limits.max_line;
}

template <class Head>
void start_over(Head& head) {
    FieldList fields = head.fields;
    fields.clear();
    head = Head{};
    head.fields = fields;
}

template <class Head, class Read>
ParseResult parse_head(std::string_view data, const HeadLimits& limits, Head& head,
                       std::uint32_t* resume, Read read) {
    if (resume && still_incomplete(data, limits, *resume)) {
        *resume = static_cast<std::uint32_t>(data.size());
        return {ParseStatus::more, 0, ""};
    }
    Scanner scan{data.data(), data.data(), data.data() + data.size(), limits};
    start_over(head);
    if (read(scan)) {
        head.head_bytes = static_cast<std::uint32_t>(scan.at - scan.start);
        scan.result = {ParseStatus::done, head.head_bytes, ""};
    }
    if (resume)
        *resume =
            scan.result.status == ParseStatus::more ? static_cast<std::uint32_t>(data.size()) : 0;
    return scan.result;
}

}  // namespace

ParseResult parse_request_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                               RequestHead& head, std::uint32_t* resume) {
    return parse_head(data, limits, head, resume, [&](Scanner& scan) {
        Facts facts;
        return skip_empty_lines(scan) && read_request_line(scan, arena, head) &&
               read_fields(scan, arena, head.fields, facts) && conclude(scan, facts, head);
    });
}

ParseResult parse_response_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                                Method request_method, ResponseHead& head, std::uint32_t* resume) {
    return parse_head(data, limits, head, resume, [&](Scanner& scan) {
        Facts facts;
        scan.request = false;
        return read_status_line(scan, head) && read_fields(scan, arena, head.fields, facts) &&
               conclude(scan, facts, request_method, head);
    });
}

ParseResult parse_cgi_head(std::string_view data, const HeadLimits& limits, Arena& arena,
                           Method request_method, ResponseHead& head, std::uint32_t* resume) {
    return parse_head(data, limits, head, resume, [&](Scanner& scan) {
        Facts facts;
        scan.request = false;
        if (!read_fields(scan, arena, head.fields, facts) || !read_cgi_status(scan, head)) return false;
        facts.codings = 0;
        facts.coding = nullptr;
        return conclude(scan, facts, request_method, head);
    });
}

}  // namespace weir::http
