// SPDX-License-Identifier: Apache-2.0
// What the rows of HAProxy's language work on: the section being filled in (Draft), the line being
// read (Scope), and the whole load (Load). lower.cpp drives it; the files of rows fill it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "parser/haproxy/ast.hpp"
#include "parser/haproxy/bind_tls.hpp"
#include "parser/haproxy/contexts.hpp"
#include "parser/ir/config.hpp"
#include "parser/keyword/keyword.hpp"
#include "parser/keyword/tls_files.hpp"

namespace weir::haproxy {

using keyword::Argument;
using keyword::Call;
using keyword::Contexts;
using keyword::Keyword;
using Args = std::span<const Argument>;

// Named ACLs: each line of a name is one alternative.
using Acls = std::map<std::string, std::vector<ir::Expr>, std::less<>>;

// TLS versions as a line says them; what they come to is decided when the line is complete.
struct TlsVersionWords {
    std::optional<ir::TlsVersion> least, most;   // ssl-min-ver, ssl-max-ver, force-*
    ir::TlsVersions off;                         // no-sslv3 ...
};

// What global says of TLS to servers: ssl-default-server-*, ssl-server-verify.
struct ServerTlsDefaults {
    TlsVersionWords versions;
    bool tickets = true;
    bool verify = true;
    bool follows = false;   // ssl-follow-certificates
    std::string ciphers, ciphersuites, curves, signatures, client_signatures;
};

// What a server line says of TLS, beside what stands in ir::Server::tls already.
struct ServerTlsWords {
    TlsVersionWords versions;
    std::optional<bool> verify;
    std::optional<bool> tickets;
    enum class Check : std::uint8_t { as_traffic, always, never } check = Check::as_traffic;
    bool name_from_host = true;                  // sni-auto, where there is no sni
    bool check_name_from_host = true;
    std::string check_name;                      // check-sni
    std::vector<std::string> check_alpn;
    Span authorities_span, certificate_span;
};

// A server line, or what default-server says for those that follow.
struct ServerWords {
    ir::Server server;
    ir::HealthCheck check;
    bool checked = false;
    bool named_resolvers = false;
    bool may_stay_unresolved = false;  // init-addr none
    ServerTlsWords tls;
    Span span;
};

// What a proxy section says about its server side. Inherited from defaults as one group.
struct BackWords {
    ir::Balance balance;
    bool balance_given = false;
    ServerWords default_server;
    // option httpchk, option tcp-check, http-check and tcp-check lines.
    enum class Check : std::uint8_t { connect, http, tcp, service } check = Check::connect;
    std::vector<ir::HealthCheck::Step> http_steps, tcp_steps, service_steps;
    bool http_steps_given = false;  // by http-check lines; they replace an inherited list
    std::string http_method = "OPTIONS", http_uri = "/", http_version = "HTTP/1.0";
    std::vector<ir::FieldEdit> http_fields;
    bool disable_on_404 = false;
    bool all_backups = false;
    std::optional<ir::Pool::Cookie> cookie;
    bool log_health_checks = false;
    std::uint32_t full_connections = 0;
};

// Which built-in format the lines of a log have.
enum class LogShape : std::uint8_t { plain, http, http_clf, tcp, https, custom };

// What a proxy section says about its client side. Inherited from defaults as one group.
struct FrontWords {
    std::uint32_t max_connections = 0;
    std::uint32_t backlog = 0;
    struct Log {
        bool global = false;  // "log global"
        ir::AccessLog log;
    };
    std::vector<Log> logs;
    std::optional<std::string> log_tag;
    LogShape shape = LogShape::plain;
    ir::Text custom_format;
    ir::Text error_format;  // error-log-format
    Span shape_at;
    std::string monitor_uri;
    std::optional<ir::Text> unique_id_format;
    std::string unique_id_header;
};

// The rules of a section, list by list, and its ACLs. Inherited only from named defaults.
struct RuleWords {
    std::vector<ir::Rule> connection, session, content, request, redirects, response_content,
        response, after_response;
    bool waits_for_content = false;
    bool buffers_request = false;  // option http-buffer-request
};

struct SwitchWords {
    std::optional<ir::Condition> when;
    std::string name;  // of a backend, when `dynamic` is empty
    ir::Text dynamic;
    Span span;
};

struct UseServerWords {
    std::optional<ir::Condition> when;
    std::string name;
    Span span;
};

// A defaults, frontend, listen or backend section on its way to the IR.
struct Draft {
    // What defaults hand down.
    bool http = false;
    bool disabled = false;
    bool client_keepalive = false;  // SO_KEEPALIVE towards clients
    ir::Settings settings;
    ir::Shared<BackWords> back;
    ir::Shared<FrontWords> front;
    ir::Shared<RuleWords> rules;
    ir::Shared<Acls> acls;
    std::string default_backend;
    Span default_backend_at;
    bool retries_given = false, client_timeout = false, connect_timeout = false,
         server_timeout = false;

