// SPDX-License-Identifier: Apache-2.0
// What applications that speak FastCGI, SCGI or uwsgi are told of a request: the configured parameters
// in their order, then the fields of the request as HTTP_* (RFC 3875 section 4.1.18).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/forward/forward.hpp"
#include "runtime/gateway/params.hpp"
#include "runtime/log/error_log.hpp"

namespace weir::forward {

namespace {

using http::FieldId;

template <class Writer>
void write_pair(Writer& to, std::string_view name, std::string_view value) {
    to.begin(name.size(), value.size());
    to.put(name);
    to.between();
    to.put(value);
    to.end();
}

// HTTP_ and the field's name, a piece at a time: no copy is made.
template <class Writer>
void put_field_name(Writer& to, std::string_view field) {
    to.put(gateway::field_prefix);
    while (!field.empty()) {
        char letters[64];
        auto size = std::min(field.size(), sizeof letters);
        std::transform(field.data(), field.data() + size, letters, gateway::param_letter);
        to.put({letters, size});
        field.remove_prefix(size);
    }
}

// Several fields of one name become one parameter: a list, but cookies are kept apart as in one field.
template <class Writer>
void write_field(Writer& to, const http::FieldList& fields, std::uint32_t first) {
    const auto& field = fields[first];
    std::string_view comma = field.id == FieldId::cookie ? "; " : ", ";
    auto each = [&](auto visit) {
        for (std::uint32_t i = first; i < fields.size(); ++i)
            if (gateway::same_param(fields[i].name, field.name)) visit(fields[i], i == first);
    };
    std::size_t size = 0;
    each([&](const http::Field& one, bool is_first) { size += one.value.size() + (is_first ? 0 : comma.size()); });
    to.begin(gateway::field_prefix.size() + field.name.size(), size);
    put_field_name(to, field.name);
    to.between();
    each([&](const http::Field& one, bool is_first) {
        if (!is_first) to.put(comma);
        to.put(one.value);
    });
    to.end();
}

bool came_before(const http::FieldList& fields, std::uint32_t index) {
    for (std::uint32_t i = 0; i < index; ++i)
        if (gateway::same_param(fields[i].name, fields[index].name)) return true;
    return false;
}

}  // namespace

template <class Writer>
void ServerSide::write_params(Writer& to) {
    const auto& forwarding = *job_.route.forwarding;
    for (const auto& param : forwarding.params) {
        auto value = param.value.render(job_.subject);
        if (param.source->if_not_empty && value.empty()) continue;
        write_pair(to, param.source->name, value);
    }
    add_conditions([&](FieldId, std::string_view name, std::string_view value) {
        to.begin(gateway::field_prefix.size() + name.size(), value.size());
        put_field_name(to, name);
        to.between();
        to.put(value);
        to.end();
    });
    if (!settings().pass_request_fields) return;
    const auto& fields = job_.request.fields;
    for (std::uint32_t i = 0; i < fields.size(); ++i) {
        if (forwarding.replaces(fields[i]) || belongs_to_cache(fields[i].id) || came_before(fields, i)) continue;
        write_field(to, fields, i);
    }
}

bool ServerSide::take_errors(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
    constexpr std::size_t most_logged = 2048;   // of one piece
    const auto& subject = job_.subject;
    const auto& own = job_.route.logs->source->errors;
    auto about = about_server(subject);
    about.doing = subject.response ? "reading upstream" : "reading response header from upstream";
    log::process_log().write(log::error, fmt::format("FastCGI sent in stderr: \"{}\"", text.substr(0, most_logged)),
                             about, own.empty() ? &subject.site->settings.logs->errors : &own);
    const auto& marks = settings().error_marks;
    return std::any_of(marks.begin(), marks.end(),
                       [&](const auto& mark) { return text.find(mark) != text.npos; });
}

Failure ServerSide::send_fastcgi_now() {
    auto& arena = *job_.subject.arena;
    auto* memory = arena.allocate(sizeof(FastcgiServerCarrier), alignof(FastcgiServerCarrier));
    bool keep = settings().keep_server_connection;
    gateway::ErrorsReader errors{this, [](void* owner, std::string_view text) {
                                     return static_cast<ServerSide*>(owner)->take_errors(text);
                                 }};
    fastcgi_.reset(new (memory) FastcgiServerCarrier(connection_->stream, arena, keep, errors));
    carrier_ = fastcgi_.get();
    connection_->fastcgi = true;
    if (!reused_ && !peer_) fastcgi_->head().put(connection_->greeting);
    gateway::FastcgiParams params(fastcgi_->head(), keep);
    write_params(params);
    params.finish();
    return carrier_->send_now(body_here(), body_whole() && !file_follows());
}

Failure ServerSide::write_gateway_head(net::Buffer& out) {
    const auto& conf = settings();
    if (conf.protocol == ir::ForwardSettings::Protocol::scgi) {
        gateway::ScgiParams params(out);
        // First of all, always (SCGI specification, section 3).
        char digits[24];
        auto* end = std::to_chars(digits, digits + sizeof digits, body_length().value_or(0)).ptr;
        write_pair(params, "CONTENT_LENGTH", {digits, static_cast<std::size_t>(end - digits)});
        write_params(params);
        params.finish();
        return Failure::none;
    }
    gateway::UwsgiParams params(out, conf.modifier1, conf.modifier2);
    write_params(params);
    if (params.finish()) return Failure::none;
    problem_ = "the request is too large for uwsgi";
    return Failure::local;
}

}  // namespace weir::forward
