# SPDX-License-Identifier: Apache-2.0
# TLS to the servers, where one request and its answer do not show all: sessions that
# are resumed, connections that are kept, reloads, checks, and Debian's nginx and HAProxy
# as TLS servers. Names and certificates themselves: diff/*/proxy_ssl*.toml, server_ssl.toml.
import re
import subprocess

import pytest

from support import binary, certificates, wire
from support.client import Client, get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer, TcpServer
from support.websocket import WebSocketClient, WebSocketServer

from .setups import skip_anchor

NGINX = """
worker_processes 1;
events {{ }}
http {{
    proxy_http_version 1.1;
    proxy_ssl_trusted_certificate {folder}/ca.pem;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    upstream pool {{ server {server}; keepalive 8; {pool} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass https://pool; {more} }}
        location /other {{ proxy_pass https://pool; {other} }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
    default_backend pool
backend pool
    {pool}
    server s {server} ssl ca-file {folder}/ca.pem {more}
"""
CLOSE = 'proxy_set_header Connection close;'
KEEP = 'proxy_set_header Connection "";'


def nginx(run_proxy, server, more="", other="", pool=""):
    port = free_port()
    text = NGINX.format(folder=certificates.folder(), server=server.address, port=port, more=more,
                        other=other, pool=pool)
    return run_proxy("nginx", text, ports=[port], allow=["SSL"]), port


def haproxy(run_proxy, server, more="", pool=""):
    port = free_port()
    text = HAPROXY.format(folder=certificates.folder(), server=server.address, port=port, more=more,
                          pool=pool)
    return run_proxy("haproxy", text, ports=[port]), port


# -- sessions and connections ---------------------------------------------------------


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_sessions_are_resumed(run_server, run_proxy, newest):
    server = run_server(HttpServer("s", tls={"most": newest}))
    _, port = nginx(run_proxy, server, more=CLOSE, other=CLOSE + "proxy_ssl_session_reuse off;")
    assert [get(port, "/").status for _ in range(3)] == [200] * 3
    assert server.resumed == [False, True, True]
    assert [get(port, "/other").status for _ in range(2)] == [200] * 2
    assert server.resumed[3:] == [False, False]


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_haproxy_resumes_unless_told_otherwise(run_server, run_proxy, newest):
    server = run_server(HttpServer("s", answers=[Answer(close=True)], tls={"most": newest}))
    more = "sni str(good.example)"
    _, port = haproxy(run_proxy, server, more=more)
    assert [get(port, "/").status for _ in range(3)] == [200] * 3
    assert server.resumed == [False, True, True]
    _, port = haproxy(run_proxy, server, more=more + " no-ssl-reuse")
    assert [get(port, "/").status for _ in range(2)] == [200] * 2
    assert server.resumed[3:] == [False, False]


def test_no_session_crosses_to_another_name_or_check(run_server, run_proxy):
    """nginx resumes what it agreed without a check; then nothing is checked."""
    skip_anchor("nginx", "nginx keeps one session per server, whatever its name")
    server = run_server(HttpServer("s", tls="other"))
    _, port = nginx(run_proxy, server, more=CLOSE,
                    other=CLOSE + "proxy_ssl_verify on; proxy_ssl_name good.example;")
    assert get(port, "/").status == 200
    assert get(port, "/other").status == 502
    assert get(port, "/").status == 200
    assert server.resumed[0] is False and server.resumed[-1] is True


def test_connections_are_kept_within_one_name(run_server, run_proxy):
    skip_anchor("nginx", "nginx of Debian takes any idle connection of the upstream")
    server = run_server(HttpServer("s", tls="good"))
    name = "proxy_ssl_server_name on; proxy_ssl_name $arg_name.wild.example;"
    _, port = nginx(run_proxy, server, more=KEEP + name)
    for _ in range(3):
        for who in "ab":
            assert f"name={who}.wild.example" in get(port, f"/?name={who}").get("x-tls")
    assert server.connections == 2


def test_idle_connections_live_through_tickets(run_server, run_proxy):
    """A server of TLS 1.3 sends tickets when it likes; they are no data."""
    server = run_server(HttpServer("s", tls="good"))
    _, port = nginx(run_proxy, server, more=KEEP)
    for i in range(6):
        assert get(port, f"/{i}").status == 200
    assert server.connections == 1


