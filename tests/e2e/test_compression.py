# SPDX-License-Identifier: Apache-2.0
# Compression beyond what the anchors can be compared in: brotli and zstd, HTTP/2, bodies that come
# slowly, bodies of requests, and bodies made to hurt. Everything is unpacked by other programs.
import functools
import gzip
import json
import socket
import subprocess
import time
import zlib

import brotli
import pytest
import zstandard

from support import binary, wire
from support.ports import free_port
from support.servers import Answer, Arrival, HttpServer, TcpServer

NGINX = """
events {{ }}
http {{
    gzip on; gzip_types text/plain application/json;
    brotli on; brotli_types text/plain application/json;
    zstd on; zstd_types text/plain application/json;
    gunzip on;
    root {folder};
    types {{ text/plain txt; }}
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{h2} http2;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Accept-Encoding $arg_ask;
        location / {{ proxy_pass http://127.0.0.1:{server}; }}
        location /slow {{ proxy_pass http://127.0.0.1:{slow}; proxy_read_timeout 2s; }}
        location /6 {{ gzip_comp_level 6; brotli_comp_level 11; zstd_comp_level 12; proxy_pass http://127.0.0.1:{server}; }}
        location /files/ {{ alias {folder}/; brotli_static on; zstd_static on; gzip_static on; }}
    }}
}}
"""
HAPROXY = """
global
    maxzlibmem 100
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend f
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{h2} proto h2
    compression direction both
    compression algo-res gzip
    compression algo-req gzip
    compression type-req text/plain
    compression minsize-req 10
    http-request wait-for-body time 2s if {{ path /waits }}
    use_backend slow if {{ path_beg /slow }}
    default_backend pool
backend pool
    server a 127.0.0.1:{server}
backend slow
    server a 127.0.0.1:{slow}
"""
JSON = json.dumps([{"id": i, "name": f"item {i * 7919 % 1000}", "tags": ["one", "two"]}
                   for i in range(40_000)])
UNPACK = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@functools.cache
def bomb():
    return gzip.compress(bytes(100_000_000), 6).decode("latin-1")


class SlowServer(TcpServer):
    """Says a word, waits until it may go on, says the next; then the end."""

    words = [b"one event\n", b"another event\n", b"the last event\n"]

    def __init__(self):
        super().__init__("slow")
        self.may_go_on = []

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=60)
        message = wire.read_request(reader)
        self.recorder.add(Arrival(self.name, number, message))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at, word in enumerate(self.words):
            if at:
                wire.wait_until(lambda: len(self.may_go_on) >= at, 10)
            connection.sendall(b"%x\r\n%b\r\n" % (len(word), word))
        connection.sendall(b"0\r\n\r\n")


class World:
    def __init__(self, proxy, port, h2, recorder, slow):
        self.proxy, self.port, self.h2, self.recorder, self.slow = proxy, port, h2, recorder, slow

    def get(self, path, accept=None, method="GET"):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            more = f"Accept-Encoding: {accept}\r\n" if accept else ""
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{more}\r\n".encode())
            return wire.read_response(wire.Reader(client, timeout=20), method)


@pytest.fixture(params=["nginx", "haproxy"])
def world(request, folder, run_server, run_proxy, recorder):
    return make_world(request.param, folder, run_server, run_proxy, recorder)


@pytest.fixture
def nginx(folder, run_server, run_proxy, recorder):
    return make_world("nginx", folder, run_server, run_proxy, recorder)


@pytest.fixture
def haproxy(folder, run_server, run_proxy, recorder):
    return make_world("haproxy", folder, run_server, run_proxy, recorder)


