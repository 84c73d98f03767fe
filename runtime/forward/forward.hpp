// SPDX-License-Identifier: Apache-2.0
// Forwarding one request: pick a server, get a connection, send, read the head of the answer; try
// again where that is safe (retry.cpp decides). Whatever can be done without waiting is a plain
// function; coroutines begin where a wait does.
#pragma once

#include <memory>
#include <optional>

#include "runtime/forward/computed.hpp"
#include "runtime/forward/fastcgi_server_carrier.hpp"
#include "runtime/forward/h1_server_carrier.hpp"
#include "runtime/forward/h2_server_carrier.hpp"
#include "runtime/forward/idle_cache.hpp"
#include "runtime/forward/server_tls.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/http/carrier.hpp"
#include "runtime/http/temp_file.hpp"
#include "runtime/pool/tally.hpp"
#include "runtime/plan/running.hpp"

namespace weir::forward {

// The body of the request as far as it was read. Stays with the exchange: whoever is asked next (an
// error page, say) gets it again.
struct GatheredBody {
    net::Buffer spool;                 // gathered from the client before it is sent
    std::string_view at_hand;          // or: came with the head, whole
    http::TempFile file;               // what lies behind the spool, when that is full
    bool whole = false;                // one of them is all of it (or there is none)
    bool tried = false;                // gathering was done, whole or not
    bool dropped = false;              // nobody is to get it
    bool broken = false;               // the client left before it was whole: no server is asked
    [[nodiscard]] std::string_view bytes() const { return at_hand.empty() ? spool.view() : at_hand; }
};

// client_body_in_file_only as the file has it.
http::TempFile::Stay stay_of(ir::ClientLimits::BodyFile file);

// What became of the target on its way through the rules.
struct TargetState {
    bool changed = false;              // the raw target is not what is asked for any more
    bool replaced = false;             // a rewrite ended with it: no prefix is left to replace
    bool escape = false;               // the path was decoded: it is escaped anew
};

// What changes in a request whose answer is kept for others, too.
struct CacheTerms {
    bool as_get = false;               // HEAD is sent as GET, so that there is a body
    bool keeps = true;                 // conditions and ranges stay here, and the answer is wanted without the client
    // Conditions under which the server need not send it again; empty: none.
    std::string_view modified_since, none_match;
};

// What the exchange gives. The body may be another one than the client sends: filters change it.
struct Job {
    plan::Worker& worker;
    plan::Running& running;
    const plan::Route& route;
    const ir::Timeouts& client_times;  // towards the client
    route::Subject& subject;
    http::RequestHead& request;        // as the rules left it
    http::Carrier& client;             // for 1xx answers
    http::BodySource& body;            // what goes on of the client's, unread
    // Kept for requests of this client only (http-reuse never).
    std::unique_ptr<ServerConnection>& own_connection;
    bool first_of_connection = true;   // the client's first request
    GatheredBody& gathered;            // what is read of client_body so far
    TargetState target;
    std::shared_ptr<MadePool>& made_pool;   // holds what the subject points into
    bool may_repeat;                   // once it has reached a server
    pool::Tally& tally;
    // The client's own conditions and ranges stay here then, and that it leaves does not matter.
    const CacheTerms* cache = nullptr;
};

// Whether try number `attempts` + 1 is to leave the server that failed (HAProxy redispatch).
bool leaves_server(const ir::ForwardSettings::Retry& retry, std::uint32_t attempts);
// ms to wait before it, after a refused connection: the same server again at once would refuse again.
net::Time pause_before_retry(const ir::ForwardSettings::Retry& retry, const pool::LivePool& pool,
                             std::uint32_t attempts, ir::Milliseconds connect_timeout);

// The target as a server gets it; `computed` is the URI of a computed target, or empty.
std::string_view target_for_server(const plan::Route& route, route::Subject& subject,
                                   const http::RequestHead& request, const TargetState& state,
                                   std::string_view computed = {});

class ServerSide {
public:
    explicit ServerSide(const Job& job) : job_(job) {}
    ~ServerSide();
    ServerSide(const ServerSide&) = delete;
    ServerSide& operator=(const ServerSide&) = delete;

