// SPDX-License-Identifier: Apache-2.0
// What a module may be: a Filter (looks at requests and replies on their way) or a Service (makes the
// answer of a route). A module is one folder under modules/ with its rows, its conf struct and its
// filter; it sees the traffic through this header only.
#pragma once

#include <array>
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

// A piece of a body on its way through a filter.
struct Passing {
    std::string_view bytes;   // in: what came; out: what goes on in its place (until the next call)
    bool last = false;        // nothing follows: what is held back goes out now
    bool flush = false;       // nothing more is ready: what is held back goes out as far as it can
    bool more = false;        // out: the filter holds more than this; it is called again without bytes
    bool failed = false;      // out: the body is broken; the message ends here, cut off
};

// A file that may be sent in place of another one: the same content, coded beforehand (gzip_static).
struct StoredCoding {
    std::string_view suffix;  // ".gz"
    std::string_view coding;  // "gzip", as Content-Encoding has it
    bool accepted = false;    // this client may get it
    bool varies = true;       // others may not: where there is such a file the answer depends on that
};
struct StoredCodings {
    std::array<StoredCoding, 4> list;
    std::size_t count = 0;
    void add(const StoredCoding& one) {
        if (count < list.size()) list[count++] = one;
    }
    [[nodiscard]] std::span<const StoredCoding> all() const { return {list.data(), count}; }
};

// wait: on with the next filter after Answer::wait_ms.
enum class Verdict : std::uint8_t { next, done, wait };

class Filter {
public:
    virtual ~Filter() = default;
    // Before the route's action. done: `answer` is the reply (access rules, limits); without a body it
    // is the error page of its status. Also for sessions of streams, where subject.request is null.
    virtual Verdict on_request(route::Subject&, Answer&) { return Verdict::next; }
    // The request is about to go to a server; its fields may change. Returns true when on_request_body
    // wants its body, which then goes chunked.
    virtual bool on_forward(route::Subject&, http::RequestHead&, State*& state) {
        (void)state;
        return false;
    }
    virtual void on_request_body(route::Subject&, State* state, Passing& piece) { (void)state, (void)piece; }
    // A server's answer, before it becomes the reply.
    virtual void on_response(route::Subject&, http::ResponseHead&) {}
    // A file is to be sent: adds what may go in its place, most wanted first.
    virtual void on_file(route::Subject&, StoredCodings& stored) { (void)stored; }
    // Every reply; returns true when on_reply_body wants its body, whose length is open then. What the
    // filter keeps for this reply it may put into `state`, made in the subject's arena.
    virtual bool on_reply(route::Subject&, http::ResponseHead&, State*& state) {
        (void)state;
        return false;
    }
    virtual void on_reply_body(route::Subject&, State* state, Passing& piece) { (void)state, (void)piece; }
    // Works on what is put around the body, too (add_before_body); else on the body alone.
    [[nodiscard]] virtual bool takes_additions() const { return false; }
    // Nothing more is asked of a `state` whose body came here: it is over, or broke off.
    virtual void on_body_end(State* state) { (void)state; }
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
    std::string_view conf;   // whose configuration it works on; empty: its own
    keyword::Table nginx_rows, haproxy_rows;
    // Texts of the conf are compiled with `library`, which lives as long as the filter.
    std::unique_ptr<Filter> (*make_filter)(const void* conf, route::Library& library) = nullptr;
    const Service* service = nullptr;
    Commands commands;   // of the runtime socket
};
using Modules = std::span<const Module* const>;

}  // namespace weir::filter
