# SPDX-License-Identifier: Apache-2.0
# HTTP/2 from clients in clear text, with prior knowledge: real clients and raw frames, in both
# languages.
import base64
import os
import struct
import subprocess
import time

import pytest

from support import h2, wire
from support.client import Client
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import make_config, skip_anchor

PERSONALITIES = ["nginx", "haproxy"]
NGINX = """
worker_processes 1;
events {{ }}
http {{
    log_format full '$request|$server_protocol|$status|$http2|$request_length';
    access_log {log} full;
    http2 on;
    {http}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{ proxy_pass http://{server}; proxy_http_version 1.1;
                      proxy_set_header Host $http_host; {location} }}
        location /ws {{ proxy_pass http://{server}; proxy_http_version 1.1;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection "upgrade"; }}
        location /own {{ return 200 "own"; }}
        location /closed {{ return 444; }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 1
    {http}
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
    {location}
listen l
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string own if {{ path /own }}
    server a {server}
"""


def config_for(personality, port, server, log="off", http="", location=""):
    text = NGINX if personality == "nginx" else HAPROXY
    return text.format(port=port, server=server.address, log=log, http=http, location=location)


@pytest.fixture(params=PERSONALITIES)
def setup(request, run_proxy, run_server, recorder, folder):
    """start(answers, ...) runs the proxy and its server and gives the port."""
    personality = request.param
    skip_anchor(personality, why="Debian's nginx has no HTTP/2 beside HTTP/1 on one port")

    class Setup:
        def __init__(self):
            self.personality, self.recorder, self.folder = personality, recorder, folder
            self.log = folder / "access.log"

        def start(self, answers=(), **options):
            self.server = run_server(HttpServer("a", recorder, list(answers)))
            self.port = free_port()
            options.setdefault("log", self.log)
            self.proxy = run_proxy(personality, config_for(personality, self.port, self.server,
                                                           **options), ports=[self.port])
            return self.port

    return Setup()