    // Until a head is there (Failure::none; see response and body()) or it gave up.
    net::Task<Failure> run();
    http::ResponseHead response;
    [[nodiscard]] http::BodySource& body() { return carrier_->body(); }
    // For a tunnel after 101.
    [[nodiscard]] net::Stream& stream() { return connection_->stream; }
    [[nodiscard]] net::Buffer take_input() { return h1_->take_input(); }
    // After the answer was relayed whole (complete) or dropped: keeps or closes the connection.
    net::Task<void> finish(bool complete);
    // What the client is told when run() gave up.
    [[nodiscard]] std::uint16_t status_for(Failure failure) const;
    // The response is one that retrying was asked for (proxy_next_upstream http_502): last try.
    [[nodiscard]] pool::LivePool* pool() const { return pool_; }
    [[nodiscard]] ir::PoolId pool_id() const { return pool_id_; }   // no_id: made while running
    // More about a failure, for the error log; may be empty.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    [[nodiscard]] const ir::ForwardSettings& settings() const {
        return *job_.route.forwarding->source;
    }
    [[nodiscard]] const ir::Timeouts& timeouts() const { return *job_.route.timeouts; }
    // Said by the site or by the route.
    [[nodiscard]] bool closes_connection() const {
        return settings().close_server_connection ||
               job_.subject.site->settings.forward->close_server_connection;
    }
    [[nodiscard]] bool stays_with_client() const {
        return settings().reuse == ir::ForwardSettings::Reuse::never;
    }
    [[nodiscard]] net::Time now() const { return job_.worker.loop.now(); }
    [[nodiscard]] net::Watch* abort_watch() const {
        return settings().ignore_client_abort || settings().store || keeps_answer() ? nullptr : &job_.client.watch;
    }

    void choose_pool();
    net::Task<Failure> compute_pool();
    pool::Picked pick();
    net::Task<Failure> obtain_server();
    net::Task<Failure> ask();
    net::Task<bool> try_again(Failure failure);
    net::Task<Failure> wait_for_slot(pool::LiveServer* wanted);
    void begin_try();
    void end_try(Failure failure);
    std::unique_ptr<ServerConnection> kept_connection();
    [[nodiscard]] bool may_be_first_on_kept();
    void keep_connection();
    [[nodiscard]] std::string greeting() const;
    Failure choose_peer();
    net::Task<Failure> secure_connection();
    [[nodiscard]] bool may_send_early() const;
    Failure open_connection();            // none: connection_ is there (perhaps still connecting)
    // A relative of CGI (RFC 3875), not HTTP.
    [[nodiscard]] bool speaks_cgi() const {
        return settings().protocol != ir::ForwardSettings::Protocol::http;
    }
    // What a connection is opened or kept for; HTTP/2 may still be chosen instead of HTTP/1.
    [[nodiscard]] Wire wire() const {
        return settings().protocol == ir::ForwardSettings::Protocol::fastcgi ? Wire::fastcgi : Wire::http1;
    }
    // HTTP/2 and nothing else, whoever said so.
    [[nodiscard]] bool only_h2() const {
        if (speaks_cgi()) return false;
        using WebSocket = ir::Server::WebSocket;
        bool apart = job_.request.wants_upgrade && server_->conf->web_socket == WebSocket::http1;
        return settings().http2 || (server_->conf->http2 && !apart);
    }
    // The connection that is there does: by configuration, or as ALPN came out (RFC 7301).
    [[nodiscard]] bool speaks_h2() const {
        return joined_ || only_h2() || (connection_ && connection_->tls && connection_->tls->alpn() == "h2");
    }
    // nginx keeps connections of upstream blocks, and opens one each time for a host that is just named.
    [[nodiscard]] bool may_join() const {
        return shared_ && !closes_connection() && settings().keep_server_connection &&
               !stays_with_client() && !pool_->conf().implicit;
    }
    net::Task<Failure> gather_body();
    void append_body(std::string_view bytes);
    [[nodiscard]] bool too_large() const;
    net::Task<Failure> choose_body();
    Failure send_now();
    Failure send_h2_now();
    Failure send_fastcgi_now();
    void drop_connection();
    net::Task<Failure> wait_for_answer(std::uint64_t& uploaded);
    net::Task<Failure> read_head();
    net::Task<Failure> pass_interim();
    [[nodiscard]] bool passes_hints() const;
    net::Detached pump_body();
    net::Task<void> stop_pump();
    bool body_at_hand();
    // All of the body that is sent lies here (or there is none).
    [[nodiscard]] bool body_whole() const { return has_own_body_ || job_.gathered.whole; }
    [[nodiscard]] std::string_view body_here() const {
        return has_own_body_ ? own_body_ : job_.gathered.bytes();
    }
    // What send_now() leaves behind: the file, or what the client has not sent yet.
    [[nodiscard]] bool file_follows() const { return !has_own_body_ && job_.gathered.file.size() != 0; }

