// SPDX-License-Identifier: Apache-2.0
// Fetches of the request: line, target, header fields, cookies, body, captures, variables.
#include <algorithm>

#include "runtime/base/hash.hpp"
#include "runtime/http/authority.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/values.hpp"

namespace weir::route {
namespace {

Value text_or_missing(std::string_view text) {
    return text.data() && !text.empty() ? Value::of(text) : Value::missing();
}

// The path of a target, when it has one ("*" and authorities do not).
std::string_view path_of(const Subject& subject) {
    if (!subject.request || subject.request->path.empty() || subject.request->path[0] != '/') {
        return {};
    }
    return subject.request->path;
}

std::string_view host_field(const Subject& subject) {
    const auto* field = subject.request->fields.find(http::FieldId::host);
    return field ? field->value : std::string_view();
}

// Basic credentials (RFC 7617), decoded into the arena: "user:password".
std::string_view credentials(Subject& subject) {
    if (!subject.request) return {};
    const auto* field = subject.request->fields.find(http::FieldId::authorization);
    if (!field || field->value.size() < 6 ||
        !http::equal_ignoring_case(field->value.substr(0, 6), "basic ")) {
        return {};
    }
    auto encoded = field->value.substr(6);
    while (!encoded.empty() && encoded.front() == ' ') encoded.remove_prefix(1);
    std::string_view plain;
    if (!decode_base64(encoded, *subject.arena, plain)) return {};
    return plain;
}

Value nth_of(const Node& node, Subject& subject) {
    return pick_occurrence(node, [&](Cursor& cursor) { return next_value(node, subject, cursor); });
}

}  // namespace

Value fetch_method(const Node&, Subject& subject) {
    return subject.request ? text_or_missing(subject.request->method_text) : Value::missing();
}
Value fetch_request_line(const Node&, Subject& subject) {
    return subject.request ? text_or_missing(subject.request->line) : Value::missing();
}
Value fetch_request_target(const Node&, Subject& subject) {
    return subject.request ? text_or_missing(subject.request->target) : Value::missing();
}
Value fetch_request_version(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    const auto& head = *subject.request;
    if (head.major == 1) return Value::of(head.minor ? "HTTP/1.1" : "HTTP/1.0");
    return Value::of(head.major == 2 ? "HTTP/2.0" : "HTTP/3.0");
}
Value fetch_request_version_number(const Node& node, Subject& subject) {
    auto version = fetch_request_version(node, subject);
    version.bytes.remove_prefix(version.exists ? 5 : 0);
    return version;
}
// With number 1: the target as it came, without the query (%HP).
Value fetch_path(const Node& node, Subject& subject) {
    if (node.number == 1 && subject.request && subject.request->absolute_form) {
        const auto target = subject.request->target;
        return text_or_missing(target.substr(0, target.find('?')));
    }
    return text_or_missing(path_of(subject));
}
Value fetch_path_and_query(const Node&, Subject& subject) {
    const auto path = path_of(subject);
    if (path.empty()) return Value::missing();
    if (!subject.request->has_query) return Value::of(path);
    // Both lie in the target unless a rule gave one of them a place of its own.
    if (path.data() + path.size() + 1 == subject.request->query.data()) {
        return Value::of({path.data(), path.size() + 1 + subject.request->query.size()});
    }
    return Value::of(subject.arena->join({path, "?", subject.request->query}));
}
Value fetch_normalized_path(const Node&, Subject& subject) {
    return Value::of(subject.normalized_path);
}
Value fetch_query(const Node& node, Subject& subject) {
    if (!is_nginx(subject) && subject.request && !subject.request->has_query) {
        return node.number == 1 ? Value::of("") : Value::missing();
    }
    // %HQ shows the question mark.
    if (node.number == 1) return Value::of(subject.arena->join({"?", subject.query}));
    return text_or_missing(subject.query);
}
Value fetch_has_query(const Node&, Subject& subject) {
    return Value::of(subject.query.empty() ? "" : "?");
}
Value fetch_query_argument(const Node& node, Subject& subject) {
    // HAProxy takes the first one where nothing else is said, as nginx does.
    if (node.number == ir::occurrence::every || node.number <= 0) {
        Cursor cursor;
        return next_value(node, subject, cursor);
    }
    return nth_of(node, subject);
}
Value fetch_scheme(const Node&, Subject& subject) {
    return Value::of(subject.connection->tls ? "https" : "http");
}
Value fetch_host(const Node&, Subject& subject) {
    if (!subject.host.empty()) return Value::of(subject.host);
    return Value::of(subject.site ? std::string_view(subject.site->name) : std::string_view());
}
Value fetch_authority(const Node&, Subject& subject) {
    return subject.request ? text_or_missing(subject.request->authority) : Value::missing();
}
Value fetch_authority_port(const Node&, Subject& subject) {
    return subject.request ? text_or_missing(http::split_authority(subject.request->authority).port)
                           : Value::missing();
}
Value fetch_authority_has_port(const Node& node, Subject& subject) {
    return fetch_authority_port(node, subject).exists ? Value::of(":") : Value::missing();
}
Value fetch_base(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    const auto host = host_field(subject);
    const auto path = path_of(subject);
    if (host.empty()) return text_or_missing(path);
    return Value::of(path.empty() ? host : subject.arena->join({host, path}));
}
Value fetch_base32(const Node& node, Subject& subject) {
    const auto base = fetch_base(node, subject);
    if (!base.exists) return base;
    return Value::of_number(hash::avalanche(hash::sdbm(base.bytes)));
}

// --- header fields ---

Value fetch_request_header(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    if (node.number == ir::occurrence::joined) {
        return joined_fields(node, subject.request->fields, *subject.arena);
    }
    return nth_of(node, subject);
}
Value fetch_request_header_full(const Node& node, Subject& subject) {
    return subject.request ? nth_of(node, subject) : Value::missing();
}
Value fetch_request_header_address(const Node& node, Subject& subject) {
    return subject.request ? nth_of(node, subject) : Value::missing();
}
Value fetch_request_header_count(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of_number(count_values(node, subject.request->fields, true));
}
Value fetch_request_header_full_count(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of_number(count_values(node, subject.request->fields, false));
}
Value fetch_request_header_names(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of(names_of(subject.request->fields, node.text, *subject.arena));
}
Value fetch_request_headers(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of(all_fields(subject.request->fields, *subject.arena));
}
Value fetch_request_header_bytes(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of_number(subject.request->head_bytes);
}
Value fetch_cookie(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    if (node.number == ir::occurrence::joined) {
        return nginx_cookie(subject.request->fields, http::FieldId::cookie, node.text);
    }
    return nth_of(node, subject);
}
Value fetch_content_length(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    const auto* field = subject.request->fields.find(http::FieldId::content_length);
    if (field) return Value::of(field->value);
    // A body in chunks has one when it is here.
    if (!is_nginx(subject) || !subject.body_gathered) return Value::missing();
    return Value::of_number(static_cast<std::int64_t>(subject.body_length));
}
Value fetch_content_type(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    const auto* field = subject.request->fields.find(http::FieldId::content_type);
    return field ? Value::of(field->value) : Value::missing();
}
Value fetch_forwarded_for(const Node&, Subject& subject) {
    Node node;
    node.field = http::FieldId::x_forwarded_for;
    const auto address = subject.client->text();
    if (!subject.request) return Value::of(address);
    const auto before = joined_fields(node, subject.request->fields, *subject.arena);
    if (!before.exists) return Value::of(address);
    return Value::of(subject.arena->join({before.bytes, ", ", address}));
}

// --- body and state ---

Value fetch_request_body(const Node&, Subject& subject) { return text_or_missing(subject.body); }
Value fetch_request_body_file(const Node&, Subject& subject) { return text_or_missing(subject.body_file); }
Value fetch_request_body_length(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.body.size()));
}
Value fetch_request_body_size(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.body_length));
}
Value fetch_request_length(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.received));
}
Value fetch_request_completion(const Node&, Subject& subject) {
    return Value::of(subject.completed ? "OK" : "");
}
Value fetch_remote_user(const Node&, Subject& subject) {
    if (subject.remote_user.data()) return text_or_missing(subject.remote_user);
    const auto all = credentials(subject);
    return text_or_missing(all.substr(0, all.find(':')));
}
Value fetch_basic_auth_password(const Node&, Subject& subject) {
    const auto all = credentials(subject);
    const auto colon = all.find(':');
    return colon == std::string_view::npos ? Value::missing() : Value::of(all.substr(colon + 1));
}
Value fetch_limit_rate(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.limit_rate));
}
Value fetch_wait_end(const Node&, Subject& subject) {
    if (!subject.payload_ended) subject.undecided = true;
    return Value::of_boolean(subject.payload_ended);
}
Value fetch_http_valid(const Node&, Subject& subject) {
    if (!subject.request && !subject.payload_ended) subject.undecided = true;
    return Value::of_boolean(subject.request != nullptr);
}
Value fetch_first_request(const Node&, Subject& subject) {
    return Value::of_boolean(subject.connection_requests <= 1);
}