def curl(port, path="/", *more, data=None):
    words = ["curl", "-sS", "--http2-prior-knowledge", "--max-time", "20", "-o", "-",
             "-w", "\n%{http_version} %{response_code}", *more, f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    body, _, last = done.stdout.rpartition(b"\n")
    version, status = last.decode().split()
    return version, int(status), body


def test_curl_gets_and_posts(setup):
    port = setup.start()
    assert curl(port, "/x?y=z") == ("2", 200, b"a GET /x?y=z\n")
    small, large = b"hello", os.urandom(1 << 20)
    for data in small, large:
        version, status, _ = curl(port, "/post", "--data-binary", "@-", data=data)
        assert (version, status) == ("2", 200)
        message = setup.recorder.requests()[-1]
        assert message.body == data and message.get("content-length") == str(len(data))
    assert curl(port, "/put", "-T", "-", "-H", "content-length:", data=large)[1] == 200
    assert setup.recorder.requests()[-1].body == large


def test_large_answers_in_parallel(setup):
    body = "0123456789abcdef" * 4096
    port = setup.start([Answer(match="/big", body=body, repeat_body=16)])
    words = ["h2load", "-n", "64", "-c", "2", "-m", "16", f"http://127.0.0.1:{port}/big"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "64 succeeded, 0 failed" in done.stdout


def test_many_small_requests(setup):
    port = setup.start()
    words = ["h2load", "-n", "2000", "-c", "4", "-m", "32", f"http://127.0.0.1:{port}/own"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "2000 succeeded, 0 failed" in done.stdout, done.stdout


def test_head_and_empty_answers(setup):
    port = setup.start([Answer(match="/none", status=204, body=""),
                        Answer(match="/same", status=304, body="")])
    with h2.Connection(port) as connection:
        for i, (fields, status) in enumerate([(h2.request("HEAD"), 200), (h2.request(path="/none"), 204),
                                              (h2.request(path="/same"), 304)]):
            answer = connection.exchange(fields, stream=2 * i + 1)
            assert (answer.status, answer.body, answer.ended) == (status, b"", True)
        assert connection.ping()


def test_host_is_authority(setup):
    port = setup.start()
    with h2.Connection(port) as connection:
        connection.exchange(h2.request(authority="shop.example:81"))
        assert setup.recorder.requests()[-1].all("host") == ["shop.example:81"]
        fields = [f for f in h2.request() if f[0] != ":authority"] + [("host", "other.example")]
        connection.exchange(fields, stream=3)
        assert setup.recorder.requests()[-1].all("host") == ["other.example"]


def test_trailers_both_ways(setup):
    if setup.personality == "nginx":
        pytest.skip("nginx leaves trailers out")
    port = setup.start([Answer(match="/t", chunks=["ab", "cd"], trailers=["X-Sum: 7"])])
    with h2.Connection(port) as connection:
        answer = connection.exchange(h2.request("POST", "/t"), b"body", trailers=[("x-check", "5")])
        assert answer.body == b"abcd" and answer.trailers == [("x-sum", "7")]
        assert setup.recorder.requests()[-1].trailers == [("x-check", "5")]


def test_trailers_of_the_configuration(setup):
    if setup.personality == "haproxy":
        pytest.skip("nginx only: add_trailer")
    port = setup.start(location="add_trailer X-Path $uri;")
    with h2.Connection(port) as connection:
        answer = connection.exchange(h2.request(path="/t"))
        assert answer.body == b"a GET /t\n" and answer.trailers == [("x-path", "/t")]


def test_interim_answers(setup):
    if setup.personality == "nginx":
        pytest.skip("nginx keeps 1xx answers of servers to itself")
    port = setup.start([Answer(match="/hints", interim=["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"])])
    with h2.Connection(port) as connection:
        answer = connection.exchange(h2.request(path="/hints"))
        assert answer.status == 200
        assert [status for status, _ in answer.interim] == [103]
        assert ("link", "</a>") in answer.interim[0][1]


def test_continue(setup):
    port = setup.start()
    with h2.Connection(port) as connection:
        fields = h2.request("POST", "/", "http", "localhost", ("expect", "100-continue"),
                            ("content-length", "4"))
        connection.send(h2.headers(1, fields, h2.END_HEADERS))
        first = connection.read_until(lambda f: f[0] == h2.HEADERS)
        assert dict(connection.decoder.decode(first[3]))[":status"] == "100"
        connection.send(h2.frame(h2.DATA, h2.END_STREAM, 1, b"body"))
        assert connection.answer().status == 200


def test_early_answer_resets_the_request_without_an_error(setup):
    port = setup.start()
    with h2.Connection(port) as connection:
        connection.send(h2.headers(1, h2.request("POST", "/own"), h2.END_HEADERS))
        answer = connection.answer()
        assert (answer.status, answer.body) == (200, b"own")
        reset = connection.read_until(lambda f: f[0] == h2.RST_STREAM)
        assert reset and reset[3] == struct.pack(">I", h2.NO_ERROR)
        assert connection.exchange(h2.request(), stream=3).status == 200


def test_a_client_that_resets_leaves_the_server(setup):
    port = setup.start([Answer(match="/slow", hold=True)])
    with h2.Connection(port) as connection:
        connection.send(h2.headers(1, h2.request(path="/slow")))
        assert wire.wait_until(lambda: setup.recorder.count() == 1, 5)
        connection.send(h2.frame(h2.RST_STREAM, 0, 1, struct.pack(">I", h2.CANCEL)))
        assert connection.exchange(h2.request(), stream=3).status == 200
    setup.server.release()


def test_websocket(setup):
    port = setup.start([Answer(match="/ws", status=101, tunnel=True, body="",
                               headers=["Upgrade: websocket", "Connection: upgrade",
                                        "Sec-WebSocket-Accept: x"])])
    with h2.Connection(port) as connection:
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
                  (":path", "/ws"), (":authority", "localhost"), ("sec-websocket-version", "13")]
        connection.send(h2.headers(1, fields, h2.END_HEADERS))
        head = connection.read_until(lambda f: f[0] == h2.HEADERS)
        answer = dict(connection.decoder.decode(head[3]))
        assert answer[":status"] == "200" and "sec-websocket-accept" not in answer
        request = setup.recorder.requests()[-1]
        assert request.method == "GET" and request.get("upgrade") == "websocket"
        assert len(base64.b64decode(request.get("sec-websocket-key"))) == 16
        for word in b"ping", b"pong" * 500:
            connection.send(h2.frame(h2.DATA, 0, 1, word))
            got = b""
            while len(got) < len(word):
                got += connection.read_until(lambda f: f[0] == h2.DATA)[3]
            assert got == word
        connection.send(h2.frame(h2.DATA, h2.END_STREAM, 1, b""))
        assert connection.read_until(lambda f: f[2] == 1 and (f[1] & h2.END_STREAM or f[0] == h2.RST_STREAM))
        assert connection.exchange(h2.request(), stream=3).status == 200


def test_http1_on_the_same_port(setup):
    port = setup.start()
    with Client(port) as client:
        assert client.get("/").status == 200
        # RFC 7540's upgrade is gone (RFC 9113 section 3.1); both anchors go on with HTTP/1.
        answer = client.get("/", headers=["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                                          "HTTP2-Settings: AAMAAABkAAQAAP__"])
        assert answer.status == 200
    assert setup.recorder.requests()[-1].get("http2-settings") is None


def test_preface_in_pieces(setup):
    port = setup.start()
    with h2.Connection(port, preface=False) as connection:
        for i in range(0, len(h2.PREFACE), 5):
            connection.send(h2.PREFACE[i:i + 5])
            time.sleep(0.01)
        connection.send(h2.settings())
        assert connection.exchange(h2.request()).status == 200


def test_answers_wait_for_windows(setup):
    port = setup.start([Answer(match="/big", body="x" * 100000)])
    with h2.Connection(port, client_settings=[(4, 1000)]) as connection:
        connection.send(h2.headers(1, h2.request(path="/big")))
        got = 0
        while got < 1000:
            got += len(connection.read_until(lambda f: f[0] == h2.DATA)[3])
        before = len(connection.frames)
        assert got == 1000 and connection.ping()
        assert not [f for f in connection.frames[before:] if f[0] == h2.DATA]
        connection.send(h2.frame(h2.WINDOW_UPDATE, 0, 1, struct.pack(">I", 50000)))
        while got < 51000:
            got += len(connection.read_until(lambda f: f[0] == h2.DATA)[3])
        assert got == 51000


# By the field where the client says that it knows RFC 9218 (setting 9), else by the weights of RFC 7540.
@pytest.mark.parametrize("by", ["urgency", "weight", "dependency"])
def test_urgent_streams_go_first(setup, by):
    port = setup.start([Answer(match="/big", body="x" * 60000)])
    fields = {"urgency": (("priority", "u=6"), ("priority", "u=0"))}.get(by, ((), ()))
    known = [(9, 1)] if by == "urgency" else []
    with h2.Connection(port, client_settings=[(4, 1 << 20), *known]) as connection:
        # The window of the connection is closed until both answers wait.
        connection.send(h2.headers(1, h2.request(path="/big", authority="fill")))
        connection.send(h2.headers(3, h2.request("GET", "/big", "http", "a", *[f for f in fields[:1] if f])))
        connection.send(h2.headers(5, h2.request("GET", "/big", "http", "a", *[f for f in fields[1:] if f])))
        if by == "weight":
            connection.send(h2.frame(h2.PRIORITY, 0, 3, struct.pack(">IB", 0, 0)))
            connection.send(h2.frame(h2.PRIORITY, 0, 5, struct.pack(">IB", 0, 255)))
        if by == "dependency":
            connection.send(h2.frame(h2.PRIORITY, 0, 3, struct.pack(">IB", 5, 15)))
        got = 0
        while got < 65535:
            got += len(connection.read_until(lambda f: f[0] == h2.DATA)[3])
        assert wire.wait_until(lambda: setup.recorder.count() == 3, 5)
        time.sleep(0.3)   # what the servers answer is there, too
        connection.ping()
        before = len(connection.frames)
        connection.send(h2.frame(h2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 200000)))
        ends = []
        while len(ends) < 2:
            item = connection.read_until(lambda f: f[0] == h2.DATA and f[1] & h2.END_STREAM)
            ends.append(item[2])
        assert ends.index(5) < ends.index(3) if 3 in ends else 5 in ends
        assert len(connection.frames) > before


def test_last_request_of_a_connection(setup):
    if setup.personality == "haproxy":
        port = setup.start(http="tune.h2.fe.max-total-streams 2")
    else:
        port = setup.start(http="keepalive_requests 2;")
    with h2.Connection(port) as connection:
        assert connection.exchange(h2.request(path="/own")).status == 200
        answer = connection.exchange(h2.request(path="/own"), stream=3)
        assert answer.status == 200
        if answer.goaway is None:
            assert connection.read_until(lambda f: f[0] == h2.GOAWAY)
        assert connection.read_until(lambda f: False, 2) is None and connection.closed


def test_idle_connections_are_closed(setup):
    limit = ("keepalive_timeout 1s;" if setup.personality == "nginx" else "")
    port = setup.start(http=limit, location="timeout http-keep-alive 1s" if not limit else "")
    with h2.Connection(port) as connection:
        assert connection.exchange(h2.request(path="/own")).status == 200
        began = time.monotonic()
        assert connection.read_until(lambda f: f[0] == h2.GOAWAY)
        connection.read_until(lambda f: False, 2)
        assert connection.closed and 0.5 < time.monotonic() - began < 3


def test_stop_lets_requests_end(setup):
    port = setup.start([Answer(match="/slow", delay=0.5)])
    with h2.Connection(port) as connection:
        connection.send(h2.headers(1, h2.request(path="/slow")))
        assert wire.wait_until(lambda: setup.recorder.count() == 1, 5)
        how = "SIGQUIT" if setup.personality == "nginx" else "SIGUSR1"
        import signal
        setup.proxy.process.send_signal(getattr(signal, how))
        answer = connection.answer()
        assert answer.status == 200 and answer.ended
        assert answer.goaway == h2.NO_ERROR or connection.read_until(lambda f: f[0] == h2.GOAWAY)
        connection.read_until(lambda f: False, 2)
        assert connection.closed


def test_reload_keeps_the_connection(setup):
    port = setup.start()
    with h2.Connection(port) as connection:
        assert connection.exchange(h2.request(path="/own")).body == b"own"
        text = setup.proxy.config_path.read_text()
        setup.proxy.write_config(text.replace('"own"', '"new"').replace("string own", "string new"))
        setup.proxy.process.send_signal(1 if setup.personality == "nginx" else 12)
        number = 3

        def renewed():
            nonlocal number
            answer = connection.exchange(h2.request(path="/own"), stream=number)
            number += 2
            return answer.body == b"new"

        assert wire.wait_until(renewed, 5)
        assert not [f for f in connection.frames if f[0] == h2.GOAWAY]


def test_access_log(setup):
    if setup.personality == "haproxy":
        pytest.skip("see the differential cases")
    port = setup.start()
    with h2.Connection(port) as connection:
        connection.exchange(h2.request(path="/own?a=b"))
    assert wire.wait_until(lambda: setup.log.exists() and setup.log.read_text(), 5)
    assert setup.log.read_text().startswith("GET /own?a=b HTTP/2.0|HTTP/2.0|200|h2c|")


def test_closed_without_an_answer(setup):
    if setup.personality == "haproxy":
        pytest.skip("nginx only: return 444")
    port = setup.start()
    with h2.Connection(port) as connection:
        answer = connection.exchange(h2.request(path="/closed"))
        assert answer.status is None and answer.reset is not None
        assert connection.exchange(h2.request(path="/own"), stream=3).status == 200
