# SPDX-License-Identifier: Apache-2.0
# HTTP/2 to the servers: nginx's grpc_pass and proxy_http_version 2, HAProxy's proto h2.
# The client speaks HTTP/1.1 here, so each case is also one of translation.
import hashlib
import threading
import time

import pytest

from support import binary, h2_server as h2, wire
from support.client import Client
from support.h2_server import H2Server
from support.ports import free_port

NGINX = """
worker_processes 1;
events {{ }}
http {{
    access_log off;
    client_max_body_size 0;
    upstream pool {{ {servers} {pool} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ {passes} {location} }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 1
    {main}
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    {defaults}
listen l
    bind 127.0.0.1:{port}
    {servers}
"""
GRPC, PROXY, HAPROXY_H2 = "grpc", "proxy", "haproxy"
ALL = [GRPC, PROXY, HAPROXY_H2]
PASSES = {GRPC: "grpc_pass grpc://pool;",
          PROXY: "proxy_pass http://pool; proxy_http_version 2; proxy_request_buffering off;"}


def config(way, port, servers, location="", pool="", defaults="", main=""):
    if way == HAPROXY_H2:
        lines = "\n    ".join(f"server s{i} {s.address} proto h2" for i, s in enumerate(servers))
        return HAPROXY.format(port=port, servers=lines, defaults=defaults, main=main)
    lines = " ".join(f"server {s.address};" for s in servers)
    return NGINX.format(port=port, servers=lines, passes=PASSES[way], location=location, pool=pool)


@pytest.fixture
def start(run_server, run_proxy):
    def run(way, *handlers, settings=(), opens_window=True, **words):
        if binary.subject_is_anchor() and way == PROXY:
            pytest.skip("Debian's nginx has no proxy_http_version 2")
        servers = [run_server(H2Server("abc"[i], handler, settings, opens_window))
                   for i, handler in enumerate(handlers or (h2.default_handler,))]
        port = free_port()
        personality = "haproxy" if way == HAPROXY_H2 else "nginx"
        run_proxy(personality, config(way, port, servers, **words), ports=[port])
        return (port, *servers)
    return run


def ask(port, method="GET", target="/", head="", body="", final=True):
    with Client(port, timeout=20) as client:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        client.send(f"{method} {target} HTTP/1.1\r\nHost: t.example\r\n{length}{head}\r\n{body}")
        answers = client.read_final(method)
        return answers[-1] if final else answers


