// SPDX-License-Identifier: Apache-2.0
// What a module may be: a Filter (looks at requests and replies on their way) or a Service (makes the
// answer of a route). A module is one folder under modules/ with its rows, its conf struct and its
// filter; it sees the traffic through this header only.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "parser/keyword/keyword.hpp"
#include "runtime/filter/command.hpp"
#include "runtime/http/body.hpp"
#include "runtime/http/message.hpp"
#include "runtime/route/context.hpp"
#include "runtime/route/eval.hpp"

namespace weir::filter {

// An answer made here. Views live in the arena or longer.
struct Answer {
    std::uint16_t status = 200;
    std::string_view content_type;
    std::string_view body;
    http::FieldList fields;
    std::int64_t wait_ms = 0;          // with Verdict::wait
    // A line for the error log, whatever the verdict; empty: none. Level as in syslog.
    std::string_view note;
    int note_level = 3;
};

// What one filter keeps for one exchange; lives in the exchange's arena. A filter has a type of its own
// made from it.
struct State {};

// wait: on with the next filter after Answer::wait_ms.
enum class Verdict : std::uint8_t { next, done, wait };

class Filter {
public:
    virtual ~Filter() = default;
    // Before the route's action. done: `answer` is the reply (access rules, limits); without a body it
    // is the error page of its status. Also for sessions of streams, where subject.request is null.
    virtual Verdict on_request(route::Subject&, Answer&) { return Verdict::next; }
    // A server's answer, before it becomes the reply.
    virtual void on_response(route::Subject&, http::ResponseHead&) {}
    // Every reply; returns true when on_reply_body wants its body, whose length is open then. What the
    // filter keeps for this reply it may put into `state`, made in the subject's arena.
    virtual bool on_reply(route::Subject&, http::ResponseHead&, State*& state) {
        (void)state;
        return false;
    }
    // Takes a piece of the body, gives what goes on in its place (views until the next call); `last`:
    // nothing follows, what was held back goes out now.
    virtual std::string_view on_reply_body(route::Subject&, State* state, std::string_view bytes,
                                           bool last) {
        (void)state, (void)last;
        return bytes;
    }
    virtual void on_log(route::Subject&) {}
};

// Makes the whole answer of a route (stub_status, stats page).
class Service {
public:
    virtual ~Service() = default;
    virtual Answer serve(route::Subject& subject, const void* conf) const = 0;
};

struct Instance {
    std::string_view module;
    std::unique_ptr<Filter> filter;
};

struct Module {
    std::string_view name;
    keyword::Table nginx_rows, haproxy_rows;
    // Texts of the conf are compiled with `library`, which lives as long as the filter.
    std::unique_ptr<Filter> (*make_filter)(const void* conf, route::Library& library) = nullptr;
    const Service* service = nullptr;
    Commands commands;   // of the runtime socket
};
using Modules = std::span<const Module* const>;

}  // namespace weir::filter