// --- captures and variables ---

Value fetch_request_captured_header(const Node& node, Subject& subject) {
    const auto slot = static_cast<std::size_t>(node.number);
    if (slot >= subject.request_captures.size()) return Value::missing();
    const auto text = subject.request_captures[slot];
    return text.data() ? Value::of(text) : Value::missing();
}
Value fetch_response_captured_header(const Node& node, Subject& subject) {
    const auto slot = static_cast<std::size_t>(node.number);
    if (slot >= subject.response_captures.size()) return Value::missing();
    const auto text = subject.response_captures[slot];
    return text.data() ? Value::of(text) : Value::missing();
}
Value fetch_capture_group(const Node& node, Subject& subject) {
    const auto group = static_cast<std::uint32_t>(node.number);
    if (group >= subject.captures.count || !subject.captures.group[group].data()) {
        return Value::missing();
    }
    return Value::of(subject.captures.group[group]);
}
Value fetch_named_capture(const Node& node, Subject& subject) {
    const auto slot = static_cast<std::size_t>(node.number);
    if (slot >= subject.named_captures.size()) return Value::missing();
    const auto text = subject.named_captures[slot];
    return text.data() ? Value::of(text) : Value::missing();
}
Value fetch_variable(const Node& node, Subject& subject) {
    const auto slot = static_cast<std::size_t>(node.number);
    if (slot < subject.variables.size() && subject.variables[slot].exists) {
        return subject.variables[slot];
    }
    return is_nginx(subject) ? Value::of("") : Value::missing();
}

