// SPDX-License-Identifier: Apache-2.0
// The head of the request as the server gets it. Fields that nobody touches are copied in runs, as
// they were received; hop-by-hop fields (RFC 9110 section 7.6.1) stay here.
#include <algorithm>
#include <cstring>

#include "runtime/forward/forward.hpp"
#include "runtime/http/h1_lines.hpp"
#include "runtime/route/escape.hpp"

namespace weir::forward {

using http::put;
using http::put_field;
using http::put_number;

namespace {

// What every hop sets itself.
bool is_hop_by_hop(http::FieldId id) {
    using Id = http::FieldId;
    switch (id) {
        case Id::connection:
        case Id::keep_alive:
        case Id::proxy_connection:
        case Id::te:
        case Id::transfer_encoding:
        case Id::content_length:
        case Id::upgrade:
        case Id::http2_settings:
        case Id::expect: return true;
        default: return false;
    }
}

bool within(const IpAddress& ip, const ir::PatternSet::Network& network) {
    if (ip.family != network.address.family) return false;
    unsigned whole = network.bits / 8, rest = network.bits % 8;
    if (std::memcmp(ip.bytes, network.address.bytes, whole) != 0) return false;
    return rest == 0 || ((ip.bytes[whole] ^ network.address.bytes[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::string_view target_for_server(const plan::Route& route, route::Subject& subject,
                                   const http::RequestHead& request, const TargetState& state,
                                   std::string_view computed) {
    if (!computed.empty()) return computed;
    if (!route.has_uri && !state.changed) {
        // As received; an absolute form becomes the origin form. (Rules that change the request in
        // place have rewritten request.target.)
        bool whole = route.forwarding->source->preserve_host && !request.made_target;
        if (request.target.starts_with('/') || request.target == "*" || whole) return request.target;
        if (!request.has_query) return request.path;
        return subject.arena->join({request.path, "?", request.query});
    }
    std::string_view uri;
    // The part of the normalized path behind the location's prefix goes after the URI.
    auto rest = subject.normalized_path;
    if (route.has_uri && !state.replaced) {
        uri = route.uri.render(subject);
        rest.remove_prefix(std::min<std::size_t>(route.forward->replaced_prefix, rest.size()));
    }
    // nginx since 1.21.1.
    if (state.escape) rest = route::escape_path(rest, *subject.arena);
    bool query = !subject.query.empty();
    return subject.arena->join(
        {uri, rest, query ? "?" : "", query ? subject.query : std::string_view()});
}

std::string_view ServerSide::target() {
    return target_for_server(job_.route, job_.subject, job_.request, job_.target, computed_.uri);
}

bool ServerSide::belongs_to_cache(http::FieldId id) const {
    using Id = http::FieldId;
    if (!keeps_answer()) return false;
    switch (id) {
        case Id::if_modified_since:
        case Id::if_unmodified_since:
        case Id::if_none_match:
        case Id::if_match:
        case Id::range:
        case Id::if_range: return true;
        default: return false;
    }
}

std::optional<std::uint64_t> ServerSide::body_length() const {
    if (body_whole()) return body_here().size() + (file_follows() ? job_.gathered.file.size() : 0);
    switch (job_.request.framing) {
        case http::Framing::none: return 0;
        case http::Framing::length: return job_.request.length;
        default: return std::nullopt;
    }
}

void ServerSide::write_framing(net::Buffer& out) {
    if (chunked_to_server_) return put(out, "Transfer-Encoding: chunked\r\n");
    auto length = body_length().value_or(0);
    bool any = job_.request.framing != http::Framing::none;
    if (has_own_body_ && !job_.route.forwarding->has_body) any = false;
    if (!any && length == 0) return;
    put(out, "Content-Length: ");
    put_number(out, length);
    put(out, "\r\n");
}

void ServerSide::write_fields(net::Buffer& out) {
    const auto& forwarding = *job_.route.forwarding;
    const auto& conf = settings();
    const auto& request = job_.request;
    auto& subject = job_.subject;
    for (const auto& field : forwarding.set_fields) {
        if (is_hop_by_hop(field.id) && (field.id == http::FieldId::content_length ||
                                        field.id == http::FieldId::transfer_encoding))
            continue;
        auto value = field.value.render(subject);
        if (value.empty()) continue;
        put_field(out, field.name, value);
    }
    add_conditions([&](http::FieldId, std::string_view name, std::string_view value) {
        put_field(out, name, value);
    });
    write_framing(out);
    bool upgrade = conf.pass_upgrade && request.wants_upgrade;
    if (conf.pass_request_fields) {
        bool names_fields = http::connection_names_fields(request.fields);
        http::PassedLines lines(out);
        for (const auto& field : request.fields) {
            bool drop = false;
            if (is_hop_by_hop(field.id)) {
                drop = !(upgrade && field.id == http::FieldId::upgrade) &&
                       !(conf.pass_expect && field.id == http::FieldId::expect);
            } else if (forwarding.replaces(field) || belongs_to_cache(field.id)) {
                drop = true;
            } else if (names_fields && field.id != http::FieldId::host &&
                       http::named_by_connection(request.fields, field)) {
                drop = true;
            }
            if (!drop) lines.pass(field);
        }
        lines.finish();
    }
    add_forwarded_for(out, conf);
    if (&conf != job_.subject.site->settings.forward.identity())
        add_forwarded_for(out, *job_.subject.site->settings.forward);
    add_original_to(out);
    if (upgrade) put(out, "Connection: upgrade\r\n");
    else if (closes_connection()) put(out, "Connection: close\r\n");
    else if (old_version()) put(out, "Connection: keep-alive\r\n");
}

// option forwardfor, of the frontend or the backend; never twice.
bool ServerSide::forwards_for(const ir::ForwardSettings& conf) {
    if (conf.forwarded_for_field.empty() || forwarded_for_done_) return false;
    const auto& subject = job_.subject;
    const auto& except = conf.forwarded_for_except;
    bool left_out = std::any_of(except.begin(), except.end(), [&](const auto& network) {
        return within(subject.client->ip, network);
    });
    if (left_out || subject.client->is_unix) return false;
    if (conf.forwarded_for_if_none && job_.request.fields.find(conf.forwarded_for_field)) return false;
    return forwarded_for_done_ = true;
}

void ServerSide::add_forwarded_for(net::Buffer& out, const ir::ForwardSettings& conf) {
    if (!forwards_for(conf)) return;
    put_field(out, conf.forwarded_for_field, job_.subject.client->text());
}

// option originalto: of the backend, else of the frontend.
void ServerSide::add_original_to(net::Buffer& out) {
    const auto* conf = &settings();
    if (conf->original_to_field.empty()) conf = job_.subject.site->settings.forward.identity();
    const auto& local = *job_.subject.local;
    if (conf->original_to_field.empty() || local.is_unix) return;
    for (const auto& network : conf->original_to_except)
        if (within(local.ip, network)) return;
    put_field(out, conf->original_to_field, local.text());
}

void ServerSide::write_head(net::Buffer& out) {
    forwarded_for_done_ = false;
    const auto& forwarding = *job_.route.forwarding;
    put(out, forwarding.has_method ? forwarding.method.render(job_.subject)
                                   : sent_method_text());
    put(out, " ");
    put(out, target());
    put(out, settings().http_minor == 0 || old_version() ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    write_fields(out);
    put(out, "\r\n");
}

}  // namespace weir::forward