def make_world(language, folder, run_server, run_proxy, recorder):
    server = run_server(HttpServer("a", recorder=recorder, answers=[
        Answer(match="json", headers=["Content-Type: application/json"], body=JSON),
        Answer(match="bomb", headers=["Content-Encoding: gzip"], body=bomb()),
        Answer(match="old", raw="HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 30\r\n\r\n" + "0" * 30,
               close=True),
        Answer(match="broken", headers=["Content-Encoding: gzip"],
               body=gzip.compress(b"text" * 10_000)[:-5].decode("latin-1")),
        Answer(match="chunks", chunks=["a", "bc" * 40_000, "d", "e" * 70_000]),
        Answer(body="some text that is long enough to be packed, some text that is")]))
    slow = run_server(SlowServer())
    port, h2 = free_port(), free_port()
    config = {"nginx": NGINX, "haproxy": HAPROXY}[language].format(
        port=port, h2=h2, server=server.port, slow=slow.port, folder=folder)
    proxy = run_proxy(language, config, ports=[port, h2])
    return World(proxy, port, h2, recorder, slow)


def curl(*words):
    done = subprocess.run(["curl", "-s", "--max-time", "20", *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("path", ["/json", "/6/json", "/chunks", "/"])
def test_each_coding_unpacks_to_what_the_server_said(nginx, coding, path):
    plain = nginx.get(path)
    packed = nginx.get(path, coding)
    assert packed.get("content-encoding") == coding
    assert packed.get("content-length") is None
    assert UNPACK[coding](packed.body) == plain.body
    assert path == "/" or len(packed.body) < len(plain.body) / 4


def test_the_client_decides_by_weight(nginx):
    for accept, coding in (("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"),
                           ("br;q=0.2, zstd;q=0.3, gzip;q=0.4", "gzip"), ("br;q=0, gzip", "gzip"),
                           ("deflate", None)):
        assert nginx.get("/", accept).get("content-encoding") == coding, accept


def test_curl_unpacks_it(world):
    assert curl("--compressed", f"http://127.0.0.1:{world.port}/json").decode() == JSON
    head = curl("-I", "-H", "Accept-Encoding: gzip", f"http://127.0.0.1:{world.port}/json").lower()
    assert b"200" in head


def test_over_http2(world):
    url = f"http://127.0.0.1:{world.h2}"
    assert curl("--compressed", "--http2-prior-knowledge", url + "/json").decode() == JSON
    head = curl("-D-", "-o", "/dev/null", "--compressed", "--http2-prior-knowledge", url + "/json").lower()
    assert b"http/2 200" in head and b"content-encoding: " in head
    assert b"content-length" not in head and b"transfer-encoding" not in head


def test_many_at_a_time_over_http2(world):
    done = subprocess.run(["nghttp", "-m", "20", "-H", "accept-encoding: gzip", f"http://127.0.0.1:{world.h2}/json"],
                          capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 20 * len(JSON)


def test_one_connection_carries_several(world):
    with socket.create_connection(("127.0.0.1", world.port), timeout=20) as client:
        reader = wire.Reader(client, timeout=20)
        for path in ("/json", "/", "/chunks", "/json"):
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            answer = wire.read_response(reader)
            assert answer.get("content-encoding") == "gzip"
            assert gzip.decompress(answer.body)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_pause_lets_go_of_what_came(world, coding):
    if coding != "gzip" and world.proxy.personality == "haproxy":
        pytest.skip("gzip only")
    unpack = {"gzip": zlib.decompressobj(31).decompress, "br": brotli.Decompressor().process,
              "zstd": zstandard.ZstdDecompressor().decompressobj().decompress}[coding]
    with socket.create_connection(("127.0.0.1", world.port), timeout=20) as client:
        client.sendall(f"GET /slow HTTP/1.1\r\nHost: t\r\nAccept-Encoding: {coding}\r\n\r\n".encode())
        reader = wire.Reader(client, timeout=5)
        head = wire.read_head(reader)
        assert head.get("content-encoding") == coding
        plain = b""
        for word in SlowServer.words:
            plain += unpack(read_chunk(reader))
            assert plain.endswith(word)      # before the server says more
            world.slow.may_go_on.append(True)


def read_chunk(reader):
    size = int(reader.until(b"\r\n").strip(), 16)
    data = reader.exactly(size)
    reader.exactly(2)
    return data


def test_the_time_limit_of_a_server_still_holds(nginx):
    started = time.monotonic()
    answer = nginx.get("/slow", "gzip")
    assert not answer.whole
    assert 1.5 < time.monotonic() - started < 6


def test_a_bomb_takes_no_memory(nginx):
    before = nginx.proxy.memory_kb()
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=20) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /bomb HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        size = 0
        most = before
        while data := client.recv(1 << 18):
            size += len(data)
            if size % (1 << 24) < (1 << 18):
                most = max(most, nginx.proxy.memory_kb())
    assert size > 100_000_000
    assert most - before < 4096


def test_what_does_not_unpack_is_cut_short(nginx):
    answer = nginx.get("/broken")
    assert answer.status == 200
    assert not answer.whole
    assert nginx.get("/").status == 200


def test_files_packed_beforehand(nginx, folder):
    text = b"a file that somebody has packed beforehand"
    for name, data in (("a.txt", text), ("a.txt.gz", gzip.compress(text)), ("a.txt.br", brotli.compress(text)),
                       ("a.txt.zst", zstandard.ZstdCompressor().compress(text)), ("b.txt", text),
                       ("b.txt.br", brotli.compress(text))):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)
    for accept, coding in (("br", "br"), ("zstd, gzip", "zstd"), ("gzip", "gzip"), ("gzip, br;q=0.5", "gzip")):
        answer = nginx.get("/files/a.txt", accept)
        assert answer.get("content-encoding") == coding
        assert answer.get("content-length") == str(len(answer.body))
        assert UNPACK[coding](answer.body) == text
    assert nginx.get("/files/a.txt").body == text
    # What lies there packed costs nothing, and goes before what the client wants more.
    assert nginx.get("/files/b.txt", "gzip, br;q=0.5").get("content-encoding") == "br"


def test_answers_of_http10_stay_as_they_are(haproxy):
    answer = haproxy.get("/old", "gzip")
    assert answer.get("content-encoding") is None
    assert answer.body == b"0" * 30


def post(port, path, body, more=""):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
                       f"{more}\r\n".encode())
        client.sendall(body)
        return wire.read_response(wire.Reader(client, timeout=20))


