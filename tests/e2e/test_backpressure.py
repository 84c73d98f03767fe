# SPDX-License-Identifier: Apache-2.0
# Slow readers and slow writers: the proxy holds a bounded amount, stops the fast side
# until the slow one has taken its share, and every byte arrives in the end.
import hashlib
import threading
import time

import pytest

from support import binary, wire
from support.client import Client
from support.ports import free_port
from support.servers import TcpServer

from .setups import PERSONALITIES, skip_anchor

SIZE = 96 << 20
PIECE = bytes(range(256)) * 256
# What kernel buffers of two loopback connections may hold, plus the proxy's own.
STOPPED_BY = 40 << 20
MEMORY_LIMIT_KB = 4096

HTTP = {"nginx": """
events {{ }}
http {{ server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    location / {{ proxy_pass http://{server}; proxy_buffering off; proxy_request_buffering off;
                  proxy_http_version 1.1; proxy_read_timeout 30s; }}
}} }}
""", "haproxy": """
defaults
    mode {mode}
    timeout connect 2s
    timeout client 30s
    timeout server 30s
listen l
    bind 127.0.0.1:{port}
    server a {server}
"""}
STREAM = """
events {{ }}
stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass {server}; proxy_timeout 30s; }} }}
"""


def config_for(personality, level, port, server):
    if personality == "haproxy":
        return HTTP["haproxy"].format(mode=level, port=port, server=server.address)
    text = HTTP["nginx"] if level == "http" else STREAM
    return text.format(port=port, server=server.address)


class BulkServer(TcpServer):
    """Sends SIZE bytes for a GET; for anything else reads on when told to."""

    def __init__(self, level):
        super().__init__("bulk")
        self.level = level
        self.sent = self.read = 0
        self.go = threading.Event()
        self.digest = hashlib.sha1()

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=60)
        message = wire.read_head(reader)
        if message.method == "GET":
            self.send_bulk(connection)
        elif message.target == "/quick":
            # Whatever is left unread would make the close a reset, which may overtake the answer.
            wire.read_body(reader, message, is_response=False)
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        else:
            self.take_bulk(connection, reader)

    def send_bulk(self, connection):
        connection.settimeout(60)
        if self.level == "http":
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode())
        while self.sent < SIZE:
            self.sent += connection.send(PIECE[:SIZE - self.sent])

    def take_bulk(self, connection, reader):
        self.go.wait(30)
        self.digest.update(reader.buffer)
        self.read = len(reader.buffer)
        connection.settimeout(30)
        while self.read < SIZE:
            data = connection.recv(1 << 20)
            if not data:
                break
            self.read += len(data)
            self.digest.update(data)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def expected_digest():
    whole = hashlib.sha1()
    for _ in range(SIZE // len(PIECE)):
        whole.update(PIECE)
    return whole.hexdigest()


def settled(value, quiet=0.4, limit=10.0):
    """The number once it has stopped growing."""
    end, last, since = time.monotonic() + limit, value(), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < quiet:
        time.sleep(0.05)
        if value() != last:
            last, since = value(), time.monotonic()
    return last


def start(personality, level, run_server, run_proxy):
    skip_anchor(personality)
    port, server = free_port(), run_server(BulkServer(level))
    proxy = run_proxy(personality, config_for(personality, level, port, server), ports=[port])
    return proxy, port, server


def check_memory(proxy, before):
    grown = proxy.memory_kb() - before
    if not binary.has_sanitizer(proxy.binary):
        assert grown < MEMORY_LIMIT_KB, f"grew by {grown} KB for one slow peer"


@pytest.mark.parametrize("level", ["http", "tcp"])
@pytest.mark.parametrize("personality", PERSONALITIES)
def test_slow_reader(personality, level, run_server, run_proxy):
    proxy, port, server = start(personality, level, run_server, run_proxy)
    before = proxy.memory_kb()
    with Client(port, timeout=30, receive_buffer=65536) as client:
        client.send("GET /bulk HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        stopped_at = settled(lambda: server.sent)
        assert 0 < stopped_at < STOPPED_BY, f"the server could send {stopped_at >> 20} MB"
        check_memory(proxy, before)
        digest, size = hashlib.sha1(), 0
        if level == "http":
            wire.read_head(client.reader)
            digest.update(client.reader.buffer)
            size = len(client.reader.buffer)
        while size < SIZE:
            data = client.sock.recv(1 << 20)
            assert data, f"closed after {size} bytes"
            size += len(data)
            digest.update(data)
        assert digest.hexdigest() == expected_digest()


@pytest.mark.parametrize("level", ["http", "tcp"])
@pytest.mark.parametrize("personality", PERSONALITIES)
def test_fast_writer_to_a_slow_server(personality, level, run_server, run_proxy):
    proxy, port, server = start(personality, level, run_server, run_proxy)
    before = proxy.memory_kb()
    sent = [0]

    def upload(client):
        client.sock.sendall(f"POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: {SIZE}\r\n\r\n"
                            .encode())
        while sent[0] < SIZE:
            sent[0] += client.sock.send(PIECE)

    with Client(port, timeout=30) as client:
        thread = threading.Thread(target=upload, args=(client,), daemon=True)
        thread.start()
        stopped_at = settled(lambda: sent[0])
        assert 0 < stopped_at < STOPPED_BY, f"the client could send {stopped_at >> 20} MB"
        check_memory(proxy, before)
        server.go.set()
        thread.join(30)
        assert client.read_final()[-1].body == b"ok"
    assert server.read == SIZE and server.digest.hexdigest() == expected_digest()


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_byte_by_byte(personality, run_server, run_proxy):
    """A request that drips in is served, and nobody waits behind it."""
    _, port, server = start(personality, "http", run_server, run_proxy)
    server.go.set()
    with Client(port) as client:
        for byte in b"HEAD /quick HTTP/1.1\r\nHost: t\r\n\r\n":
            client.send(bytes([byte]))
            time.sleep(0.002)
        assert client.read_response("HEAD").status == 200
    with Client(port) as client:
        client.send("POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n")
        for byte in b"abcde":
            client.send(bytes([byte]))
            time.sleep(0.01)
        assert client.read_response().status == 200


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_reader_that_goes_away(personality, run_server, run_proxy):
    """The client leaves in the middle of a body: the server's connection ends, too."""
    proxy, port, server = start(personality, "http", run_server, run_proxy)
    client = Client(port, receive_buffer=65536)
    client.send("GET /bulk HTTP/1.1\r\nHost: t\r\n\r\n")
    settled(lambda: server.sent, 0.2)
    client.reset()
    assert wire.wait_until(lambda: server.open_connections() == 0, 3.0)
    with Client(port) as other:
        other.send("HEAD /quick HTTP/1.1\r\nHost: t\r\n\r\n")
        assert other.read_response("HEAD").status == 200
    assert proxy.workers()
