// SPDX-License-Identifier: Apache-2.0



#include "runtime/net/peer.hpp"
#include "runtime/net/proxy_protocol.hpp"
#include "runtime/net/time.hpp"
#include "runtime/warden/check_run.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace weir::warden {

namespace {

using Source = ir::HealthCheck::Step;
using zone::CheckCode;

// A datagram that nobody refuses within this time has arrived, as far as can be known.
constexpr net::Time silence = 1000;

bool is_local_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EAFNOSUPPORT;
}

net::ProxyAddress address_of(const sockaddr_storage& storage) {
    const auto peer = net::peer_of(storage);
    return {.ip = peer.ip, .port = peer.port, .path = {}};
}

using net::after;

}  // namespace

Target target_of(const ir::HealthCheck& check, const ir::Server& server,
                 const ir::Endpoint& endpoint) {
    Target target;
    target.endpoint = check.address ? *check.address : endpoint;
    if (check.address && check.address->port == 0) target.endpoint.port = endpoint.port;
    if (check.port != 0) target.endpoint.port = check.port;
    if (server.source) target.bind = pool::socket_address(*server.source);
    // A check that goes where the traffic goes begins as the traffic does.
    if (!check.address && check.port == 0) target.proxy_header = server.send_proxy_header;
    if (check.sends_proxy_header)
        target.proxy_header = std::max<std::uint8_t>(server.send_proxy_header, 1);
    target.manner = check.manner;
    target.datagram = check.udp != 0;
    target.exchange = check.timeout == ir::no_limit ? check.interval : check.timeout;
    target.connect = check.connect_timeout == ir::no_limit ? target.exchange
                                                           : check.connect_timeout;
    target.exchange_with_connect = check.timeout == ir::no_limit;
    target.exchange_per_read = check.manner == ir::HealthCheck::Manner::nginx;
    if (!target.exchange_per_read) target.connect = std::min(target.connect, check.interval);
    return target;
}

std::vector<forward::TlsPeerPtr> peers_of(const ir::HealthCheck& check, const Script& script,
                                          const plan::Plan& plan) {
    std::vector<forward::TlsPeerPtr> peers;
    const auto* tls = plan.server_tls.find(*check.tls);
    if (!tls) return peers;
    for (const auto& step : script.steps) {
        auto& peer = peers.emplace_back();
        const auto& source = *step.source;
        const bool as_check = source.as_check && check.over_tls;
        if (source.what != Source::What::connect || (!as_check && !source.tls)) continue;
        const bool own_name = !source.sni.empty() || !as_check;
        auto rules = tls->source->rules;
        if (!source.alpn.empty() || !as_check) rules.alpn = source.alpn;
        // Whoever wants another protocol asked for needs a context of its own; its files are good.
        auto context = plan::find_server_context(rules, tls->source->identity);
        if (context)
            peer = forward::make_peer(*context, *tls->source,
                                      own_name ? source.sni : tls->source->name.literal());
        else
            peer = std::make_shared<forward::TlsPeer>();   // its handshake fails
    }
    return peers;
}

net::Task<Outcome> CheckRun::run() {
    loop_.refresh_clock();
    started_us_ = loop_.now_us();
    Failure ended;
    for (const Step& step : script_->steps) {
        ended = co_await perform(step);
        if (ended && script_->numbered && !ended->unmet) ended->text += place_of(step);
        if (ended) break;
    }
    if (!ended && target_.datagram && !script_->expects) ended = co_await watch_silence();
    Outcome outcome;
    if (ended) {
        outcome = std::move(*ended);
        if (outcome.code == CheckCode::l7_conditional) outcome.verdict = Verdict::conditional;
    } else {
        outcome.verdict = passed_ == CheckCode::l7_conditional ? Verdict::conditional
                                                               : Verdict::passed;
        outcome.code = passed_;
        outcome.status = service_status_;
        outcome.text = std::move(passed_text_);
    }
    outcome.aborted = cancelled_;
    // Where the content decided, HAProxy shows no status.
    if (script_->http) outcome.status = has_head_ && outcome.code != CheckCode::l7_invalid ? head_.status : 0;
    outcome.milliseconds = static_cast<std::uint32_t>((loop_.now_us() - started_us_) / 1000);
    disconnect(target_.manner == ir::HealthCheck::Manner::nginx);
    co_return outcome;
}

void CheckRun::cancel() {
    cancelled_ = true;
    if (stream_) stream_->watch.cancel_waits();
}

