// SPDX-License-Identifier: Apache-2.0
// TLS of a client's connection: the handshake after the PROXY header, and what the logs say when there
// is none.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/client_tls.hpp"
#include "runtime/exchange/connection.hpp"
#include "runtime/log/access_log.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/time.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/plan/tls.hpp"
#include "runtime/route/dates.hpp"
#include "runtime/zone/table.hpp"

namespace weir::exchange {

namespace {

using How = net::TlsHandshake::How;

net::Time deadline_of(const Connection& connection, const plan::Site& site) {
    const auto& timeouts = *site.own.timeouts;
    auto limit = timeouts.client_read;
    if (site.source->is_nginx_style)
        limit = site.source->kind == ir::Site::Kind::http ? timeouts.request_head
                                                          : site.source->settings.tls->handshake_time;
    return net::after(connection.worker.loop.now(), limit);
}

}  // namespace

void note_handshake(const Connection& connection, const plan::Site& site, log::Level level, std::string_view text) {
    log::About about;
    about.connection = connection.facts.serial;
    about.doing = "SSL handshaking";
    about.client = connection.facts.client.text();
    auto address = ir::to_string(connection.facts.listener->endpoint);
    about.site = address;
    log::process_log().write(level, text, about, &site.source->settings.logs->errors);
}

namespace {

// nginx tells in the error log; most of it is the client's doing and told only where asked for.
void tell_nginx(const Connection& connection, const plan::Site& site, const net::TlsHandshake& outcome) {
    std::string text;
    switch (outcome.how) {
        case How::timed_out: text = log::ErrorLog::with_error("client timed out", ETIMEDOUT); break;
        case How::closed:
            text = outcome.error != 0 ? log::ErrorLog::with_error("peer closed connection in SSL handshake",
                                                                  outcome.error)
                                      : "peer closed connection in SSL handshake";
            break;
        default: text = "SSL_do_handshake() failed (SSL: " + outcome.why + ")"; break;
    }
    note_handshake(connection, site, log::info, text);
}

std::int32_t fault_of(const Connection& connection, const net::TlsHandshake& outcome) {
    namespace fault = route::fault;
    if (outcome.how == How::timed_out) return fault::ssl_timeout;
    if (outcome.how == How::closed) return fault::ssl_closed;
    const auto* tls = connection.stream.tls();
    if (tls && tls->errors().ended_by_ca) return fault::ssl_ca;
    return tls && tls->errors().ended ? fault::ssl_certificate : fault::ssl_handshake;
}

const char* haproxy_words(std::int32_t fault) {
    switch (fault) {
        case route::fault::ssl_timeout: return "Timeout during SSL handshake";
        case route::fault::ssl_closed: return "Connection closed during SSL handshake";
        case route::fault::ssl_ca: return "SSL client CA chain cannot be verified";
        case route::fault::ssl_certificate: return "SSL client certificate not trusted";
        default: return "SSL handshake failure";
    }
}

// HAProxy has a line of its own where the frontend logs.
void tell_haproxy(Connection& connection, const plan::Site& site, std::int32_t fault) {
    const auto& facts = connection.facts;
    auto accepted_ms = connection.worker.loop.wall_ms() -
                       (connection.worker.loop.now_us() - facts.accepted_us) / 1000;
    auto name = facts.listener->named ? facts.listener->name : std::to_string(facts.listener_id);
    auto line = fmt::format("{}:{} [{}.{:03}] {}/{}: {}", facts.client.text(),
                            facts.client.port,
                            route::date_text(route::DateForm::local_plain, accepted_ms / 1000),
                            accepted_ms % 1000, site.source->name, name, haproxy_words(fault));
    for (const auto& log : site.own.logs->access) {
        if (log.source->target.kind == ir::LogTarget::Kind::none || !log.source->error_format.empty()) continue;
        bool error = site.source->settings.logs->separate_errors;
        log::write_access_line(log::process_sinks(), *log.source, line, error ? log::error : -1);
    }
}

void count_in(zone::Counter (&rate)[3], std::int64_t wall_ms) {
    std::uint64_t cells[3] = {rate[0].get(), rate[1].get(), rate[2].get()};
    constexpr std::uint32_t second = 1000;
    zone::count_rate(cells, second, wall_ms, 1);
    for (int i = 0; i < 3; ++i) rate[i].set(cells[i]);
}

// Rates are of one worker's own cells: nobody else writes them.
void count_handshake(Connection& connection) {
    auto& worker = connection.worker;
    if (!worker.process.slots) return;
    auto& counters = worker.process.mine(worker.index);
    auto now = worker.loop.wall_ms();
    counters.handshakes.add(1);
    count_in(counters.handshake_rate, now);
    if (connection.stream.tls()->resumed()) return;
    counters.full_handshakes.add(1);
    count_in(counters.full_handshake_rate, now);
}

void note(Connection& connection, const char* status_problem = nullptr) {
    auto& facts = connection.facts;
    facts.tls = true;
    facts.tls_facts = std::make_shared<const net::TlsFacts>(*connection.stream.tls(), status_problem);
}

// Asked by OpenSSL while the handshake runs: which certificate this client gets.
struct Asked {
    Connection& connection;
    const plan::TlsListener& listener;
    const plan::TlsChoice* choice = nullptr;

