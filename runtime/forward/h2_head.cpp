// SPDX-License-Identifier: Apache-2.0
// The head of the request as a server of HTTP/2 gets it (RFC 9113 section 8.3.1): pseudo-header fields,
// then the rest in lower case. What belongs to one connection stays here (section 8.2.2).
#include <algorithm>
#include <charconv>

#include "runtime/forward/forward.hpp"
#include "runtime/http/h2_request.hpp"

namespace weir::forward {

namespace {

using http::FieldId;

bool is_upper(char byte) { return byte >= 'A' && byte <= 'Z'; }

std::string_view lower(std::string_view name, Arena& arena) {
    if (auto id = http::field_id(name); id != FieldId::other) return http::field_name(id);
    if (std::none_of(name.begin(), name.end(), is_upper)) return name;
    char* copy = arena.bytes(name.size());
    std::transform(name.begin(), name.end(), copy, [](char byte) {
        return is_upper(byte) ? static_cast<char>(byte | 0x20) : byte;
    });
    return {copy, name.size()};
}

std::string_view path_of_absolute(const http::RequestHead& request, Arena& arena) {
    if (!request.has_query) return request.path;
    return arena.join({request.path, "?", request.query});
}

}  // namespace

void ServerSide::add_h2_fields(http::FieldList& head) {
    const auto& forwarding = *job_.route.forwarding;
    const auto& conf = settings();
    const auto& request = job_.request;
    auto& subject = job_.subject;
    auto& arena = *subject.arena;
    bool te = false;
    for (const auto& field : forwarding.set_fields) {
        if (http::is_of_connection(field.id) || field.id == FieldId::content_length) continue;
        if (field.id == FieldId::host && !conf.target_as_authority) continue;   // :authority has it
        auto value = field.value.render(subject);
        if (value.empty()) continue;
        if (field.id == FieldId::te) {
            te = http::te_says_trailers(value);
            continue;
        }
        head.add(arena, {lower(field.name, arena), value, field.id, {}});
    }
    add_conditions([&](FieldId id, std::string_view name, std::string_view value) {
        head.add(arena, {lower(name, arena), value, id, {}});
    });
    bool names_fields = http::connection_names_fields(request.fields);
    for (const auto& field : request.fields) {
        if (field.id == FieldId::te && conf.pass_te && !forwarding.replaces(field))
            te = te || http::te_says_trailers(field.value);
        if (!conf.pass_request_fields || http::is_of_connection(field.id)) continue;
        if (field.id == FieldId::te || field.id == FieldId::content_length) continue;
        if (field.id == FieldId::host && (!conf.preserve_host || request.absolute_form)) continue;
        if (field.id == FieldId::expect && !conf.pass_expect) continue;
        if (forwarding.replaces(field) || belongs_to_cache(field.id)) continue;
        if (names_fields && http::named_by_connection(request.fields, field)) continue;
        head.add(arena, {lower(field.name, arena), field.value, field.id, {}});
    }
    if (te) head.add(arena, {http::field_name(FieldId::te), "trailers", FieldId::te, {}});
    for (const auto* one : {&conf, job_.subject.site->settings.forward.identity()})
        if (forwards_for(*one))
            head.add(arena, lower(one->forwarded_for_field, arena), arena.copy(subject.client->text()));
}

void ServerSide::make_h2_head(http::FieldList& head) {
    forwarded_for_done_ = false;
    const auto& forwarding = *job_.route.forwarding;
    const auto& request = job_.request;
    auto& subject = job_.subject;
    auto& arena = *subject.arena;
    head.reserve(arena, request.fields.size() + static_cast<std::uint32_t>(forwarding.set_fields.size()) + 8);
    auto add = [&](std::string_view name, std::string_view value) {
        head.add(arena, {name, value, FieldId::other, {}});
    };
    add(":method", forwarding.has_method ? forwarding.method.render(subject) : sent_method_text());
    // HAProxy takes a request that does not name its scheme for one of https.
    bool plain = !settings().preserve_host || http::equal_ignoring_case(request.target.substr(0, 7), "http://");
    add(":scheme", plain ? "http" : "https");
    add(":path", settings().preserve_host && request.absolute_form ? path_of_absolute(request, arena) : target());
    std::string_view authority;
    if (settings().preserve_host) {
        // Host of a request in origin form stays what it is (RFC 9113 section 8.3.1).
        if (request.absolute_form) authority = request.authority;
    } else {
        bool host_set = false;
        for (const auto& field : forwarding.set_fields) {
            if (field.id != FieldId::host) continue;
            authority = field.value.render(subject);
            host_set = !authority.empty();
        }
        if (settings().target_as_authority) authority = host_set ? std::string_view() : subject.forward_host;
    }
    if (!authority.empty()) add(":authority", authority);
    auto length = body_length();
    bool any = request.framing != http::Framing::none && !chunked_to_server_;
    if (has_own_body_ && !forwarding.has_body) any = false;
    if (length && (*length != 0 || any)) {
        char digits[24];
        auto end = std::to_chars(digits, digits + sizeof digits, *length).ptr;
        head.add(arena, {http::field_name(FieldId::content_length),
                         arena.copy({digits, static_cast<std::size_t>(end - digits)}),
                         FieldId::content_length, {}});
    }
    add_h2_fields(head);
}

}  // namespace weir::forward
