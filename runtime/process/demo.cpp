// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/demo.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "runtime/process/fd.hpp"

namespace weir::process {

namespace {

constexpr char nginx_text[] = R"(# The nginx half of weir demo.
worker_processes 2;
error_log stderr warn;
events {{ }}
http {{
    access_log off;
    upstream demo {{
        server 127.0.0.1:{server1};
        server 127.0.0.1:{server2};
        server 127.0.0.1:{server3};
    }}
    server {{
        listen 127.0.0.1:{nginx};
        location / {{ proxy_pass http://demo; }}
        location = /hello {{ return 200 "hello from weir, in nginx's words\n"; }}
        location = /status {{ stub_status; }}
    }}
    server {{ listen 127.0.0.1:{server1}; return 200 "demo server 1\n"; }}
    server {{ listen 127.0.0.1:{server2}; return 200 "demo server 2\n"; }}
    server {{ listen 127.0.0.1:{server3}; return 200 "demo server 3\n"; }}
}}
)";

constexpr char haproxy_text[] = R"(# The HAProxy half of weir demo.
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend demo_in
    bind 127.0.0.1:{haproxy}
    http-request return status 200 content-type text/plain string "hello from weir, in HAProxy's words\n" if {{ path /hello }}
    stats enable
    stats uri /stats
    stats refresh 5s
    default_backend demo_servers

backend demo_servers
    balance roundrobin
    option httpchk
    server one 127.0.0.1:{server1} check
    server two 127.0.0.1:{server2} check
    server three 127.0.0.1:{server3} check
)";

constexpr char greeting_text[] = R"(
weir demo: one process tree, two languages, three servers built in.

  nginx's language    http://127.0.0.1:{nginx}/
  HAProxy's language  http://127.0.0.1:{haproxy}/
  statistics          http://127.0.0.1:{haproxy}/stats   (for a browser; ;csv and ;json too)
  stub_status         http://127.0.0.1:{nginx}/status

Try:
  curl http://127.0.0.1:{nginx}/          (again: the servers take turns)
  curl http://127.0.0.1:{haproxy}/
  curl http://127.0.0.1:{nginx}/hello
  curl http://127.0.0.1:{haproxy}/hello
  curl 'http://127.0.0.1:{haproxy}/stats;csv'

Ctrl-C ends it all.
)";

constexpr int tries = 200;

}  // namespace

bool loopback_port_is_free(std::uint16_t port) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int one = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket &&
           ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::listen(socket.get(), 1) == 0;
}

Demo make_demo(const std::function<bool(std::uint16_t port)>& is_free) {
    Demo demo;
    std::string busy;
    auto take = [&](std::uint16_t wish) -> std::uint16_t {
        for (int i = 0; i < tries; ++i) {
            // Steps of ten: the ports of one demo stay together when a second one starts.
            const auto port = static_cast<std::uint16_t>(wish + i * 10);
            if (is_free(port)) {
                if (i > 0) busy += fmt::format("port {} is busy, taking {}\n", wish, port);
                return port;
            }
        }
        demo.problem = fmt::format("no free port from {} on", wish);
        return 0;
    };
    const std::uint16_t nginx = take(8080), haproxy = take(8081);
    const std::uint16_t servers[] = {take(8085), take(8086), take(8087)};
    auto fill = [&](auto text) {
        return fmt::format(text, fmt::arg("nginx", nginx), fmt::arg("haproxy", haproxy),
                           fmt::arg("server1", servers[0]), fmt::arg("server2", servers[1]),
                           fmt::arg("server3", servers[2]));
    };
    demo.files = {{"demo.nginx.conf", fill(fmt::runtime(nginx_text))},
                  {"demo.haproxy.cfg", fill(fmt::runtime(haproxy_text))}};
    demo.greeting = busy + fill(fmt::runtime(greeting_text));
    return demo;
}

}  // namespace weir::process