    static bool pick(void* owner, net::TlsSession& session, const net::TlsHello& hello) {
        auto& self = *static_cast<Asked*>(owner);
        self.choice = self.listener.pick(session, hello);
        return self.choice != nullptr;
    }
    static bool certify(void* owner, net::TlsSession& session) {
        auto& self = *static_cast<Asked*>(owner);
        auto& connection = self.connection;
        connection.facts.tls_facts = std::make_shared<const net::TlsFacts>(session);
        Arena arena;
        route::Subject subject;
        const auto& site = connection.first_site();
        begin_early(subject, arena, connection, site);
        std::string problem;
        if (self.choice->certify(session, subject, problem)) return true;
        note_handshake(connection, site, log::error, problem);
        return false;
    }
    [[nodiscard]] net::TlsPicker picker() { return {this, pick, certify}; }
};

// What error-log-format may ask for is noted first.
void end_by_fault(Connection& connection, const plan::Site& site, const net::TlsHandshake& outcome) {
    auto fault = fault_of(connection, outcome);
    note(connection);
    auto& details = connection.facts.make_details();
    details.fault = fault;
    details.tls_fault = outcome.code;
    tell_haproxy(connection, site, fault);
    log_fault(connection);
}

}  // namespace

net::Task<bool> accept_tls(Connection& connection) {
    const auto& plan = *connection.running->plan;
    const auto& site = connection.first_site();
    const auto& tls = *plan.tls->listener(connection.listener);
    auto& stream = connection.stream;
    auto early = connection.input.held() ? connection.input.view() : std::string_view();
    Asked asked{connection, tls};
    auto session = net::TlsSession::accept(tls.context(), asked.picker(), early);
    if (!session) co_return false;
    if (tls.takes_early_data()) session->take_early_data();
    connection.input.clear();
    connection.input.release();
    stream.start_tls(std::move(session));
    const auto deadline = deadline_of(connection, site);
    auto outcome = co_await net::handshake(stream, deadline);
    if (outcome.how == How::done) {
        count_handshake(connection);
        const char* problem = nullptr;
        const auto& status = asked.choice ? asked.choice->rules().client_status : site.source->settings.tls->client_status;
        if (status->of != ir::TlsProfile::ClientStatus::Of::none)
            problem = co_await ask_about_client(connection, site, *status);
        note(connection, problem);
        if (site.source->kind == ir::Site::Kind::http) co_return true;
        if (tls_refusal(connection, site, connection.facts.tls_facts->server_name()) == 0) co_return true;
        log_refused_session(connection, 500);
        co_return false;
    }
    bool nginx = site.source->is_nginx_style;
    if (outcome.how == How::not_tls && nginx && site.source->kind == ir::Site::Kind::http) {
        // The request is read, and told that it came to the wrong port.
        auto sent = stream.stop_tls();
        connection.facts.make_details().plain_on_tls = true;
        connection.input.acquire(sent.size());
        connection.input.append(sent);
        co_return true;
    }
    if (outcome.how == How::aborted) co_return false;
    if (nginx)
        tell_nginx(connection, site, outcome);
    else
        end_by_fault(connection, site, outcome);
    co_return false;
}

namespace {

// Errors that only say that nobody knows the issuer.
bool is_about_issuer(int error) {
    static constexpr int known[] = {2, 18, 19, 20, 21};   // X509_V_ERR_...
    return std::find(std::begin(known), std::end(known), error) != std::end(known);
}

void tell_refusal(const Connection& connection, const plan::Site& site, const std::string& text) {
    log::About about;
    about.connection = connection.facts.serial;
    about.doing = site.source->kind == ir::Site::Kind::http ? "reading client request headers" : "SSL handshaking";
    about.client = connection.facts.client.text();
    about.site = site.source->name;
    log::process_log().write(log::info, text, about, &site.source->settings.logs->errors);
}

}  // namespace

std::uint16_t tls_refusal(const Connection& connection, const plan::Site& site, std::string_view host) {
    const auto& facts = connection.facts;
    if (facts.details().plain_on_tls) return 497;
    if (!facts.tls || !site.source->is_nginx_style) return 0;
    const auto& rules = site.source->settings.tls->rules;
    using Verify = ir::TlsRules::Verify;
    if (rules.verify == Verify::none) return 0;
    const auto& tls = *facts.tls_facts;
    // The certificate was asked for as another site wants it.
    auto name = tls.server_name();
    if (!name.empty() && !http::equal_ignoring_case(name, host)) {
        tell_refusal(connection, site, "client attempted to request the server name different from the one that was negotiated");
        return 421;
    }
    int error = tls.verify_error();
    if (error != 0 && !(rules.verify == Verify::optional_any_issuer && is_about_issuer(error))) {
        tell_refusal(connection, site,
                     fmt::format("client SSL certificate verify error: ({}:{})", error,
                                 net::TlsSession::verify_text(error)));
        return 495;
    }
    if (rules.verify == Verify::required && !tls.has_certificate()) {
        tell_refusal(connection, site, "client sent no required SSL certificate");
        return 496;
    }
    if (!tls.status_problem()) return 0;
    tell_refusal(connection, site, fmt::format("client SSL certificate verify error: {}", tls.status_problem()));
    return 495;
}

}  // namespace weir::exchange