net::Task<CheckRun::Failure> CheckRun::perform(const Step& step) {
    switch (step.source->what) {
        case Source::What::connect: co_return co_await connect(step);
        case Source::What::send:
            forget_answer();
            method_ = http::method_of(step.source->method);
            co_return co_await send(step.bytes);
        case Source::What::expect: co_return co_await expect(step);
        case Source::What::comment:
        case Source::What::set_variable:
        case Source::What::unset_variable: break;
    }
    co_return Failure{};
}

CheckRun::Failure CheckRun::failure(CheckCode code, std::string text) const {
    Outcome outcome;
    outcome.code = code;
    outcome.text = std::move(text);
    return outcome;
}

// HAProxy leaves no connection of a check in TIME_WAIT.
void CheckRun::disconnect(bool gently) {
    if (!stream_) return;
    if (gently)
        stream_->close();
    else
        stream_->reset();
    stream_.reset();
}

net::Task<CheckRun::Failure> CheckRun::connect(const Step& step) {
    disconnect(step.source->linger);
    forget_answer();
    ir::Endpoint endpoint = target_.endpoint;
    if (step.source->address) {
        endpoint = *step.source->address;
        if (endpoint.port == 0) endpoint.port = target_.endpoint.port;
    }
    if (step.source->port != 0) endpoint.port = step.source->port;
    net::ConnectOptions options;
    options.bind = target_.bind ? &*target_.bind : nullptr;
    options.datagram = target_.datagram;
    const int fd = net::start_connect(pool::socket_address(endpoint), options);
    auto stream = std::make_unique<net::Stream>();
    if (fd < 0 || !stream->open(loop_, fd)) {
        const int error = errno;
        co_return failure(is_local_shortage(error) ? CheckCode::socket_error : CheckCode::l4_failed,
                          std::strerror(error));
    }
    stream_ = std::move(stream);
    const auto deadline = after(loop_.now(), target_.connect);
    const auto waited = co_await net::writable(stream_->watch, deadline);
    if (waited == net::Waited::timed_out) co_return failure(CheckCode::l4_timeout);
    if (waited == net::Waited::aborted) co_return failure(CheckCode::unknown);
    if (const int error = net::connect_error(stream_->fd()))
        co_return failure(CheckCode::l4_failed, std::strerror(error));
    // With no limit of its own, HAProxy's check has its interval for everything.
    exchange_deadline_ = after(target_.exchange_with_connect ? started_us_ / 1000 : loop_.now(),
                            target_.exchange);
    const std::uint8_t version = step.source->send_proxy ? 1 : target_.proxy_header;
    if (version != 0) {
        auto failed = co_await send(proxy_header(version));
        if (failed) co_return failed;
    }
    const auto number = static_cast<std::size_t>(&step - script_->steps.data());
    if (number >= target_.peers.size() || !target_.peers[number]) co_return Failure{};
    co_return co_await secure(*target_.peers[number], deadline);
}

net::Task<CheckRun::Failure> CheckRun::secure(const forward::TlsPeer& peer, net::Time deadline) {
    auto secured = co_await forward::secure(*stream_, peer, deadline);
    switch (secured.failure) {
        case forward::Failure::none: passed_ = CheckCode::l6_ok; co_return Failure{};
        case forward::Failure::handshake_timeout: co_return failure(CheckCode::l6_timeout);
        case forward::Failure::client_gone: co_return failure(CheckCode::unknown);
        default: break;
    }
    if (target_.manner == ir::HealthCheck::Manner::haproxy) secured.problem = "SSL handshake failure";
    co_return failure(CheckCode::l6_invalid, std::move(secured.problem));
}

std::string CheckRun::proxy_header(std::uint8_t version) const {
    net::ProxyHeader header;
    header.version = version;
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(stream_->fd(), reinterpret_cast<sockaddr*>(&storage), &size) == 0)
        header.source = address_of(storage);
    size = sizeof storage;
    if (::getpeername(stream_->fd(), reinterpret_cast<sockaddr*>(&storage), &size) == 0)
        header.destination = address_of(storage);
    // Version 2 has a way to say that nobody is behind this connection.
    header.own = version == 2 || header.source.ip.family == IpAddress::Family::none;
    return net::write_proxy_header(header);
}

net::Task<CheckRun::Failure> CheckRun::send(std::string_view bytes) {
    const auto sent = co_await net::write_all(*stream_, bytes, net::time_of(target_.exchange));
    if (sent.state == net::Io::State::ok) co_return Failure{};
    if (sent.aborted) co_return failure(CheckCode::unknown);
    if (sent.timed_out) co_return failure(CheckCode::l7_timeout);
    co_return failure(CheckCode::l7_invalid, std::strerror(sent.error));
}

