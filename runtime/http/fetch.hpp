// SPDX-License-Identifier: Apache-2.0
// Fetch: one small document from a server that no configuration lists as one (an OCSP responder), over
// plain HTTP, without blocking the loop. For what happens now and then: a connection for each, no
// redirects, no caches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "parser/ir/endpoint.hpp"
#include "runtime/net/stream.hpp"

namespace weir::http {

struct Url {
    std::string authority;   // as it stands there: for Host
    std::string host;        // a name, or an address without brackets
    std::uint16_t port = 80;
    std::string path;        // with the query, from '/' on
};
// "http://host[:port][/path]"; none: it is no such URL.
std::optional<Url> parse_http_url(std::string_view text);

struct FetchRequest {
    Url url;
    const ir::NameServers* names = nullptr;   // for hosts that are no addresses
    std::string_view type;                    // of the body
    std::string_view body;                    // with one it is a POST
    net::Time deadline = net::never;          // for all of it
    std::size_t most_bytes = 65536;           // of the answer's body, and of its head
};

struct Fetched {
    std::string problem;     // why there is no answer; empty: there is one
    std::uint16_t status = 0;
    std::string type, body;
};

class Fetch {
public:
    explicit Fetch(net::Loop& loop) : loop_(loop) {}
    Fetch(const Fetch&) = delete;
    Fetch& operator=(const Fetch&) = delete;

    // `request` and this object live until it is done.
    net::Task<Fetched> run(const FetchRequest& request);
    // run() comes to its end soon, with a problem.
    void cancel();

private:
    net::Task<std::string> connect(const FetchRequest& request);
    net::Task<std::string> connect_to(const IpAddress& ip, const FetchRequest& request);
    net::Task<std::string> send(const FetchRequest& request);
    net::Task<std::string> receive(const FetchRequest& request, Fetched& answer);

    net::Loop& loop_;
    std::unique_ptr<net::Stream> stream_;
    bool cancelled_ = false;
};

}  // namespace weir::http