    // The section's own.
    Contexts place = 0;
    std::size_t index = 0;        // among the proxies
    bool forwardfor_own = false;  // option forwardfor stands in this section
    std::string name;
    Span span;  // of the name, or of the section's word
    std::uint32_t id = 0;
    std::vector<ir::Listener> listeners;
    std::vector<ServerWords> servers;
    std::vector<SwitchWords> switches;
    std::vector<UseServerWords> use_servers;
    std::vector<ir::Pool::Stick> sticks;
    std::vector<ir::Condition> monitor_fail;
    std::vector<ir::Site::CaptureSlot> request_captures, response_captures;
    std::optional<ir::Site::CookieCapture> cookie_capture;
    std::vector<ir::Rule> captures_in, captures_out;  // of "capture ... header" lines
    std::uint32_t seen = 0;  // kinds of rules so far, one bit each (rules.cpp)
    bool http_steps_started = false, tcp_steps_started = false;  // of check lines (checks.cpp)
    std::size_t inherited_rules = 0;  // of the longest list that came from defaults

    [[nodiscard]] bool has_rules() const {
        const auto& all = *rules;
        return !acls->empty() || !all.connection.empty() || !all.session.empty() ||
               !all.content.empty() || !all.request.empty() || !all.response_content.empty() ||
               !all.response.empty() || !all.after_response.empty();
    }
    [[nodiscard]] bool is_front() const { return (place & (in::frontend | in::listen)) != 0; }
    [[nodiscard]] bool is_back() const { return (place & (in::backend | in::listen)) != 0; }
    [[nodiscard]] bool is_defaults() const { return (place & in::defaults) != 0; }
    [[nodiscard]] std::string_view kind() const {
        return is_defaults()           ? "defaults"
               : place == in::frontend ? "frontend"
               : place == in::listen   ? "listen"
                                       : "backend";
    }
};

// A name that must turn out to be a backend (or a server of one) when all is read.
struct Reference {
    enum class Kind : std::uint8_t { pool, server, frontend, table, cache, peers } kind = Kind::pool;
    std::string name;  // "pool" or "pool/server"
    Span span;
};

// State of one load.
struct Load {
    const keyword::Registry& registry;
    std::vector<Reference> references;
    std::vector<FrontWords::Log> global_logs;
    std::string log_tag, log_host;
    std::string local_peer;  // localpeer; else the environment says
    bool send_host_name = false;
    std::uint32_t buffer_size = 16384, max_rewrite = 1024, max_fields = 101;
    std::uint32_t log_line_limit = 1024;
    // tune.h2.*
    ir::Http2 http2{.on = true, .max_streams = 100, .window = 65535, .chunk = 16384};
    ir::ForwardSettings::Http2 server_http2;  // tune.h2.be.*
    std::map<std::string, std::vector<ir::ErrorPage>, std::less<>> http_errors;
    ServerTlsDefaults server_tls;
    keyword::TlsFiles tls_files;
    int spread_percent = 0;
    std::uint64_t stats_connections = 0;
    std::chrono::milliseconds stats_timeout{10000};
    BindTlsDefaults bind_tls;
    CertificateStore certificates;
};

// What a row's apply gets.
class Scope final : public keyword::Scope {
public:
    Scope(ir::Config& config_, diag::Sink& sink_, SourceSet& sources_, Load& load_)
        : keyword::Scope(config_, sink_, sources_), load(load_) {}

    ir::Settings& settings() override { return draft->settings; }
    [[nodiscard]] Contexts where() const override { return draft ? draft->place : in::global; }
    ir::Text text(const Argument& argument) override;

