// SPDX-License-Identifier: Apache-2.0
// Fetches of the connection to the server and of what became of the client's: TLS, faults, reuse; the
// counts and names of cookies.
#include "runtime/net/tls_facts.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/values.hpp"

namespace weir::route {
namespace {

// How many pairs of that name (any, without one) the cookie fields hold.
std::int64_t count_cookies(const http::FieldList& fields, http::FieldId id, std::string_view name) {
    std::int64_t count = 0;
    for (Cursor cursor; next_cookie(fields, id, name, cursor).exists;) ++count;
    return count;
}

std::string_view cookie_names(const http::FieldList& fields, http::FieldId id, std::string_view delimiter,
                              Arena& arena) {
    if (delimiter.empty()) delimiter = ",";
    std::string_view names("");
    for (const auto& field : fields) {
        if (field.id != id) continue;
        for (std::size_t at = 0; at < field.value.size();) {
            const auto end = std::min(field.value.find(';', at), field.value.size());
            auto pair = field.value.substr(at, end - at);
            at = id == http::FieldId::set_cookie ? field.value.size() : end + 1;
            while (pair.starts_with(' ')) pair.remove_prefix(1);
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos) continue;
            auto name = pair.substr(0, equals);
            while (name.ends_with(' ')) name.remove_suffix(1);
            names = names.empty() ? name : arena.join({names, delimiter, name});
        }
    }
    return names;
}

const http::ResponseHead* response_of(const Subject& subject) {
    return subject.response ? subject.response : subject.reply;
}

// HAProxy's numbers of what ended a connection before its first request.
std::string_view fault_words(std::int32_t fault) {
    switch (fault) {
        case 0: return "Success";
        case fault::ssl_closed: return "Connection closed during SSL handshake";
        case fault::ssl_timeout: return "Timeout during SSL handshake";
        case fault::ssl_ca: return "SSL client CA chain cannot be verified";
        case fault::ssl_certificate: return "SSL client certificate not trusted";
        case fault::ssl_handshake: return "SSL handshake failure";
        default: return "";
    }
}

}  // namespace

Value fetch_cookie_count(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of_number(count_cookies(subject.request->fields, http::FieldId::cookie, node.text));
}
Value fetch_cookie_names(const Node& node, Subject& subject) {
    if (!subject.request) return Value::missing();
    return Value::of(cookie_names(subject.request->fields, http::FieldId::cookie, node.text, *subject.arena));
}
Value fetch_response_cookie_count(const Node& node, Subject& subject) {
    const auto* head = response_of(subject);
    if (!head) return Value::missing();
    return Value::of_number(count_cookies(head->fields, http::FieldId::set_cookie, node.text));
}
Value fetch_response_cookie_names(const Node& node, Subject& subject) {
    const auto* head = response_of(subject);
    if (!head) return Value::missing();
    return Value::of(cookie_names(head->fields, http::FieldId::set_cookie, node.text, *subject.arena));
}
Value fetch_response_header_full_count(const Node& node, Subject& subject) {
    const auto* head = response_of(subject);
    return head ? Value::of_number(count_values(node, head->fields, false)) : Value::missing();
}
// In a health check the payload is what the server sent.
Value fetch_response_payload(const Node& node, Subject& subject) { return fetch_payload(node, subject); }

Value fetch_server_id(const Node&, Subject& subject) {
    return subject.server ? Value::of_number(subject.server->conf->id) : Value::missing();
}
Value fetch_server_reused(const Node&, Subject& subject) {
    return subject.server ? Value::of_boolean(subject.server_reused) : Value::missing();
}
Value fetch_server_tls_text(const Node& node, Subject& subject) {
    const auto* tls = subject.server_tls.get();
    if (!tls) return Value::missing();
    const auto text = tls->text(static_cast<ir::TlsFact>(node.number), node.text, *subject.arena);
    return text.data() ? Value::of(text) : Value::missing();
}
Value fetch_server_tls_number(const Node& node, Subject& subject) {
    const auto what = static_cast<ir::TlsFact>(node.number);
    const auto* tls = subject.server_tls.get();
    if (what == ir::TlsFact::there) return Value::of_boolean(tls != nullptr);
    if (!tls) return node.type == ir::Type::boolean ? Value::of_boolean(false) : Value::missing();
    const auto number = tls->number(what);
    return node.type == ir::Type::boolean ? Value::of_boolean(number != 0) : Value::of_number(number);
}

Value fetch_client_fault(const Node&, Subject& subject) {
    return Value::of_number(subject.connection->details().fault);
}
Value fetch_client_fault_text(const Node&, Subject& subject) {
    return Value::of(fault_words(subject.connection->details().fault));
}
Value fetch_client_tls_fault(const Node&, Subject& subject) {
    const auto& details = subject.connection->details();
    if (!subject.connection->tls && details.fault == 0) return Value::missing();
    // The reason alone; the library's part is the same for all of them.
    return Value::of_number(static_cast<std::int64_t>(details.tls_fault & 0x7fffff));
}
Value fetch_client_tls_fault_text(const Node&, Subject& subject) {
    const auto& details = subject.connection->details();
    if (!subject.connection->tls && details.fault == 0) return Value::missing();
    return Value::of(subject.arena->copy(net::tls_fault_words(details.tls_fault)));
}

}  // namespace weir::route