def test_a_renewed_server_is_checked_anew(run_server, run_proxy):
    """A reload that begins to check resumes nothing from before."""
    server = run_server(HttpServer("s", tls="selfsigned"))
    proxy, port = nginx(run_proxy, server, more=CLOSE)
    assert get(port, "/").status == 200
    text = proxy.config_path.read_text().replace(
        CLOSE, CLOSE + "proxy_ssl_verify on; proxy_ssl_name good.example;")
    proxy.write_config(text)
    assert proxy.reload()[0] == 0
    assert wire.wait_until(lambda: get(port, "/").status == 502, 5.0, 0.05)


# -- what must not pass ---------------------------------------------------------------


class Injected(TcpServer):
    """Sends an answer in the clear before its side of the handshake (CVE-2026-1642)."""

    def __init__(self, name, context):
        super().__init__(name)
        self.context = context

    def serve(self, connection, number):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ninjected")
        secured = self.context.wrap_socket(connection, server_side=True)
        secured.recv(65536)
        secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue")


@pytest.mark.parametrize("personality", ["nginx", "haproxy"])
def test_bytes_before_the_handshake_are_no_answer(run_server, run_proxy, personality):
    server = run_server(Injected("s", certificates.server_context()))
    start = {"nginx": nginx, "haproxy": haproxy}[personality]
    _, port = start(run_proxy, server, more="verify none" if personality == "haproxy" else "")
    answer = get(port, "/")
    assert answer.status == (502 if personality == "nginx" else 503)
    assert b"injected" not in answer.body


class Cutting(TcpServer):
    """Ends in the middle of the handshake, or after it without a word."""

    def serve(self, connection, number):
        connection.recv(64)


def test_a_handshake_that_breaks_off(run_server, run_proxy):
    server = run_server(Cutting("s"))
    proxy, port = nginx(run_proxy, server)
    assert [get(port, f"/{i}").status for i in range(20)] == [502] * 20
    assert "while SSL handshaking to upstream" in proxy.output()


def test_the_next_server_is_asked_when_a_handshake_fails(run_server, run_proxy):
    bad, good = run_server(HttpServer("bad", tls="expired")), run_server(HttpServer("good", tls="good"))
    _, port = nginx(run_proxy, bad, more="proxy_ssl_verify on; proxy_ssl_name good.example;",
                    pool=f"server {good.address};")
    assert {get(port, f"/{i}").get("x-server") for i in range(6)} == {"good"}