@pytest.mark.parametrize("way", ALL)
def test_request_and_answer(way, start):
    port, server = start(way)
    answer = ask(port, "POST", "/x/y?q=1", "X-Mixed-Case: Value\r\nConnection: x-gone\r\n"
                 "X-Gone: 1\r\nTE: trailers, deflate\r\n", "hello")
    assert answer.status == 200 and answer.body == b"a POST /x/y?q=1\n"
    request = server.requests[0]
    assert request.body == b"hello"
    names = [name for name, _ in request.fields]
    assert names[:3] == sorted(names[:3], key=[":method", ":scheme", ":path"].index)
    # HAProxy takes what it is not told for https.
    assert request.field(":scheme") == ("https" if way == HAPROXY_H2 else "http")
    # RFC 9113 section 8.3.1: Host of a request in origin form stays Host.
    assert request.field(":authority") == (None if way == HAPROXY_H2 else "pool")
    assert request.field("host") == ("t.example" if way == HAPROXY_H2 else None)
    assert request.field("x-mixed-case") == "Value" and request.field("content-length") == "5"
    assert "connection" not in names
    assert "x-gone" not in names or binary.subject_is_anchor()
    if way != PROXY:
        assert request.field("te") == "trailers"


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("method,status", [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_answers_without_a_body(way, method, status, start):
    def handler(request):
        request.head(status, [("content-length", "12")] if status != 204 else (), end=True)
    port, server = start(way, handler)
    for _ in range(2):
        answer = ask(port, method)
        assert answer.status == status and answer.body == b""


@pytest.mark.parametrize("way", ALL)
def test_sizes(way, start):
    """Bodies without a length and beyond every window, both ways."""
    sent = bytes(range(256)) * 4096

    def handler(request):
        request.ended.wait(10)
        request.head(200, [("digest", hashlib.md5(request.body).hexdigest())])
        request.data(sent, True)
    port, server = start(way, handler)
    answer = ask(port, "POST", "/", "", sent.decode("latin-1"))
    assert answer.status == 200
    assert answer.get("digest") == hashlib.md5(sent).hexdigest()
    assert answer.body == sent


@pytest.mark.parametrize("way", ALL)
def test_connection_is_used_again(way, start):
    if binary.subject_is_anchor() and way == HAPROXY_H2:
        pytest.skip("a client's first request takes no connection of others (http-reuse safe)")
    port, server = start(way, pool="keepalive 4;")
    for i in range(5):
        assert ask(port, "GET", f"/{i}").body == f"a GET /{i}\n".encode()
    assert server.connections == 1
    assert [r.stream for r in server.requests] == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("way", ALL)
def test_requests_share_a_connection(way, start):
    """weir multiplexes; the anchor nginx opens one for each."""
    if binary.subject_is_anchor():
        pytest.skip("the anchors open more")
    gate = threading.Barrier(8)

    def handler(request):
        request.ended.wait(10)
        if request.path != "/first":
            gate.wait(10)
        request.answer(b"ok")
    port, server = start(way, handler, pool="keepalive 4;")
    assert ask(port, "GET", "/first").status == 200
    got = []
    threads = [threading.Thread(target=lambda: got.append(ask(port, "POST", "/", "", "x").status))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == [200] * 8
    assert server.connections == 1


@pytest.mark.parametrize("way", ALL)
def test_server_allows_one_stream(way, start):
    """MAX_CONCURRENT_STREAMS 1: the others get connections of their own, and all are answered."""
    def handler(request):
        request.ended.wait(10)
        time.sleep(0.1)
        request.answer(b"ok")
    port, server = start(way, handler, settings=[(h2.MAX_CONCURRENT_STREAMS, 1)],
                         pool="keepalive 4;")
    assert ask(port, "GET", "/first").status == 200
    got = []
    threads = [threading.Thread(target=lambda: got.append(ask(port).status)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == [200] * 4


@pytest.mark.parametrize("way", [GRPC, HAPROXY_H2])
def test_trailers_of_the_answer(way, start):
    def handler(request):
        request.ended.wait(10)
        request.head(200, [("trailer", "grpc-status")])
        request.data(b"part")
        request.trailer([("grpc-status", "0"), ("grpc-message", "fine")])
    port, server = start(way, handler)
    with Client(port) as client:
        client.send("POST /a HTTP/1.1\r\nHost: t\r\nTE: trailers\r\nContent-Length: 1\r\n\r\nx")
        answer = client.read_final("POST")[-1]
    assert answer.status == 200 and answer.body == b"part"
    assert [t for t in answer.trailers if t[0].lower() == "grpc-status"]


def test_trailers_of_the_request(start):
    port, server = start(HAPROXY_H2)
    with Client(port) as client:
        client.send("POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "4\r\nbody\r\n0\r\nX-Sum: 12\r\n\r\n")
        assert client.read_final("POST")[-1].status == 200
    assert server.requests[0].body == b"body"
    assert ("x-sum", "12") in server.requests[0].trailers


@pytest.mark.parametrize("way", ALL)
def test_both_ways_at_once(way, start):
    """Each piece of the request is answered before the next is sent."""
    def handler(request):
        request.head(200, [("content-type", "application/grpc")])
        for i in range(1, 4):
            request.wait_body(i * 5)
            request.data(b"got%d;" % i)
        request.ended.wait(10)
        request.trailer([("grpc-status", "0")])
    port, server = start(way, handler)
    with Client(port, timeout=10) as client:
        client.send("POST /s HTTP/1.1\r\nHost: t\r\nTE: trailers\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n")
        for i in range(1, 4):
            client.send("5\r\nhello\r\n")
            got = b""
            while b"got%d;" % i not in got:
                got += client.sock.recv(65536)
        client.send("0\r\n\r\n")
        rest = b""
        while b"0\r\n" not in rest:
            rest += client.sock.recv(65536)


@pytest.mark.parametrize("way", ALL)
def test_early_answer(way, start):
    """An answer before the body is whole, and RST NO_ERROR behind it (RFC 9113 section 8.1)."""
    def handler(request):
        request.answer(b"enough", 413)
        request.rst(h2.NO_ERROR)
    port, server = start(way, handler)
    with Client(port, timeout=10) as client:
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nsome")
        answer = client.read_response("POST")
    assert answer.status == 413 and answer.body == b"enough"
    assert ask(port, "GET", "/again").status == 413


@pytest.mark.parametrize("way", [HAPROXY_H2])
def test_interim_answers(way, start):
    def handler(request):
        request.head(103, [("link", "</a.css>; rel=preload")])
        request.ended.wait(10)
        request.answer(b"done")
    port, server = start(way, handler)
    answers = ask(port, final=False)
    assert [a.status for a in answers] == [103, 200]
    assert answers[0].get("link") == "</a.css>; rel=preload"


@pytest.mark.parametrize("way", ALL)
def test_refused_stream_goes_elsewhere(way, start):
    """REFUSED_STREAM: nothing was done, so even a POST is sent again."""
    def refuse(request):
        request.rst(h2.REFUSED_STREAM)
    if binary.subject_is_anchor():
        pytest.skip("nginx takes it for an invalid header, HAProxy for an error")
    port, a, b = start(way, refuse, h2.default_handler, defaults="option redispatch 1")
    answers = [ask(port, "POST", f"/{i}", "", "x").status for i in range(4)]
    assert answers == [200] * 4
    assert len(b.requests) == 4


@pytest.mark.parametrize("way", ALL)
def test_goaway_ends_no_request(way, start):
    """Requests above the last stream are sent again on a new connection; those below are answered."""
    def handler(request):
        request.ended.wait(10)
        if request.path == "/goodbye":
            request.connection.goaway(request.stream)
            time.sleep(0.1)
        request.answer(b"ok")
    port, server = start(way, handler, pool="keepalive 4;")
    for target in ("/a", "/goodbye", "/b", "/c"):
        assert ask(port, "GET", target).status == 200
    assert server.connections == 2 or binary.subject_is_anchor()


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("hard", [False, True])
def test_connection_dies_while_idle(way, hard, start):
    port, server = start(way, pool="keepalive 4;")
    for i in range(3):
        assert ask(port, "GET", f"/{i}").status == 200
        server.sessions[-1].sock.shutdown(2)
        time.sleep(0.05)
    assert server.connections == 3


@pytest.mark.parametrize("way", ALL)
def test_connection_dies_under_a_request(way, start):
    """No answer: 502. Half an answer: the client sees it cut."""
    def handler(request):
        if request.path == "/half":
            request.head(200, [("content-length", "1000")])
            request.data(b"half")
            time.sleep(0.1)
        request.connection.sock.shutdown(2)
    port, server = start(way, handler)
    with Client(port) as client:
        client.send("POST /none HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx")
        assert client.read_final("POST")[-1].status == 502
    with Client(port) as client:
        client.send("GET /half HTTP/1.1\r\nHost: t\r\n\r\n")
        answer = client.read_final("GET")[-1]
        assert answer.status == 200 and not answer.whole


def spoil_status(request):
    request.connection.headers(request.stream, [("content-type", "x")], True)


def two_statuses(request):
    request.connection.headers(request.stream, [(":status", "200"), (":status", "404")], True)


def odd_status(request):
    request.connection.headers(request.stream, [(":status", "2000")], True)


def connection_field(request):
    request.head(200, [("connection", "close")], True)


def transfer_encoding(request):
    request.head(200, [("transfer-encoding", "chunked")], True)


def upper_case(request):
    request.head(200, [("X-Upper", "1")], True)


def line_feed(request):
    request.head(200, [("x-split", "a\r\nb: c")], True)


def long_body(request):
    request.head(200, [("content-length", "3")])
    request.data(b"four", True)


def short_body(request):
    request.head(200, [("content-length", "30")])
    request.data(b"four", True)


def switching(request):
    request.head(101, [])


def data_first(request):
    request.data(b"early", True)


HEADLESS = [spoil_status, two_statuses, odd_status, connection_field, transfer_encoding,
            upper_case, line_feed, switching, data_first]


@pytest.mark.parametrize("way", ALL)
def test_broken_answers(way, start):
    """None of them reaches the client as an answer; other requests go on."""
    if binary.subject_is_anchor():
        pytest.skip("each anchor lets some of these through")
    handlers = {f.__name__: f for f in HEADLESS + [long_body, short_body]}

    def handler(request):
        handlers.get(request.path[1:], h2.default_handler)(request)
    port, server = start(way, handler, pool="keepalive 4;")
    for one in HEADLESS:
        assert ask(port, "POST", f"/{one.__name__}", "", "x").status == 502, one.__name__
    for name in ("long_body", "short_body"):
        with Client(port) as client:
            client.send(f"POST /{name} HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx")
            try:
                answer = client.read_final("POST")[-1]
            except wire.Closed:
                continue   # what was read of it was not sent on yet
            assert answer.status == 502 or not answer.whole, name
    assert ask(port).status == 200


def flood(kind):
    """Frames without end, until the other side has enough of it."""
    def handler(request):
        c, stream = request.connection, request.stream
        if kind == "continuation":
            c.frame(h2.HEADERS, 0, stream, c.encoder.encode([(":status", "200")]))
        until = time.monotonic() + 5
        try:
            while time.monotonic() < until:
                for _ in range(200):
                    if kind == "settings":
                        c.settings([(h2.MAX_CONCURRENT_STREAMS, 100)])
                    elif kind == "ping":
                        c.frame(h2.PING, 0, 0, b"12345678")
                    elif kind == "interim":
                        request.head(103, [("link", "x")])
                    elif kind == "empty data":
                        c.frame(h2.DATA, 0, stream)
                    elif kind == "continuation":
                        c.frame(h2.CONTINUATION, 0, stream, b"\0\1a\1b" * 3000)
        finally:
            c.closed = True
    return handler


def bomb(request):
    """A small block that stands for many megabytes (one indexed field, again and again)."""
    c = request.connection
    block = c.encoder.encode([(":status", "200")]) + b"\x40\x01a" + b"\x7f\x81\x1e" + b"x" * 3968
    c.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, request.stream, block + b"\xbe" * 12000)


@pytest.mark.parametrize("way", [GRPC, HAPROXY_H2])
@pytest.mark.parametrize("kind", ["settings", "ping", "interim", "empty data", "continuation", "bomb"])
def test_hostile_server(way, kind, start):
    """Bounded work and memory, 502, and the worker lives."""
    if binary.subject_is_anchor():
        pytest.skip("about weir")

    def handler(request):
        if request.path == "/good":
            return h2.default_handler(request)
        return bomb(request) if kind == "bomb" else flood(kind)(request)
    port, server = start(way, handler, location="grpc_read_timeout 5s;")
    began = time.monotonic()
    answer = ask(port, "POST", "/bad", "", "x")
    assert answer.status in (502, 504)
    assert time.monotonic() - began < 8
    assert ask(port, "GET", "/good").status == 200


@pytest.mark.parametrize("way", [GRPC, HAPROXY_H2])
def test_server_never_opens_its_window(way, start):
    def handler(request):
        request.ended.wait(20)
    port, server = start(way, handler, opens_window=False, location="grpc_send_timeout 1s; "
                         "grpc_read_timeout 1s;", defaults="timeout server 1s")
    with Client(port, timeout=10) as client:
        client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + "x" * 200000)
        assert client.read_final("POST")[-1].status == 504


def test_slow_client_holds_its_server_back(start):
    """Back-pressure: no more than the window and what lies in sockets is taken."""
    if binary.subject_is_anchor():
        pytest.skip("about weir")
    taken = []

    def handler(request):
        request.head(200, [("content-length", str(64 << 20))])
        for _ in range(1024):
            request.data(b"x" * 65536)
            taken.append(65536)
    port, server = start(HAPROXY_H2, handler)
    with Client(port) as client:
        client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        begun = client.sock.recv(1000)
        time.sleep(0.5)
        assert sum(taken) < 24 << 20
        size = len(begun.split(b"\r\n\r\n", 1)[1])
        while size < 64 << 20:
            piece = client.sock.recv(1 << 20)
            assert piece
            size += len(piece)


def test_grpc_error_pages(start):
    """The usual idiom: HTTP errors become statuses of gRPC."""
    def handler(request):
        request.answer(b"", 503)
    port, server = start(GRPC, handler, location="""
        grpc_intercept_errors on;
        error_page 503 = @unavailable;
        }
        location @unavailable {
            default_type application/grpc;
            add_header grpc-status 14;
            return 204;""")
    answer = ask(port, "POST", "/", "", "x")
    assert answer.status == 204 and answer.get("grpc-status") == "14"


def test_grpc_rows(start):
    port, server = start(GRPC, location="""
        grpc_set_header Host $host;
        grpc_set_header X-Set "a$arg_q";
        grpc_set_header X-Empty "";
        grpc_hide_header x-hidden;
        grpc_pass_header server;""")
    answer = ask(port, "GET", "/?q=1", "X-Empty: 1\r\n")
    request = server.requests[0]
    assert request.field("x-set") == "a1" and request.field("x-empty") is None
    assert request.field("host") == "t.example" and request.field(":authority") is None
    assert answer.status == 200


def test_grpc_pass_with_variables(start):
    port, server = start(GRPC, location="""}
        location /v { set $to 127.0.0.1:$arg_p; grpc_pass grpc://$to;""")
    answer = ask(port, "GET", f"/v?p={server.port}")
    assert answer.status == 200
    assert server.requests[0].field(":authority") == f"127.0.0.1:{server.port}"


def test_no_server(start):
    port, server = start(GRPC)
    server.stop()
    assert ask(port, "GET", "/").status == 502
