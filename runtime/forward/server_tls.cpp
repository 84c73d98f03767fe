// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/server_tls.hpp"

#include <cerrno>
#include <vector>

#include "runtime/forward/connect.hpp"
#include "runtime/log/error_log.hpp"

namespace weir::forward {

namespace {

// With the certificate of this request; null when it cannot be made: then `problem` says why.
std::shared_ptr<const net::TlsContext> computed_context(const plan::ServerTls& tls, route::Subject& subject,
                                                        std::string& problem) {
    const auto& source = *tls.source;
    auto certificate = tls.certificate.render(subject), key = tls.key.render(subject);
    auto identity = source.identity;
    if (!certificate.empty()) {
        const plan::ReadIdentities::Rules rules{source.computed_folder, source.kept_certificates,
                                                source.certificate_valid, source.certificate_inactive};
        if (!tls.read.read(rules, certificate, key, identity, problem)) return nullptr;
    } else {
        identity = {};
    }
    auto context = plan::find_server_context(source.rules, identity);
    if (context) return *context;
    problem = context.error().text;
    return nullptr;
}

struct Names {
    std::string_view server_name, verified_name;
    bool nameless = false;
};

// Of one server, the latest in front. Names may come from clients, so there is an end to them.
class Peers {
public:
    static constexpr std::size_t most = 64;