# -- bodies ---------------------------------------------------------------------------


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_large_bodies_both_ways(run_server, run_proxy, newest):
    size = 3_000_000
    server = run_server(HttpServer("s", tls={"most": newest},
                                   answers=[Answer(match="^GET", body="0123456789", repeat_body=size // 10)]))
    _, port = nginx(run_proxy, server, more=KEEP + "client_max_body_size 0; proxy_request_buffering off;")
    assert get(port, "/").body == b"0123456789" * (size // 10)
    with Client(port, timeout=20) as client:
        body = bytes(range(256)) * (size // 256)
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.read_response("POST").status == 200
    assert server.recorder.requests("s")[-1].body == body


def test_websocket_over_tls(run_server, run_proxy):
    server = run_server(WebSocketServer("w", tls="good"))
    upgrade = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;'
    _, port = nginx(run_proxy, server, more=upgrade)
    with WebSocketClient(port) as client:
        for text in ("one", "two", "x" * 70_000):
            assert client.echo(text)


# -- the anchors as servers -----------------------------------------------------------

NGINX_SERVER = """
worker_processes 1;
events {{ }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/good.pem;
        ssl_certificate_key {folder}/good.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        client_max_body_size 0;
        location / {{ return 200 "$ssl_server_name $ssl_protocol $ssl_session_reused $request_method\\n"; }}
    }}
}}
"""
HAPROXY_SERVER = """
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} ssl crt {folder}/good.both.pem
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_sni] %[ssl_fc_protocol] %[ssl_fc_is_resumed] %[method]"
"""


@pytest.mark.parametrize("personality", ["nginx", "haproxy"])
@pytest.mark.parametrize("behind", ["nginx", "haproxy"])
def test_anchors_as_servers(run_proxy, personality, behind):
    """Both languages in front of both anchors: handshakes, resumption, kept connections."""
    port = free_port()
    text = {"nginx": NGINX_SERVER, "haproxy": HAPROXY_SERVER}[behind]

    class Address:
        address = f"127.0.0.1:{port}"

    with Proxy(binary.anchor(behind), behind, text.format(port=port, folder=certificates.folder()),
               ports=[port]):
        if personality == "nginx":
            _, front = nginx(run_proxy, Address,
                             more=CLOSE + "proxy_ssl_verify on; proxy_ssl_name good.example; proxy_ssl_server_name on;",
                             other=KEEP + "proxy_ssl_name good.example; proxy_ssl_server_name on;")
        else:
            _, front = haproxy(run_proxy, Address, more="sni str(good.example)")
        bodies = [get(front, "/").body.decode().split() for _ in range(3)]
        assert all(body[:2] == ["good.example", "TLSv1.3"] for body in bodies)
        if personality == "nginx":
            assert [body[2] in ("r", "1") for body in bodies] == [False, True, True]
        for _ in range(20):
            assert get(front, "/other").status == 200


# -- checks ---------------------------------------------------------------------------


def test_checks_over_tls(run_server, run_proxy):
    """A certificate for another name keeps the server out, and the log says why."""
    skip_anchor("nginx", "health_check is commercial")
    server = run_server(HttpServer("s", tls="other"))
    check = "location = /check { internal; proxy_pass https://pool; proxy_ssl_verify on; " \
            "proxy_ssl_name good.example; health_check interval=100ms fails=1; }"
    port = free_port()
    text = NGINX.format(folder=certificates.folder(), server=server.address, port=port, more="",
                        other="", pool="zone pool 128k;").replace("location /other", check + " location /other")
    proxy = run_proxy("nginx", text, ports=[port], allow=["SSL", "unhealthy"])
    assert wire.wait_until(lambda: get(port, "/").status == 502, 5.0, 0.05)
    server.stop()
    server.tls = certificates.server_context("good")
    server.start()
    assert wire.wait_until(lambda: get(port, "/").status == 200, 10.0, 0.05)
    assert proxy.output()


def test_haproxy_checks_over_tls(run_server, run_proxy):
    server = run_server(HttpServer("s", tls="expired"))
    pool = "option httpchk GET /health"
    proxy, port = haproxy(run_proxy, server, pool=pool,
                          more="sni str(good.example) check inter 500ms fall 2 rise 1 "
                               "check-sni good.example")
    assert wire.wait_until(lambda: "Layer6 invalid response" in proxy.output(), 5.0, 0.05)
    assert get(port, "/").status == 503
    server.stop()
    server.tls = certificates.server_context("good")
    server.start()
    assert wire.wait_until(lambda: get(port, "/").status == 200, 10.0, 0.05)
    assert any(m.target == "/health" for m in server.recorder.requests("s"))


# -- the test of a configuration ------------------------------------------------------


def test_offline_looks_at_no_certificate(run_server, run_proxy, folder):
    skip_anchor("weir", "only weir has --offline")
    (folder / "x.conf").write_text(
        "events { }\nhttp { server { listen 127.0.0.1:8; location / { proxy_pass https://127.0.0.1; "
        "proxy_ssl_verify on; proxy_ssl_trusted_certificate nowhere.pem; } } }\n")
    weir = binary.subject("weir")

    def test(*words):
        return subprocess.run([weir, "-t", *words, "-c", folder / "x.conf"], capture_output=True,
                              text=True, timeout=20, check=False)

    strict = test()
    assert strict.returncode == 1
    assert re.search(r"x.conf:2:\d+: error: cannot load .*nowhere.pem", strict.stdout + strict.stderr)
    assert test("--offline").returncode == 0


def test_a_certificate_that_is_none(run_proxy, folder):
    skip_anchor("weir", "the words are weir's")
    (folder / "bad.pem").write_text("no certificate\n")
    (folder / "x.conf").write_text(
        f"events {{ }}\nhttp {{ server {{ listen 127.0.0.1:8; location / {{ proxy_pass https://127.0.0.1; "
        f"proxy_ssl_certificate {folder}/bad.pem; proxy_ssl_certificate_key {folder}/bad.pem; }} }} }}\n")
    done = subprocess.run([binary.subject("weir"), "-t", "-c", folder / "x.conf"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "cannot load certificate" in done.stdout + done.stderr