@pytest.mark.parametrize("path", ["/x", "/waits"])
@pytest.mark.parametrize("size", [10, 5_000, 2_000_000])
def test_bodies_of_requests(haproxy, path, size):
    body = bytes(b"0123456789abcdef"[i % 16] for i in range(size))
    assert post(haproxy.port, path, body, "Content-Type: text/plain\r\n").status == 200
    message = haproxy.recorder.requests()[-1]
    assert message.get("content-encoding") == "gzip"
    assert message.get("content-length") is None
    assert gzip.decompress(message.body) == body


def test_bodies_of_requests_that_stay_as_they_are(haproxy):
    for body, more in ((b"123456789", "Content-Type: text/plain\r\n"), (b"x" * 50, "Content-Type: text/html\r\n"),
                       (b"x" * 50, "Content-Type: text/plain\r\nContent-Encoding: br\r\n"), (b"x" * 50, "")):
        assert post(haproxy.port, "/x", body, more).status == 200
        message = haproxy.recorder.requests()[-1]
        assert message.body == body
        assert message.get("content-encoding") in (None, "br")


def test_a_client_that_leaves_gives_its_compressor_back(world):
    if binary.has_sanitizer(world.proxy.binary):
        pytest.skip("memory says nothing under a sanitizer")
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", world.port), timeout=20) as client:
            client.sendall(b"GET /json HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n")
            client.recv(100)
    before = world.proxy.memory_kb()
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", world.port), timeout=20) as client:
            client.sendall(b"GET /json HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n")
            client.recv(100)
    assert world.proxy.memory_kb() - before < 4096
    assert gzip.decompress(world.get("/json", "gzip").body).decode() == JSON
