// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/fetch.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "runtime/http/h1_codec.hpp"
#include "runtime/net/peer.hpp"
#include "runtime/net/resolver.hpp"

namespace weir::http {

std::optional<Url> parse_http_url(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.size() < scheme.size() || !equal_ignoring_case(text.substr(0, scheme.size()), scheme)) return std::nullopt;
    text.remove_prefix(scheme.size());
    Url url;
    auto end = std::min(text.find_first_of("/?#"), text.size());
    auto authority = text.substr(0, end);
    auto path = text.substr(end, std::min(text.find('#'), text.size()) - end);
    // What goes into a request line or a field is printable.
    for (unsigned char byte : text)
        if (byte <= ' ' || byte == 0x7f) return std::nullopt;
    if (authority.find('@') != authority.npos) return std::nullopt;
    url.authority = authority;
    url.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
    std::string_view port;
    if (authority.starts_with('[')) {
        auto close = authority.find(']');
        if (close == authority.npos) return std::nullopt;
        port = authority.substr(close + 1);
        if (!port.empty() && port[0] != ':') return std::nullopt;
        authority = authority.substr(1, close - 1);
    } else if (auto colon = authority.rfind(':'); colon != authority.npos) {
        port = authority.substr(colon);
        authority = authority.substr(0, colon);
    }
    if (authority.empty()) return std::nullopt;
    url.host = authority;
    if (port.size() > 1) {
        auto [rest, failure] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
        if (failure != std::errc() || rest != port.data() + port.size() || url.port == 0) return std::nullopt;
    }
    return url;
}

void Fetch::cancel() {
    cancelled_ = true;
    if (stream_) stream_->watch.cancel_waits();
}

namespace {

std::string with_error(std::string_view what, int error) {
    return fmt::format("{} ({}: {})", what, error, std::strerror(error));
}

std::string not_ready(std::string_view what, net::Waited how) {
    if (how == net::Waited::aborted) return "given up";
    return with_error(what, ETIMEDOUT);
}

}  // namespace

net::Task<std::string> Fetch::connect_to(const IpAddress& ip, const FetchRequest& request) {
    ir::Endpoint endpoint;
    endpoint.ip = ip;
    endpoint.port = request.url.port;
    int fd = net::start_connect(pool::socket_address(endpoint), {});
    stream_ = std::make_unique<net::Stream>();
    if (fd < 0 || !stream_->open(loop_, fd)) co_return with_error("connect() to " + ir::to_string(endpoint) + " failed", errno);
    auto waited = co_await net::writable(stream_->watch, request.deadline);
    if (waited != net::Waited::ready) co_return not_ready("connect() to " + ir::to_string(endpoint) + " failed", waited);
    if (int error = net::connect_error(stream_->fd()))
        co_return with_error("connect() to " + ir::to_string(endpoint) + " failed", error);
    co_return std::string();
}

net::Task<std::string> Fetch::connect(const FetchRequest& request) {
    std::vector<IpAddress> addresses;
    if (IpAddress ip; net::parse_ip(request.url.host, ip)) {
        addresses.push_back(ip);
    } else if (!request.names || (request.names->list.empty() && !request.names->of_system)) {
        co_return "no resolver defined to resolve " + request.url.host;
    } else {
        auto answer = co_await net::LookUp(loop_, *request.names, request.url.host);
        if (answer.addresses.empty())
            co_return request.url.host + " could not be resolved (" + answer.problem + ")";
        addresses = std::move(answer.addresses);
    }
    std::string problem;
    for (const auto& ip : addresses) {
        if (cancelled_ || loop_.now() >= request.deadline) break;
        problem = co_await connect_to(ip, request);
        if (problem.empty()) co_return problem;
    }
    co_return problem.empty() ? std::string("given up") : problem;
}