net::Time CheckRun::read_deadline() const {
    return target_.exchange_per_read ? after(loop_.now(), target_.exchange) : exchange_deadline_;
}

void CheckRun::forget_answer() {
    received_.release();
    arena_.clear();
    head_ = {};
    resume_ = 0;
    has_head_ = whole_ = false;
    chunked_.reset();
    decoded_.clear();
}

net::Task<CheckRun::Failure> CheckRun::expect(const Step& step) {
    for (;;) {
        if (script_->http)
            if (auto wrong = take_head()) co_return wrong;
        Finding finding = look(step);
        if (finding.kind == Finding::Kind::met) {
            passed_ = finding.code;
            if (finding.status != 0) service_status_ = finding.status;
            if (!finding.text.empty()) passed_text_ = std::move(finding.text);
            co_return Failure{};
        }
        if (finding.kind == Finding::Kind::failed) {
            auto failed = failure(finding.code, std::move(finding.text));
            failed->unmet = step.source->expect;
            failed->status = finding.status;
            co_return failed;
        }
        if (whole_) co_return failure(CheckCode::l7_invalid);   // ended before its head did
        received_.acquire();
        const auto result = stream_->read(received_.room(), received_.room_size());
        switch (result.state) {
            case net::Io::State::ok: received_.produced(result.bytes); break;
            case net::Io::State::end: whole_ = true; break;
            case net::Io::State::failed:
                co_return failure(CheckCode::l7_invalid, std::strerror(result.error));
            case net::Io::State::blocked: {
                const auto waited = co_await net::readable(stream_->watch, read_deadline());
                if (waited == net::Waited::timed_out)
                    co_return failure(code_or(step.source->timeout_status, CheckCode::l7_timeout));
                if (waited == net::Waited::aborted) co_return failure(CheckCode::unknown);
            }
        }
        // One buffer is all that a check looks at.
        if (received_.room_size() == 0) whole_ = true;
    }
}

Finding CheckRun::look(const Step& step) const {
    if (!script_->http) return examine(step, received_.view(), whole_);
    if (!has_head_) return {};
    const auto body = chunked_ ? std::string_view(decoded_) : received_.view().substr(body_at_);
    return examine(step, head_, body, whole_);
}

CheckRun::Failure CheckRun::take_head() {
    while (!has_head_) {
        if (received_.empty()) return {};
        const auto parsed = http::parse_response_head(received_.view(), {}, arena_, method_, head_,
                                                      &resume_);
        if (parsed.status == http::ParseStatus::more) return {};
        if (parsed.status != http::ParseStatus::done) return failure(CheckCode::l7_invalid);
        if (head_.status >= 100 && head_.status < 200 && head_.status != 101) {
            received_.consume(parsed.bytes);   // an interim answer; the real one follows
            head_ = {};
            resume_ = 0;
            continue;
        }
        has_head_ = true;
        body_at_ = parsed.bytes;
        if (head_.framing == http::Framing::chunked)
            chunked_ = std::make_unique<http::ChunkedDecoder>();
    }
    take_body();
    return {};
}

// Decodes what came, and tells when the body is complete.
void CheckRun::take_body() {
    switch (head_.framing) {
        case http::Framing::none: whole_ = true; return;
        case http::Framing::until_close: return;
        case http::Framing::length:
            whole_ = whole_ || received_.size() - body_at_ >= head_.length;
            return;
        case http::Framing::chunked: break;
    }
    while (!whole_ && body_at_ < received_.size()) {
        const auto rest = received_.view().substr(body_at_);
        const auto step = chunked_->feed(rest);
        if (step.what == http::ChunkedDecoder::Step::What::body) {
            decoded_.append(rest.substr(step.consumed, step.body));
            body_at_ += step.consumed + static_cast<std::uint32_t>(step.body);
            continue;
        }
        body_at_ = received_.size();
        if (step.what != http::ChunkedDecoder::Step::What::more) whole_ = true;
    }
}

net::Task<CheckRun::Failure> CheckRun::watch_silence() {
    const auto waited = co_await net::readable(stream_->watch, loop_.now() + silence);
    if (waited == net::Waited::aborted) co_return failure(CheckCode::unknown);
    if (waited == net::Waited::timed_out) co_return Failure{};
    char byte;
    const auto result = stream_->read(&byte, 1);
    if (result.state != net::Io::State::failed) co_return Failure{};
    co_return failure(CheckCode::l4_failed, std::strerror(result.error));
}

}  // namespace weir::warden