    static Peers& of(pool::LiveServer& server) {
        if (!server.tls_peers) server.tls_peers = std::make_shared<Peers>();
        return *static_cast<Peers*>(server.tls_peers.get());
    }
    TlsPeerPtr find(const net::TlsContext* context, const Names& names, const ir::ServerTls& tls) {
        for (std::size_t i = 0; i < list_.size(); ++i) {
            const auto& peer = *list_[i];
            if (peer.context.get() != context || peer.server_name != names.server_name ||
                peer.verified_name != names.verified_name || peer.nameless != names.nameless || (peer.memory != nullptr) != tls.resume ||
                peer.early_data != tls.early_data || peer.changes != tls.changes)
                continue;
            if (i != 0) std::swap(list_[i], list_[i / 2]);
            return list_[i / 2];
        }
        return nullptr;
    }
    void add(TlsPeerPtr peer) {
        if (list_.size() >= most) list_.pop_back();
        list_.push_back(std::move(peer));
    }

private:
    std::vector<TlsPeerPtr> list_;
};

std::string_view without_port(std::string_view name) {
    auto from = name.starts_with('[') ? name.find(']') : std::size_t{0};
    auto colon = name.find(':', from == std::string_view::npos ? 0 : from);
    return name.substr(0, colon);
}

// What is sent and what is checked. An address is never sent (RFC 6066 section 3).
Names names_for(const ir::ServerTls& tls, std::string_view name) {
    Names names;
    if (tls.name_has_port) name = without_port(name);
    auto bare = name;
    if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
    ir::Endpoint address;
    bool is_address = bare.find(':') != std::string_view::npos || parse_source(bare, address);
    if (tls.send_name && !is_address) names.server_name = name;
    if (tls.rules.verify == ir::TlsRules::Verify::none) return names;
    names.verified_name = bare.empty() ? std::string_view(tls.fallback_name) : bare;
    names.nameless = names.verified_name.empty() && tls.needs_name;
    return names;
}

std::shared_ptr<TlsPeer> make(std::shared_ptr<const net::TlsContext> context,
                              const ir::ServerTls& tls, const Names& names) {
    auto peer = std::make_shared<TlsPeer>();
    peer->offers_h2 = context && context->alpn().find("\x02h2") != std::string_view::npos;
    peer->context = std::move(context);
    peer->server_name = names.server_name;
    peer->verified_name = names.verified_name;
    peer->nameless = names.nameless;
    peer->early_data = tls.early_data;
    peer->changes = tls.changes;
    if (tls.resume) peer->memory = std::make_shared<net::TlsMemory>();
    return peer;
}

}  // namespace

TlsPeerPtr find_peer(pool::LiveServer& server, const plan::ServerTls& tls, route::Subject& subject,
                     std::string& problem) {
    const auto& source = *tls.source;
    auto names =
        names_for(source, source.named_by_target ? subject.forward_host : tls.name.render(subject));
    auto context = tls.context;
    if (!context) {
        context = computed_context(tls, subject, problem);
        if (!context) return nullptr;
    }
    auto& peers = Peers::of(server);
    if (auto known = peers.find(context.get(), names, source))
        return known;
    TlsPeerPtr peer = make(std::move(context), source, names);
    peers.add(peer);
    return peer;
}

TlsPeerPtr make_peer(std::shared_ptr<const net::TlsContext> context, const ir::ServerTls& tls,
                     std::string_view name) {
    auto peer = make(std::move(context), tls, names_for(tls, name));
    peer->memory = nullptr;
    return peer;
}

namespace {

// nginx's words: alerts look for them.
std::string words_for(const net::TlsHandshake& outcome, const TlsPeer& peer) {
    using How = net::TlsHandshake::How;
    constexpr int other_host = 62, other_address = 64;  // X509_V_ERR_..._MISMATCH
    if (outcome.verify_error == other_host || outcome.verify_error == other_address)
        return "upstream SSL certificate does not match \"" + peer.verified_name + "\"";
    if (outcome.verify_error != 0)
        return "upstream SSL certificate verify error: (" + std::to_string(outcome.verify_error) +
               ":" + net::TlsSession::verify_text(outcome.verify_error) + ")";
    if (outcome.how == How::closed && outcome.error == 0)
        return "peer closed connection in SSL handshake";
    if (outcome.how == How::closed)
        return log::ErrorLog::with_error("peer closed connection in SSL handshake", outcome.error);
    return "SSL_do_handshake() failed (SSL: " + outcome.why + ")";
}

}  // namespace

log::About about_client(const route::Subject& subject) {
    log::About about;
    about.connection = subject.connection->serial;
    about.client = subject.client->text();
    about.site = subject.site->name;
    if (subject.request) {
        about.request = subject.request->line;
        about.host = subject.request->authority;
    }
    return about;
}

log::About about_server(const route::Subject& subject) {
    auto about = about_client(subject);
    if (!subject.tries.empty()) about.server = subject.tries.back().address;
    return about;
}

void log_handshake(const route::Subject& subject, Failure failure, const std::string& problem) {
    auto about = about_server(subject);
    about.doing = "SSL handshaking to upstream";
    auto text = failure == Failure::handshake_timeout
                    ? log::ErrorLog::with_error("upstream timed out", ETIMEDOUT)
                    : problem;
    log::process_log().write(log::error, text, about, &subject.site->settings.logs->errors);
}

net::Task<Secured> secure(net::Stream& stream, const TlsPeer& peer, net::Time deadline,
                          std::string_view early) {
    Secured result;
    result.failure = Failure::handshake;
    if (!peer.context) {
        result.problem = "no TLS can be made with what is configured";
        co_return result;
    }
    if (peer.nameless) {
        result.problem = "upstream SSL certificate does not match \"\"";
        co_return result;
    }
    auto session =
        net::TlsSession::connect(peer.context, {peer.server_name, peer.verified_name, peer.memory, early});
    if (!session) {
        result.problem = "the name \"" + peer.server_name + "\" cannot be asked for in a handshake";
        co_return result;
    }
    stream.start_tls(std::move(session));
    auto outcome = co_await net::handshake(stream, deadline);
    using How = net::TlsHandshake::How;
    switch (outcome.how) {
        case How::done: result.failure = Failure::none; break;
        case How::timed_out: result.failure = Failure::handshake_timeout; break;
        case How::aborted: result.failure = Failure::client_gone; break;
        default: result.problem = words_for(outcome, peer);
    }
    co_return result;
}

}  // namespace weir::forward
