# SPDX-License-Identifier: Apache-2.0
# HTTP/2 clients that make a server work for nothing. Work is counted, not only open streams: the
# connection ends with ENHANCE_YOUR_CALM (or is starved), memory stays, and others notice nothing.
import struct
import time

import pytest

from support import h2, proc
from support.h2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY,
                        RST_STREAM, WINDOW_UPDATE, block, frame, headers, literal, request, settings)
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import skip_anchor

MEMORY_KB = 64 << 10
NGINX = """
worker_processes 1;
events {{ }}
http {{ access_log off; http2 on; keepalive_requests 10000000; proxy_buffering off;
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{server}; }}
              location /own {{ return 200 "own"; }} }} }}
"""
HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen l
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string own if {{ path /own }}
    server a {server}
"""
GET = block(request())


def u32(number):
    return struct.pack(">I", number)


def streams(make):
    """Pieces of 500 streams each, with numbers that go on."""
    for start in range(1, 1 << 20, 1000):
        yield b"".join(make(start + 2 * i) for i in range(500))


def forever(data):
    piece = data * max(1, 16384 // len(data))
    while True:
        yield piece


def continuation():
    yield frame(HEADERS, END_STREAM, 1, GET)
    piece = b"".join(literal(f"x-{i}", "y" * 100) for i in range(140))
    while True:
        yield frame(CONTINUATION, 0, 1, piece)


def hpack_bomb():
    """One large entry in the table, named again and again."""
    yield headers(1, None, raw=GET + literal("x-bomb", "y" * 3900, 0x40))
    number = 3
    while True:
        yield headers(number, None, raw=GET + b"\xbe" * 16000)
        number += 2


def cookie_bomb():
    """A byte for each crumb, and no window for the answers."""
    yield settings((4, 0)) + headers(1, None, raw=GET + literal("cookie", "a=b", 0x40))
    number = 3
    while True:
        yield headers(number, None, raw=GET + b"\xbe" * 16000)
        number += 2


ATTACKS = {
    "rapid reset": lambda: streams(lambda n: frame(HEADERS, 5, n, GET) + frame(RST_STREAM, 0, n, u32(8))),
    "made you reset by WINDOW_UPDATE": lambda: streams(lambda n: frame(HEADERS, 5, n, GET) + frame(WINDOW_UPDATE, 0, n, u32(0))),
    "made you reset by PRIORITY": lambda: streams(lambda n: frame(HEADERS, 5, n, GET) + frame(PRIORITY, 0, n, u32(n) + b"\0")),
    "made you reset by DATA": lambda: streams(lambda n: frame(HEADERS, 5, n, GET) + frame(DATA, 1, n, b"x")),
    "malformed requests": lambda: streams(lambda n: frame(HEADERS, 5, n, GET + literal("X", "y"))),
    "CONTINUATION": continuation,
    "HPACK bomb": hpack_bomb,
    "cookie crumbs": cookie_bomb,
    "PING": lambda: forever(frame(PING, 0, 0, b"12345678")),
    "SETTINGS": lambda: forever(settings((3, 100))),
    "empty SETTINGS": lambda: forever(settings()),
    "PRIORITY": lambda: forever(frame(PRIORITY, 0, 1, u32(0) + b"\x05")),
    "WINDOW_UPDATE": lambda: forever(frame(WINDOW_UPDATE, 0, 1, u32(1))),
    "unknown frames": lambda: forever(frame(0xfa, 0, 0, b"")),
    "empty DATA": lambda: forever(frame(DATA, 0, 1, b"")),
    "padding without DATA": lambda: forever(frame(DATA, 8, 1, b"\x00")),
}
# The stream that these are about.
OPENED = {"WINDOW_UPDATE", "empty DATA", "padding without DATA"}


@pytest.fixture(params=["nginx", "haproxy"])
def served(request, run_proxy, run_server, recorder):
    personality = request.param
    skip_anchor(personality, why="the limits are weir's own")
    server = run_server(HttpServer("a", recorder, [Answer(match="/big", body="x" * 100000)]))
    port = free_port()
    text = (NGINX if personality == "nginx" else HAPROXY).format(port=port, server=server.address)
    return run_proxy(personality, text, ports=[port]), port


def memory_of(proxy):
    return max(proc.memory_kb(pid) for pid in proc.session_members(proxy.pid))


def other_client(port):
    """How long another client waits for an answer."""
    began = time.monotonic()
    with h2.Connection(port) as connection:
        assert connection.exchange(request(path="/own")).body == b"own"
    return time.monotonic() - began


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda name: name)
def test_attack(served, attack):
    proxy, port = served
    other_client(port)
    before = memory_of(proxy)
    worst = 0.0
    with h2.Connection(port, timeout=2) as connection:
        if attack in OPENED:
            connection.send(headers(1, request("POST"), END_HEADERS))
        began, sent = time.monotonic(), 0
        for i, piece in enumerate(ATTACKS[attack]()):
            if connection.closed or time.monotonic() - began > 3 or sent > 8 << 20:
                break
            connection.send(piece)
            sent += len(piece)
            if i % 20 == 0:
                worst = max(worst, other_client(port))
        connection.read_until(lambda f: f[0] == GOAWAY and f[3][4:8] != u32(0), 2)
        ended = connection.closed or any(f[0] == GOAWAY for f in connection.frames)
    assert ended, f"went on after {sent} bytes"
    assert memory_of(proxy) - before < MEMORY_KB
    assert worst < 1.0
    assert other_client(port) < 1.0


def test_stalled_readers(served):
    """Many streams with no window: the answers wait at their servers, not here."""
    proxy, port = served
    other_client(port)
    before = memory_of(proxy)
    open_now = []
    for _ in range(10):
        connection = h2.Connection(port, client_settings=[(4, 0)])
        connection.send(b"".join(headers(1 + 2 * i, request(path="/big")) for i in range(100)))
        open_now.append(connection)
    time.sleep(1.0)
    assert memory_of(proxy) - before < MEMORY_KB
    assert other_client(port) < 1.0
    for connection in open_now:
        connection.socket.close()


def test_windows_that_open_byte_by_byte(served):
    proxy, port = served
    other_client(port)
    with h2.Connection(port, client_settings=[(4, 0)], timeout=2) as connection:
        connection.send(headers(1, request(path="/big")))
        began = time.monotonic()
        while not connection.closed and time.monotonic() - began < 2:
            connection.send(frame(WINDOW_UPDATE, 0, 1, u32(1)) * 1000)
        connection.read_until(lambda f: f[0] == GOAWAY, 2)
        assert any(f[0] == GOAWAY for f in connection.frames) or connection.closed
    assert other_client(port) < 1.0
