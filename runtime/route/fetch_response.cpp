// SPDX-License-Identifier: Apache-2.0
// Fetches of the answer: what the server sent, what went out, and how the tries went.
#include <fmt/format.h>

#include <cstdio>

#include "runtime/http/conditional.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/values.hpp"

namespace weir::route {
namespace {

// HAProxy's response rules also run over answers of weir's own; nginx's $upstream_* do not.
const http::ResponseHead* head_of(const Subject& subject) {
    if (subject.response) return subject.response;
    return is_nginx(subject) ? nullptr : subject.reply;
}

Value nth_of(const Node& node, Subject& subject) {
    return pick_occurrence(node, [&](Cursor& cursor) { return next_value(node, subject, cursor); });
}

std::string_view seconds(std::int64_t milliseconds, Arena& arena) {
    if (milliseconds < 0) milliseconds = 0;
    char* out = arena.bytes(32);
    const int size =
        std::snprintf(out, 32, "%lld.%03d", static_cast<long long>(milliseconds / 1000),
                      static_cast<int>(milliseconds % 1000));
    return {out, static_cast<std::size_t>(size)};
}

Value elapsed_since(std::int64_t start_us, Subject& subject) {
    if (start_us < 0) return Value::of("0.000");
    const auto end = subject.times.ended >= 0 ? subject.times.ended : subject.now_us;
    return Value::of(seconds(end / 1000 - start_us / 1000, *subject.arena));
}

// One value per try: "a, b : c". `text` makes the value of a try.
template <class Text>
Value of_tries(Subject& subject, Text text) {
    if (subject.tries.empty()) return Value::missing();
    if (subject.tries.size() == 1) return Value::of(text(subject.tries[0]));
    std::string_view all;
    for (const auto& one : subject.tries) {
        if (&one == subject.tries.data())
            all = text(one);
        else
            all = subject.arena->join({all, one.new_group ? " : " : ", ", text(one)});
    }
    return Value::of(all);
}

Value times_of_tries(Subject& subject, std::int64_t Try::*member) {
    return of_tries(subject, [&](const Try& one) -> std::string_view {
        return one.*member < 0 ? "-" : seconds(one.*member / 1000, *subject.arena);
    });
}

Value numbers_of_tries(Subject& subject, std::uint64_t Try::*member) {
    return of_tries(subject, [&](const Try& one) {
        return decimal(static_cast<std::int64_t>(one.*member), *subject.arena);
    });
}

// HAProxy marks what is logged before its end with '+'.
Value so_far(const Subject& subject, std::uint64_t count) {
    const auto number = static_cast<std::int64_t>(count);
    if (!subject.log_asap) return Value::of_number(number);
    return Value::of(subject.arena->join({"+", decimal(number, *subject.arena)}));
}

}  // namespace

Value fetch_status(const Node&, Subject& subject) {
    std::uint16_t status = subject.status;
    if (subject.reply && subject.reply->status)
        status = subject.reply->status;
    else if (!status && subject.response)
        status = subject.response->status;
    if (status) return Value::of_number(status);
    return is_nginx(subject) ? Value::of("000") : Value::of_number(-1);
}
Value fetch_session_status(const Node&, Subject& subject) {
    if (!subject.status) return Value::of("000");
    return Value::of_number(subject.status);
}
Value fetch_response_header(const Node& node, Subject& subject) {
    const auto* head = head_of(subject);
    if (!head) return Value::missing();
    if (node.number == ir::occurrence::joined) {
        return joined_fields(node, head->fields, *subject.arena);
    }
    return nth_of(node, subject);
}
Value fetch_response_header_full(const Node& node, Subject& subject) {
    return head_of(subject) ? nth_of(node, subject) : Value::missing();
}
Value fetch_response_header_count(const Node& node, Subject& subject) {
    const auto* head = head_of(subject);
    return head ? Value::of_number(count_values(node, head->fields, true)) : Value::missing();
}
Value fetch_response_header_names(const Node& node, Subject& subject) {
    const auto* head = head_of(subject);
    return head ? Value::of(names_of(head->fields, node.text, *subject.arena)) : Value::missing();
}
Value fetch_response_headers(const Node&, Subject& subject) {
    const auto* head = head_of(subject);
    return head ? Value::of(all_fields(head->fields, *subject.arena)) : Value::missing();
}
Value fetch_response_version(const Node&, Subject& subject) {
    const auto* head = head_of(subject);
    if (!head) return Value::missing();
    return Value::of(head->major > 1 ? (head->major == 2 ? "2.0" : "3.0")
                                     : (head->minor ? "1.1" : "1.0"));
}
Value fetch_response_cookie(const Node& node, Subject& subject) {
    const auto* head = head_of(subject);
    if (!head) return Value::missing();
    if (node.number != ir::occurrence::joined) return nth_of(node, subject);
    // nginx: the value up to ';' of the first Set-Cookie of that name.
    Cursor cursor;
    return next_cookie(head->fields, http::FieldId::set_cookie, node.text, cursor);
}
Value fetch_response_trailer(const Node& node, Subject& subject) {
    if (!subject.response_trailers) return Value::missing();
    return joined_fields(node, *subject.response_trailers, *subject.arena);
}
Value fetch_sent_header(const Node& node, Subject& subject) {
    if (!subject.reply) return Value::missing();
    return joined_fields(node, subject.reply->fields, *subject.arena);
}
Value fetch_sent_trailer(const Node& node, Subject& subject) {
    // Trailers go out as they came; add_trailer adds to the same list.
    return fetch_response_trailer(node, subject);
}

// --- counters ---

Value fetch_bytes_sent(const Node&, Subject& subject) { return so_far(subject, subject.sent); }
Value fetch_body_bytes_sent(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.sent_body));
}
// "3.27", as nginx rounds it.
Value fetch_compression_ratio(const Node& node, Subject& subject) {
    const auto& coding = subject.coding;
    const auto wanted = node.number == 0 ? "gzip" : node.number == 1 ? "br" : "zstd";
    if (coding.name != wanted || coding.out == 0) return Value::missing();
    auto hundredths = (coding.in * 1000 / coding.out + 5) / 10;
    char* text = subject.arena->bytes(32);
    auto end = fmt::format_to_n(text, 32, "{}.{:02}", hundredths / 100, hundredths % 100);
    return Value::of({text, end.size});
}
Value fetch_compressed(const Node&, Subject& subject) {
    return Value::of_boolean(!subject.coding.name.empty());
}
Value fetch_compression_name(const Node&, Subject& subject) {
    return subject.coding.name.empty() ? Value::missing() : Value::of(subject.coding.name);
}
Value fetch_bytes_received(const Node&, Subject& subject) {
    return so_far(subject, subject.received);
}
Value fetch_pipelined(const Node&, Subject& subject) {
    return Value::of(subject.pipelined ? "p" : ".");
}