    Load& load;
    Draft* draft = nullptr;  // null in global and other sections
    Contexts place = 0;      // where expressions of this line are evaluated
    bool negated = false;    // "no option ..."
    bool in_acl = false;     // words such as hdr_beg may have been meant
    bool defaulted = false;  // "default option ..."
    bool at_run_time = false;  // a line that the runtime socket brought
    const ServerWords* plain_server = nullptr;  // what a server is without any default-server
    // What a sub-language fills in; null outside of it.
    std::vector<ir::Listener>* listeners = nullptr;  // bind
    BindTlsWords* bind_tls = nullptr;                // bind, certificate lists
    ServerWords* server = nullptr;                   // server, default-server
    ir::Rule* rule = nullptr;                        // an action
    ir::Expr* expr = nullptr;                        // a fetch or a converter
    // Words behind the current keyword, for options with values: rows that take some move it.
    std::size_t next = 0;
    Args words;

    [[nodiscard]] BackWords& back() { return draft->back.edit(); }
    [[nodiscard]] FrontWords& front() { return draft->front.edit(); }
    [[nodiscard]] RuleWords& rules() { return draft->rules.edit(); }
};

inline Scope& own(keyword::Scope& scope) { return static_cast<Scope&>(scope); }

// How the dialect is spoken of in messages, by the sort of word looked up.
extern const keyword::Language keyword_language, action_language, fetch_language,
    converter_language, option_language, variable_language;

// The span of `length` bytes at `at` of a word's text; the whole word where quoting hides them.
Span inside(const Argument& word, std::size_t at, std::size_t length);
Argument argument_of(const ast::Word& word);

// ---- expressions (samples.cpp, converters.cpp, condition.cpp, logformat.cpp)

// fetch(args),converter(args) in words[0]; converters may go on in the words after it. `used` is
// the number of words that belong to it. Problems are reported; none comes back.
std::optional<ir::Expr> lower_sample(Scope& scope, Args words, std::size_t& used);
std::optional<ir::Expr> lower_chain(Scope& scope, const ast::Chain& chain, const Argument& word,
                                    std::size_t offset);
// The converters of a chain from its second call on, applied to `input`.
bool lower_converters(Scope& scope, const ast::Chain& chain, const Argument& word,
                      std::size_t offset, ir::Expr& input);

enum class FormatUse : std::uint8_t { header, log, body, unique_id };
ir::Text lower_format(Scope& scope, const Argument& word, FormatUse use);
// One of the built-in log formats.
ir::Text log_format_of(Scope& scope, LogShape shape);

// What follows "if" or "unless" (`unless` negates).
std::optional<ir::Condition> lower_condition(Scope& scope, Args words, bool unless);
// acl NAME ...
void lower_acl(Scope& scope, Args words);
// Finds "if" or "unless" from word `from` on; words.size() when there is none.
std::size_t find_condition(Args words, std::size_t from);
// The condition at the end of a rule, `at` as find_condition says. False when it is wrong.
bool take_condition(Scope& scope, Args words, std::size_t at, std::optional<ir::Condition>& out);

// "action arguments if condition" into `rule`; false when there is nothing to keep.
bool lower_action(Scope& scope, Args words, Contexts place, ir::Rule& rule);

// ---- helpers of rows

// Keyword::number of options that "no" cannot turn off.
inline constexpr std::int64_t option_with_value = 1;

// The row for a word of a sub-language, checked for support; null when it cannot be used.
const Keyword* find_word(Scope& scope, const Argument& word, Contexts place,
                         const keyword::Language& language);
// Runs a row on its arguments.
bool apply_row(Scope& scope, const Keyword& row, const Argument& word, std::vector<Argument> args);
// Options of one line ("bind", "server", ...): each word is a row of `place`, which takes as many
// words after it as its signature says.
void lower_options(Scope& scope, Args words, Contexts place);
// "cannot find backend x": checked when all is read.
void refer(Scope& scope, Reference::Kind kind, std::string_view name, Span span);
// The settings of a section that follows no defaults.
Draft built_in_defaults(const Load& load);

// The answer that an error file holds; `path` names it in messages. Null when it is wrong.
std::shared_ptr<const ir::Message> lower_message(Scope& scope, std::string_view bytes,
                                                 const Argument& path);

// Completes the TLS of a server from its words, and of its check; reads the files that are named.
void finish_server_tls(Scope& scope, const Draft& draft, const ServerWords& words, ir::Server& server);
void finish_check_tls(const ServerWords& words, const ir::Server& server, ir::HealthCheck& check);

// Slot of a variable "txn.x"; reports a wrong scope name. no_id then.
std::uint32_t variable_slot(Scope& scope, std::string_view name, Span span);

}  // namespace weir::haproxy
