# SPDX-License-Identifier: Apache-2.0
# Servers that go away and come back, all of them at once, and names that can't be
# looked up.
import socket
import struct
import threading
import time

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import PERSONALITIES, make_config, skip_anchor

GONE = {"nginx": 502, "weir": 502, "haproxy": 503}


def start(personality, run_server, run_proxy, count=2, **options):
    skip_anchor(personality)
    port = free_port()
    servers = [run_server(HttpServer(name)) for name in "abc"[:count]]
    defaults = "retries 2\n    option redispatch 1"
    proxy = run_proxy(personality,
                      make_config(personality, port, servers, defaults=defaults, **options),
                      ports=[port])
    return proxy, port, servers


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_one_server_down_costs_no_request(personality, run_server, run_proxy):
    _, port, (_, other) = start(personality, run_server, run_proxy)
    with Client(port, timeout=15) as client:
        for i in range(6):
            assert client.get(f"/up{i}").status == 200
        other.stop()
        for i in range(6):
            assert client.get(f"/down{i}").body.startswith(b"a ")
        other.start()


@pytest.mark.parametrize("personality", ["nginx", "weir"])
def test_server_that_comes_back_is_used_again(personality, run_server, run_proxy):
    _, port, (_, other) = start(personality, run_server, run_proxy,
                                options="max_fails=1 fail_timeout=1s")
    other.stop()
    for i in range(4):
        assert get(port, f"/{i}").status == 200
    other.start()
    assert wire.wait_until(lambda: get(port).body.startswith(b"b "), 4.0, 0.1)


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_all_servers_down_and_back(personality, run_server, run_proxy):
    _, port, servers = start(personality, run_server, run_proxy,
                             options="" if personality == "haproxy" else "fail_timeout=1s")
    assert get(port).status == 200
    for server in servers:
        server.stop()
    began = time.monotonic()
    answer = get(port, timeout=15)
    assert answer.status == GONE[personality]
    assert time.monotonic() - began < 5.0
    with Client(port, timeout=15) as client:
        client.send("POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
        assert client.read_final()[-1].status == GONE[personality]
    for server in servers:
        server.start()
    assert wire.wait_until(lambda: get(port, timeout=15).status == 200, 15.0, 0.2)


@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_checks_take_a_server_out_and_in(kind, run_server, run_proxy):
    """HAProxy's language: a server that fails its checks gets no request at all."""
    option = "option httpchk GET /health" if kind == "http" else ""
    _, port, (_, other) = start("haproxy", run_server, run_proxy, pool=option,
                                options="check inter 100 fall 2 rise 2")
    assert wire.wait_until(lambda: get(port, "/count").body == b"2", 5.0)
    if kind == "http":
        other.answers = [Answer(match="/health", status=503, body="ill\n")]
    else:
        other.stop()
    assert wire.wait_until(lambda: get(port, "/count").body == b"1", 5.0)
    for i in range(6):
        assert get(port, f"/{i}").body.startswith(b"a ")
    other.answers = []
    if kind == "tcp":
        other.start()
    assert wire.wait_until(lambda: get(port, "/count").body == b"2", 5.0)
    assert {get(port, f"/x{i}").body[:1] for i in range(4)} == {b"a", b"b"}


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_server_that_accepts_and_stalls(personality, run_server, run_proxy):
    """The read timeout answers 504, and other requests are not held up by it."""
    skip_anchor(personality)
    port = free_port()
    server = run_server(HttpServer("a", answers=[Answer(match="stall", hold=True)]))
    run_proxy(personality, make_config(
        personality, port, [server], location="proxy_read_timeout 1s;",
        defaults="timeout server 1s"), ports=[port])
    with Client(port) as slow:
        slow.send("GET /stall HTTP/1.1\r\nHost: t\r\n\r\n")
        for i in range(10):
            assert get(port, f"/quick{i}").status == 200
        assert slow.read_response().status == 504


# -- names ----------------------------------------------------------------------


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_unknown_name_does_not_stop_the_start(personality, run_server, run_proxy):
    """One name that can't be looked up: that server is down, the other one serves."""
    skip_anchor(personality, "refuses to start", only="nginx")
    port, good = free_port(), run_server(HttpServer("a"))
    options = "init-addr last,libc,none" if personality == "haproxy" else ""
    config = make_config(personality, port, [good, "no-such-host.invalid:80"],
                         options=options, defaults="option redispatch 1")
    run_proxy(personality, config, ports=[port], allow=["no-such-host"])
    for i in range(6):
        assert get(port, f"/{i}").body.startswith(b"a ")


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_only_an_unknown_name(personality, run_proxy):
    skip_anchor(personality, "refuses to start", only="nginx")
    port = free_port()
    options = "init-addr none" if personality == "haproxy" else ""
    config = make_config(personality, port, ["no-such-host.invalid:80"], options=options,
                         sockets="127.0.0.1:1")
    run_proxy(personality, config, ports=[port], allow=["no-such-host", "no server available"])
    for i in range(3):
        assert get(port, f"/{i}").status == GONE[personality]


class NameServer:
    """Answers A queries for good.test with 127.0.0.1, others with NXDOMAIN or never."""

    def __init__(self):
        self.port = free_port()
        self.queries = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                data, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            end = data.index(b"\0", 12) + 5
            name = data[12:end - 5].decode("latin-1")
            self.queries.append(name)
            if "silent" in name:
                continue
            good = "good" in name and data[end - 4:end - 2] == b"\0\1"
            known = "good" in name
            head = data[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1,
                                          int(good), 0, 0)
            record = struct.pack("!HHHIH4B", 0xC00C, 1, 1, 60, 4, 127, 0, 0, 1)
            self.sock.sendto(head + data[12:end] + (record if good else b""), peer)

    def start(self):
        return self

    def stop(self):
        self.sock.close()


@pytest.mark.parametrize("personality", ["nginx", "weir"])
def test_names_looked_up_at_run_time(personality, run_server, run_proxy):
    """`resolver` with proxy_pass by variable: found, unknown, and no answer at all."""
    skip_anchor(personality)
    port, server = free_port(), run_server(HttpServer("a"))
    names = run_server(NameServer())
    location = f"""
        resolver 127.0.0.1:{names.port} ipv6=off; resolver_timeout 1s;
        proxy_pass http://$arg_name.test:{server.port};"""
    config = make_config(personality, port, [server]).replace("proxy_pass http://pool;", location)
    run_proxy(personality, config, ports=[port])
    assert get(port, "/?name=good").body == b"a GET /?name=good\n"
    assert get(port, "/?name=unknown").status == 502
    began = time.monotonic()
    with Client(port) as slow:
        slow.send("GET /?name=silent HTTP/1.1\r\nHost: t\r\n\r\n")
        assert get(port, "/?name=good").status == 200
        assert slow.read_response().status in (502, 504)
    assert time.monotonic() - began < 5.0