net::Task<std::string> Fetch::send(const FetchRequest& request) {
    const auto& url = request.url;
    auto text = request.body.empty()
                    ? fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", url.path, url.authority)
                    : fmt::format("POST {} HTTP/1.0\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
                                  url.path, url.authority, request.type, request.body.size(), request.body);
    auto sent = co_await net::write_all(*stream_, text, net::never, request.deadline);
    if (sent.state == net::Io::State::ok) co_return std::string();
    if (!sent.timed_out) co_return with_error("send() failed", sent.error);
    co_return not_ready("request could not be sent", sent.aborted ? net::Waited::aborted : net::Waited::timed_out);
}

namespace {

// What of `bytes` is the body of a whole answer; null data: more must come. `ended`: nothing will.
struct Body {
    enum class State : std::uint8_t { more, whole, bad } state = State::more;
    std::string text;
};

Body body_of(const ResponseHead& head, std::string_view bytes, bool ended) {
    using State = Body::State;
    switch (head.framing) {
        case Framing::none: return {State::whole, {}};
        case Framing::until_close: return {ended ? State::whole : State::more, ended ? std::string(bytes) : std::string()};
        case Framing::length:
            if (bytes.size() >= head.length) return {State::whole, std::string(bytes.substr(0, head.length))};
            return {ended ? State::bad : State::more, {}};
        case Framing::chunked: break;
    }
    ChunkedDecoder decoder;
    Body body;
    while (!bytes.empty()) {
        auto step = decoder.feed(bytes);
        using What = ChunkedDecoder::Step::What;
        if (step.what == What::bad) return {State::bad, {}};
        if (step.what == What::end) body.state = State::whole;
        if (step.what != What::body) break;
        body.text.append(bytes.substr(step.consumed, step.body));
        bytes.remove_prefix(step.consumed + step.body);
    }
    if (body.state == State::more && ended) body.state = State::bad;
    return body;
}

}  // namespace

net::Task<std::string> Fetch::receive(const FetchRequest& request, Fetched& answer) {
    std::string bytes;
    constexpr std::size_t step = 4096;
    for (bool ended = false;;) {
        Arena arena;
        ResponseHead head;
        std::uint32_t resume = 0;
        auto parsed = parse_response_head(bytes, {}, arena, request.body.empty() ? Method::get : Method::post, head, &resume);
        if (parsed.status == ParseStatus::done) {
            auto body = body_of(head, std::string_view(bytes).substr(parsed.bytes), ended);
            if (body.state == Body::State::bad) co_return std::string("broken answer");
            if (body.state == Body::State::whole) {
                answer.status = head.status;
                if (const auto* type = head.fields.find("content-type")) answer.type = type->value;
                answer.body = std::move(body.text);
                co_return std::string();
            }
        } else if (parsed.status != ParseStatus::more) {
            co_return std::string("no HTTP answer");
        }
        if (ended) co_return std::string(bytes.empty() ? "connection closed without an answer" : "broken answer");
        if (bytes.size() > 2 * request.most_bytes) co_return std::string("answer is too large");
        // One read for each look: an answer is a few KB, and seldom more than one of these.
        auto size = bytes.size();
        bytes.resize(size + step);
        auto got = stream_->read(bytes.data() + size, step);
        bytes.resize(size + (got.state == net::Io::State::ok ? got.bytes : 0));
        if (got.state == net::Io::State::failed) co_return with_error("recv() failed", got.error);
        ended = got.state == net::Io::State::end;
        if (got.state != net::Io::State::blocked) continue;
        auto waited = co_await net::readable(stream_->watch, request.deadline);
        if (waited != net::Waited::ready) co_return not_ready("no answer", waited);
    }
}

net::Task<Fetched> Fetch::run(const FetchRequest& request) {
    Fetched answer;
    answer.problem = co_await connect(request);
    if (answer.problem.empty()) answer.problem = co_await send(request);
    if (answer.problem.empty()) answer.problem = co_await receive(request, answer);
    if (answer.problem.empty() && answer.body.size() > request.most_bytes) answer.problem = "answer is too large";
    if (stream_) stream_->close();
    stream_.reset();
    co_return answer;
}

}  // namespace weir::http