    // request.cpp
    void write_head(net::Buffer& out);
    void write_fields(net::Buffer& out);
    void write_framing(net::Buffer& out);
    bool forwards_for(const ir::ForwardSettings& conf);
    void add_forwarded_for(net::Buffer& out, const ir::ForwardSettings& conf);
    void add_original_to(net::Buffer& out);
    // h2_head.cpp: the same for HTTP/2.
    void make_h2_head(http::FieldList& head);
    void add_h2_fields(http::FieldList& head);
    // gateway_head.cpp: the same for relatives of CGI.
    template <class Writer>
    void write_params(Writer& to);
    Failure write_gateway_head(net::Buffer& out);
    bool take_errors(std::string_view text);
    // Bytes of the body that goes to the server; none: it is not known before it ends.
    [[nodiscard]] std::optional<std::uint64_t> body_length() const;
    [[nodiscard]] std::string_view target();
    // The server's answer is to be kept.
    [[nodiscard]] bool keeps_answer() const { return job_.cache && job_.cache->keeps; }
    // A condition or a range of a client: for a cache to answer.
    [[nodiscard]] bool belongs_to_cache(http::FieldId id) const;
    template <class Add>
    void add_conditions(Add add) const {
        if (!keeps_answer()) return;
        const auto& replaced = job_.route.forwarding->replaced;
        auto put = [&](http::FieldId id, std::string_view name, std::string_view value) {
            if (!value.empty() && !replaced[static_cast<std::size_t>(id)]) add(id, name, value);
        };
        put(http::FieldId::if_modified_since, "If-Modified-Since", job_.cache->modified_since);
        put(http::FieldId::if_none_match, "If-None-Match", job_.cache->none_match);
    }
    [[nodiscard]] std::string_view sent_method_text() const {
        const auto& request = job_.request;
        if (job_.cache && job_.cache->as_get) return "GET";
        return request.method_for_servers.empty() ? request.method_text : request.method_for_servers;
    }
    [[nodiscard]] http::Method sent_method() const {
        const auto& request = job_.request;
        if (job_.cache && job_.cache->as_get) return http::Method::get;
        return request.method_for_servers.empty() ? request.method
                                                  : http::method_of(request.method_for_servers);
    }
    // The client speaks HTTP/1.0, and servers are to know that.
    [[nodiscard]] bool old_version() const {
        return settings().pass_version && job_.request.is_http10();
    }

    // retry.cpp
    [[nodiscard]] bool may_retry(Failure failure) const;
    [[nodiscard]] bool is_stale(Failure failure) const;

    Job job_;
    ir::PoolId pool_id_ = ir::no_id;       // none: a pool made while running
    ComputedTarget computed_;
    std::string problem_;
    pool::LivePool* pool_ = nullptr;
    pool::LiveServer* server_ = nullptr;
    pool::Tried tried_;
    TlsPeerPtr peer_;                      // of this try, when it goes over TLS
    std::unique_ptr<ServerConnection> connection_;
    ServerConnection* joined_ = nullptr;   // HTTP/2: takes this request; until the next suspension
    std::optional<H1ServerCarrier> h1_;
    struct InArena {
        void operator()(auto* carrier) const { std::destroy_at(carrier); }
    };
    std::unique_ptr<H2ServerCarrier, InArena> h2_;
    std::unique_ptr<FastcgiServerCarrier, InArena> fastcgi_;
    ServerCarrier* carrier_ = nullptr;     // of this try, once it sends
    std::string_view own_body_;            // sent in place of the client's
    bool has_own_body_ = false;
    std::optional<http::FileBody> file_body_;   // the gathered file on its way to a server
    bool chunked_to_server_ = false;
    bool streamed_ = false;                // some body is gone for good: no second try
    bool pumping_ = false;
    Failure pump_failure_ = Failure::none;
    std::coroutine_handle<> pump_waiter_;
    bool head_written_ = false;            // into h1_: it went with the handshake, or was to
    bool reused_ = false;                  // the connection carried requests before
    bool shared_ = true;                   // the connection may serve other clients, too
    bool again_here_ = false;              // on a new connection: the kept one had died
    bool forwarded_for_done_ = false;
    std::uint32_t attempts_ = 0;
    std::uint32_t same_server_ = 0;
    net::Time started_ = 0;
    static constexpr std::uint32_t most_tries_logged = 16;
    route::Try* tries_ = nullptr;          // in the arena
    std::uint32_t try_count_ = 0;
    std::int64_t try_started_us_ = 0;
    net::Time sent_at_ = 0;
};

}  // namespace weir::forward