// --- caches ---

Value text_if_any(std::string_view text) { return text.data() ? Value::of(text) : Value::missing(); }

Value fetch_cache_status(const Node&, Subject& subject) { return text_if_any(subject.cache.status); }
Value fetch_cache_key(const Node&, Subject& subject) { return text_if_any(subject.cache.key); }
Value fetch_cache_etag(const Node&, Subject& subject) { return text_if_any(subject.cache.etag); }
Value fetch_cache_hit(const Node&, Subject& subject) {
    return Value::of_boolean(!subject.cache.hit_in.empty());
}
Value fetch_cache_name(const Node&, Subject& subject) {
    return subject.cache.hit_in.empty() ? Value::missing() : Value::of(subject.cache.hit_in);
}
Value fetch_slice_range(const Node&, Subject& subject) {
    auto& slice = subject.slice;
    if (slice.size == 0) return Value::missing();
    slice.used = true;
    return Value::of(subject.arena->join({"bytes=", decimal(slice.first, *subject.arena), "-",
                                          decimal(slice.first + slice.size - 1, *subject.arena)}));
}
Value fetch_cache_modified(const Node&, Subject& subject) {
    if (subject.cache.modified < 0) return Value::missing();
    return Value::of(http::format_date(subject.cache.modified, *subject.arena));
}

// --- tries ---

Value fetch_upstream_address(const Node&, Subject& subject) {
    return of_tries(subject, [](const Try& one) { return one.address; });
}
Value fetch_upstream_status(const Node&, Subject& subject) {
    return of_tries(subject, [&](const Try& one) -> std::string_view {
        return one.status ? decimal(one.status, *subject.arena) : "-";
    });
}
Value fetch_upstream_connect_time(const Node&, Subject& subject) {
    return times_of_tries(subject, &Try::connect_us);
}
Value fetch_upstream_header_time(const Node&, Subject& subject) {
    return times_of_tries(subject, &Try::header_us);
}
Value fetch_upstream_first_byte_time(const Node&, Subject& subject) {
    return times_of_tries(subject, &Try::first_byte_us);
}
Value fetch_upstream_response_time(const Node&, Subject& subject) {
    return times_of_tries(subject, &Try::response_us);
}
Value fetch_upstream_session_time(const Node&, Subject& subject) {
    return times_of_tries(subject, &Try::response_us);
}
Value fetch_upstream_bytes_sent(const Node&, Subject& subject) {
    return numbers_of_tries(subject, &Try::bytes_sent);
}
Value fetch_upstream_bytes_received(const Node&, Subject& subject) {
    return numbers_of_tries(subject, &Try::bytes_received);
}
Value fetch_upstream_response_length(const Node&, Subject& subject) {
    return numbers_of_tries(subject, &Try::response_length);
}
Value fetch_request_time(const Node&, Subject& subject) {
    const auto& times = subject.times;
    return elapsed_since(times.first_byte >= 0 ? times.first_byte : times.started, subject);
}
Value fetch_session_time(const Node&, Subject& subject) {
    return elapsed_since(subject.times.started, subject);
}

}  // namespace weir::route