// --- where it goes ---

Value fetch_site_name(const Node&, Subject& subject) {
    return subject.site ? Value::of(subject.site->name) : Value::missing();
}
Value fetch_frontend_name(const Node&, Subject& subject) {
    return subject.site ? Value::of(subject.site->name) : Value::missing();
}
Value fetch_frontend_id(const Node&, Subject& subject) {
    return subject.site ? Value::of_number(subject.site->id) : Value::missing();
}
Value fetch_pool_name(const Node&, Subject& subject) {
    if (subject.pool_name.data()) return Value::of(subject.pool_name);
    if (subject.pool) return Value::of(subject.pool->name());
    return subject.site ? Value::of(subject.site->name) : Value::missing();
}
Value fetch_server_name(const Node&, Subject& subject) {
    return subject.server ? Value::of(subject.server->name) : Value::missing();
}
Value fetch_server_address(const Node&, Subject& subject) {
    if (!subject.server) return Value::missing();
    IpAddress ip;
    std::uint16_t port = 0;
    return endpoint_of(subject.server->address, ip, port) ? Value::of_address(ip)
                                                          : Value::missing();
}
Value fetch_server_port(const Node&, Subject& subject) {
    if (!subject.server) return Value::missing();
    IpAddress ip;
    std::uint16_t port = 0;
    return endpoint_of(subject.server->address, ip, port) ? Value::of_number(port)
                                                          : Value::missing();
}
Value fetch_server_source_address(const Node&, Subject& subject) {
    if (subject.server_source.ip.family == IpAddress::Family::none) return Value::missing();
    return Value::of_address(subject.server_source.ip);
}
Value fetch_server_source_port(const Node&, Subject& subject) {
    if (subject.server_source.ip.family == IpAddress::Family::none) return Value::missing();
    return Value::of_number(subject.server_source.port);
}
Value fetch_server_http_major(const Node&, Subject& subject) {
    return subject.response ? Value::of_number(subject.response->major) : Value::missing();
}
// "trailers" where the client's TE says so, among other things (RFC 9110 section 10.1.4).
Value fetch_te_trailers(const Node&, Subject& subject) {
    if (!subject.request) return Value::missing();
    for (const auto& field : subject.request->fields)
        if (field.id == http::FieldId::te && http::te_says_trailers(field.value)) return Value::of("trailers");
    return Value::missing();
}
Value fetch_forward_host(const Node&, Subject& subject) {
    return text_or_missing(subject.forward_host);
}
Value fetch_forward_port(const Node&, Subject& subject) {
    if (subject.forward_host.empty()) return Value::missing();
    return subject.forward_port ? Value::of_number(subject.forward_port) : Value::of("");
}

}  // namespace weir::route
