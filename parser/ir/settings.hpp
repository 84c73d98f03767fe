// SPDX-License-Identifier: Apache-2.0
// The inherited settings of a route, in groups that children share (see Shared). Every value is
// explicit: what a dialect leaves unsaid, its front-end writes here. Unlimited time is no_limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "parser/ir/cache.hpp"
#include "parser/ir/expr.hpp"
#include "parser/ir/files.hpp"
#include "parser/ir/listener.hpp"
#include "parser/ir/log.hpp"
#include "parser/ir/rule.hpp"
#include "parser/ir/server_tls.hpp"
#include "parser/ir/shared.hpp"
#include "parser/ir/tls.hpp"

namespace weir::ir {

using Milliseconds = std::chrono::milliseconds;
inline constexpr Milliseconds no_limit = Milliseconds::max();

// nginx directive | HAProxy timeout.
struct Timeouts {
    Milliseconds request_head{60000};    // client_header_timeout | http-request (whole head)
    Milliseconds client_read{60000};     // client_body_timeout | client (between two reads)
    Milliseconds client_send{60000};     // send_timeout | client (between two writes)
    Milliseconds keepalive{75000};       // keepalive_timeout | http-keep-alive
    Milliseconds lingering{5000};        // lingering_timeout
    Milliseconds client_fin = no_limit;  // | client-fin
    Milliseconds connect{60000};         // proxy_connect_timeout | connect
    Milliseconds queue = no_limit;       // | queue (default: connect)
    Milliseconds server_read{60000};     // proxy_read_timeout | server
    Milliseconds server_send{60000};     // proxy_send_timeout | server
    Milliseconds server_fin = no_limit;  // | server-fin
    Milliseconds tunnel = no_limit;      // stream proxy_timeout | tunnel; no_limit: both sides' own
    Milliseconds tarpit{60000};          // | tarpit
    Milliseconds inspect{0};             // preread_timeout | tcp-request inspect-delay
    Milliseconds proxy_header{30000};    // proxy_protocol_timeout (stream)
    Milliseconds check = no_limit;       // | check
};

// What is taken from a client.
struct ClientLimits {
    std::uint64_t max_body = 1048576;    // client_max_body_size; 0 = no limit
    std::uint32_t max_line = 8192;       // large_client_header_buffers size: one line at most
    std::uint32_t max_head = 32768;      // number x size | tune.bufsize - maxrewrite: the whole head
    std::uint32_t max_fields = 1000;     // max_headers | tune.http.maxhdr
    std::uint32_t body_buffer = 16384;   // client_body_buffer_size
    std::string body_folder;             // client_body_temp_path: what does not fit; empty: /tmp
    // client_body_in_file_only: every body is written to a file, which goes with the request or stays.
    enum class BodyFile : std::uint8_t { as_needed, clean, kept } body_file = BodyFile::as_needed;
    bool underscores = false;            // underscores_in_headers
    bool drop_invalid = true;            // ignore_invalid_headers
    bool merge_slashes = true;
    bool upper_case_methods = true;      // other letters in a method are refused (nginx)
    bool fragments = true;               // '#' and what follows stays in a target (nginx)
    bool fragment_behind_host = false;   // ... and also where an absolute target has no path
    // The host of an absolute target counts and Host may differ (nginx); else that is refused.
    bool target_host_wins = true;
    std::uint16_t refuse_status = 400;
    // Streams: the TLS hello that passes through is read before the session goes on (ssl_preread).
    bool reads_hello = false;
    std::uint32_t preread_buffer = 16384;   // preread_buffer_size: longest hello that is waited for
};

// Who the client of a request or session is when a proxy that is believed came between: set_real_ip_from,
// real_ip_header, real_ip_recursive. HAProxy's rules do it with set-src.
struct RealAddress {
    std::vector<PatternSet::Network> trusted;
    bool trusts_unix = false;            // set_real_ip_from unix:
    bool from_proxy_header = false;      // real_ip_header proxy_protocol
    std::string field = "X-Real-IP";
    bool recursive = false;              // trusted addresses in the field are passed over, too
};

// Keeping the client's connection.
struct KeepAlive {
    bool on = true;
    std::uint32_t max_requests = 1000;   // keepalive_requests; 0 = no limit
    Milliseconds max_time{3600000};      // keepalive_time
    Milliseconds header{0};              // second value of keepalive_timeout; 0 = no Keep-Alive field
    bool reset_timed_out = false;        // reset_timedout_connection
    enum class Linger : std::uint8_t { off, on, always } linger = Linger::on;
    Milliseconds linger_time{30000};
};

// HTTP/2 with clients: nginx's http2_*, HAProxy's tune.h2.*
struct Http2 {
    bool on = false;                     // http2; HAProxy unless option disable-h2-upgrade
    std::uint32_t max_streams = 128;     // http2_max_concurrent_streams | fe.max-concurrent-streams
    std::uint32_t window = 65536;        // bytes; http2_body_preread_size | fe.initial-window-size
    std::uint32_t chunk = 8192;          // bytes; http2_chunk_size: largest DATA frame sent
    std::uint32_t max_frame = 16384;     // bytes; | max-frame-size
    std::uint32_t table = 4096;          // bytes; | header-table-size
    std::uint32_t glitches = 0;          // | fe.glitches-threshold; 0 = no limit
    std::uint32_t total_streams = 0;     // | fe.max-total-streams; 0 = no limit
    bool extended_connect = true;        // off: | h2-workaround-bogus-websocket-clients
};

// Content types by extension in lower case: nginx types { }. Shared by all who inherit them.
struct ContentTypes {
    std::map<std::string, std::string, std::less<>> by_extension;
};

// How weir's own answers look.
struct ReplyStyle {
    // Server field of every answer: none = leave what the server sent (HAProxy).
    std::optional<std::string> server_field;
    bool date_field = true;              // weir writes Date (nginx); off: as the server sent it
    enum class Pages : std::uint8_t { nginx, haproxy } pages = Pages::nginx;
    std::string default_type = "text/plain";
    // The type of an answer made here is that of its path's extension, else default_type (nginx, also for
    // return 200 "text"). Null: html htm -> text/html, gif -> image/gif, jpg -> image/jpeg.
    std::shared_ptr<const ContentTypes> types;
    Text charset;                        // of texts that go out; empty or "off": nothing is said
    Text source_charset;                 // of texts that say nothing of it, before they go out
    bool override_charset = false;       // texts that say what theirs is are converted as well
    std::vector<std::string> charset_types{"text/html", "text/xml", "text/plain", "text/vnd.wap.wml",
                                           "application/javascript", "application/rss+xml"};
    bool absolute_redirect = true;       // Location with scheme and host in front of a path
    bool port_in_redirect = true;
    bool site_name_in_redirect = false;  // server_name_in_redirect
    bool tell_timeouts = false;          // 408 to a client that is too slow (HAProxy), not silence
    // An answer that ends with the server's connection: sent as chunks (nginx), or until close.
    bool chunk_unsized = true;
    // The answer to HEAD says that its body would have come in chunks (HAProxy).
    bool head_shows_chunks = false;
};

// error_page, errorfile, errorloc.
struct ErrorPage {
    std::vector<std::uint16_t> statuses;
    struct Whole { std::shared_ptr<const Message> message; };
    struct Internal { Text uri; bool named = false; };      // another request, inside weir
    struct Redirect { Text target; std::uint16_t status = 302; };
    struct Made { std::shared_ptr<const action::Respond> respond; };   // http-error
    std::variant<Whole, Internal, Redirect, Made> what;
    // error_page 404 =200 /x: 200; "=" alone: take what the page answers; none: keep the status.
    std::optional<std::uint16_t> new_status;
    bool take_status = false;
    Span span;
};

// One field of the request to the server, in order. An empty value leaves the field out.
struct FieldEdit {
    std::string name;
    Text value;
};

// How a request is sent to a server and its answer taken. proxy_* | backend options.
struct ForwardSettings {
    // What servers are spoken to in: HTTP, or a relative of CGI (RFC 3875), by which _pass it is.
    enum class Protocol : std::uint8_t { http, fastcgi, scgi, uwsgi } protocol = Protocol::http;
    // fastcgi_param and its kin: what such a server is told; the request's fields follow as HTTP_*.
    struct Param {
        std::string name;
        Text value;
        bool if_not_empty = false;       // an empty one is left out
    };
    std::vector<Param> params;
    std::vector<std::string> error_marks;   // fastcgi_catch_stderr: an error with that text is no answer
    std::uint8_t modifier1 = 0, modifier2 = 0;   // uwsgi_modifier1, uwsgi_modifier2
    std::vector<FieldEdit> set_fields;   // proxy_set_header; explicit, Host and Connection included
    bool pass_version = false;           // HTTP/1.0 requests stay so (HAProxy); else as http_minor
    bool pass_request_fields = true;
    bool pass_request_body = true;
    std::optional<Text> body;            // proxy_set_body
    std::optional<Text> method;          // proxy_method
    std::uint8_t http_minor = 1;         // proxy_http_version: HTTP/1.x
    // HTTP/2 by prior knowledge (RFC 9113 section 3.3), of every server: proxy_http_version 2, grpc_pass.
    bool http2 = false;
    struct Http2 {
        std::uint32_t header_table = 4096;   // | tune.h2.header-table-size
        std::uint32_t window = 65535;        // of an answer | tune.h2.be.initial-window-size
        std::uint32_t max_frame = 16384;     // | tune.h2.max-frame-size
        std::uint32_t max_streams = 100;     // per connection | tune.h2.be.max-concurrent-streams
        std::uint32_t max_idle_frames = 1000;   // in a row that lead nowhere; 0 = no limit
        bool operator==(const Http2&) const = default;
    } http2_limits;
    // :authority is the target's host, and a Host of set_fields is a field like others (grpc_pass); else
    // that Host is it.
    bool target_as_authority = false;
    bool pass_te = false;                // HTTP/2: "TE: trailers" of the client goes on
    bool preserve_host = false;          // Host as the client sent it (HAProxy)
    // Upgrade and its Connection are passed on by themselves (HAProxy); else only as set_fields say.
    bool pass_upgrade = false;
    // server_read counts while the request's body is sent, from the last of its bytes (HAProxy); else
    // it begins behind the body.
    bool timed_while_sending = false;
    bool pass_trailers = false;          // both ways (HAProxy); else they stay here
    bool pass_expect = false;            // Expect: 100-continue goes to the server (HAProxy)
    bool pass_chunks = false;            // a chunked body stays so even when all of it is here (HAProxy)
    bool pass_interim = false;           // 1xx answers of the server reach the client (HAProxy)
    // 103 answers do, where there are some and none of them is empty or "0": early_hints.
    std::vector<Text> early_hints;
    // What the client gets when no server could be used: nginx 502 502 504, HAProxy 503 503 503.
    std::uint16_t no_server_status = 502, connect_error_status = 502, connect_timeout_status = 504;
    bool keep_server_connection = true;  // reuse allowed
    // never: by requests of the same client connection only.
    enum class Reuse : std::uint8_t { never, safe, aggressive, always } reuse = Reuse::always;
    // A kept connection that dies under a request that may not be sent again: the client's connection
    // is closed without an answer, so that the client repeats it (HAProxy); else 502.
    bool hang_up_on_stale = false;
    bool close_server_connection = false;  // option httpclose / http-server-close
    // X-Forwarded-For | option forwardfor; empty = none.
    std::string forwarded_for_field;
    std::vector<PatternSet::Network> forwarded_for_except;
    bool forwarded_for_if_none = false;
    // | option originalto: the address the client asked for; empty = none.
    std::string original_to_field;
    std::vector<PatternSet::Network> original_to_except;
    bool buffer_request = true;          // proxy_request_buffering
    std::uint32_t buffer_size = 8192;    // proxy_buffer_size: largest response head
    bool ignore_client_abort = false;
    bool intercept_errors = false;
    std::vector<std::string> hide_fields, pass_fields;   // beyond the dialect's own
    bool hide_nginx_fields = true;       // Date, Server, X-Accel-* are not passed on
    bool force_ranges = false;           // ranges of answers are given here, whatever servers say
    bool accel_redirect = true;          // X-Accel-Redirect of a server is followed here (nginx)
    std::vector<std::string> ignore_fields;
    struct Retry {
        bool error = true, timeout = true, invalid_header = false, non_idempotent = false;
        bool stale = true;               // a kept connection that its server closed meanwhile
        bool connect = false;            // what never reached a server (part of error and timeout)
        bool empty_response = false;
        bool junk_response = false;
        bool early_data = false;         // rejected early data: such may be sent, whoever asks (0rtt-rejected)
        std::vector<std::uint16_t> statuses;
        std::uint32_t tries = 0;         // proxy_next_upstream_tries, retries + 1; 0 = no limit
        Milliseconds time{0};            // proxy_next_upstream_timeout; 0 = no limit
        // Which server the next try takes: the next one (nginx), or the same until the last
        // tries (HAProxy redispatch: -1 = only the last, n = every n-th, 0 = never).
        bool next_server = true;
        int redispatch = 0;
    } retry;
    struct RedirectRewrite {
        bool standard = false;           // proxy_redirect default
        Text from;
        bool regex = false, ignore_case = false;
        Text to;
    };
    std::vector<RedirectRewrite> redirects;
    struct CookieRewrite {
        enum class What : std::uint8_t { domain, path, flags } what = What::path;
        Text from;
        bool regex = false, ignore_case = false;
        Text to;
    };
    std::vector<CookieRewrite> cookies;
    std::optional<Text> bind_address;    // proxy_bind, source
    bool bind_transparent = false;
    bool socket_keepalive = false;
    std::uint8_t send_proxy_header = 0;  // 0 none, 1, 2
    std::uint64_t limit_rate = 0;        // bytes per second; 0 = none
    std::uint64_t upload_rate = 0, download_rate = 0;    // stream
    std::uint32_t udp_responses = 0xffffffff;            // proxy_responses
    std::uint32_t udp_requests = 0;                      // proxy_requests
    bool half_close = false;             // stream proxy_half_close; HAProxy: on
    // proxy_store: a whole answer with status 200 becomes a file of that name; none: off.
    std::optional<Text> store;
    std::uint16_t store_access = 0600;   // proxy_store_access
    Shared<ServerTls> tls;               // of connections over TLS: https://, grpcs://
    bool over_tls = false;               // every connection is (stream proxy_ssl)
};

// add_header, expires and the like: applied to every answer that goes out.
struct ReplyField {
    std::string name;
    Text value;
    bool always = false;                 // also on error answers
    bool replace = false;
};
struct ReplyFields {
    std::vector<ReplyField> list;
    std::vector<ReplyField> trailers;    // add_trailer: behind the body
    // expires: Expires and Cache-Control of answers that may have them.
    struct Expiry {
        enum class How : std::uint8_t { off, epoch, longest, from_now, from_file, daily, computed };
        How how = How::off;
        std::chrono::seconds time{0};    // may be negative; daily: of the day, local time
        Text value;                      // computed: says one of the others
    } expiry;
};

// "[modified] time", "@time", "epoch", "max" or "off", as expires has it; none: it is nothing of that.
std::optional<ReplyFields::Expiry> read_expiry(std::string_view text);

// How a path is taken apart for relatives of CGI: $fastcgi_script_name, $fastcgi_path_info.
struct ScriptNames {
    std::string index;                   // fastcgi_index: follows a path that ends in '/'
    std::string split;                   // fastcgi_split_path_info: a regex with two groups; or empty
};

// How fast an answer goes to the client. Computed for each request.
struct ReplyRate {
    Text rate;                           // limit_rate: bytes per second; empty or 0 = no limit
    Text after;                          // limit_rate_after: so many bytes before that
};

struct LogSettings {
    std::vector<AccessLog> access;       // access_log, log
    std::vector<ErrorLog> errors;        // error_log; empty: the process's
    bool dont_log_null = false;          // | option dontlognull
    bool dont_log_normal = false;        // | option dontlog-normal
    bool log_asap = false;               // | option logasap
    bool separate_errors = false;        // | option log-separate-errors
};

// Other requests that one request brings about.
struct InnerRequests {
    std::vector<std::string> mirrors;    // mirror: asked as well, their answers are thrown away
    bool mirror_body = true;
    std::string before, after;           // add_before_body, add_after_body: put around the body
    std::vector<std::string> addition_types{"text/html"};
    bool logged = false;                 // log_subrequest
    std::string afterwards;              // post_action: asked when the answer is out
    std::uint32_t most_kept = 4096;      // subrequest_output_buffer_size: of an answer kept in memory
};

// Commands in the text of answers that are carried out on the way (ssi): <!--#include virtual="/x" -->.
struct Includes {
    bool on = false;
    std::vector<std::string> types{"text/html"};
    bool silent = false;                 // ssi_silent_errors: a command that fails leaves nothing
    bool keeps_dates = false;            // ssi_last_modified
    std::uint32_t most_value = 256;      // ssi_value_length: longest value of a parameter
};

struct ErrorPages {
    std::vector<ErrorPage> list;
    bool recursive = false;              // recursive_error_pages
};

// Configurations of modules by module name; the pointed-to type belongs to the module.
struct ModuleUses {
    std::map<std::string, std::shared_ptr<const void>, std::less<>> by_name;
};

struct Settings {
    Shared<Timeouts> timeouts;
    Shared<ClientLimits> limits;
    Shared<KeepAlive> keepalive;
    Shared<Http2> http2;
    Shared<ReplyStyle> style;
    Shared<ForwardSettings> forward;
    Shared<ScriptNames> script;
    Shared<NameServers> name_servers;
    Shared<RealAddress> real_address;
    Shared<ReplyFields> reply_fields;
    Shared<ReplyRate> reply_rate;
    Shared<ErrorPages> error_pages;
    Shared<LogSettings> logs;
    Shared<FileSettings> files;
    Shared<AccessSettings> access;
    Shared<InnerRequests> inner;
    Shared<CacheSettings> cache;
    Shared<Includes> includes;
    Shared<ModuleUses> modules;
    Shared<TlsProfile> tls;              // towards clients
};

}  // namespace weir::ir
