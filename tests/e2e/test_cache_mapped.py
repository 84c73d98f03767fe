# SPDX-License-Identifier: Apache-2.0
# Large answers that are asked for again and again: a worker keeps their files open and mapped, and yet what
# happens to a file shows at once, and nobody suffers from it.
import os
import ssl
import subprocess
import time

import pytest

from support import certificates, wire
from support.client import Client
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import skip_anchor
from .test_cache import Purging, Setup, Slow

BODY = "".join(f"{line:07}\n" for line in range(131072))    # 1 MB
HUGE = "".join(f"{line:07}\n" for line in range(900000))    # more than a socket takes
OTHER = BODY[::-1]


@pytest.fixture
def server(run_server):
    return run_server(HttpServer("a", answers=[
        Answer(match="/large", body=BODY), Answer(match="/huge", body=HUGE), Answer(match="/small", body="small\n")]))


def mapped_files(setup):
    """How many files of the cache the worker has mapped."""
    with open(f"/proc/{setup.proxy.workers()[0]}/maps") as maps:
        return sum(str(setup.folder) in line for line in maps)


def make_hot(setup, path="/large", body=BODY):
    assert setup.get(path).get("x-cache") == "MISS"
    assert wire.wait_until(lambda: setup.files() and not setup.files()[0].name.endswith(".new"), 2.0)
    time.sleep(0.1)   # from then on it is old enough
    for _ in range(4):
        answer = setup.get(path)
        assert (answer.get("x-cache"), answer.body == body.encode()) == ("HIT", True)
    assert mapped_files(setup) == 1


def hot(server, run_proxy, folder, path="/large", body=BODY, **options):
    skip_anchor("nginx", "it maps nothing")
    setup = Setup(run_proxy, folder, server, **options)
    make_hot(setup, path, body)
    return setup


def test_hits_are_whole_on_one_connection(server, run_proxy, folder):
    setup = hot(server, run_proxy, folder)
    with Client(setup.port) as client:
        for _ in range(5):
            answer = client.get("/large")
            assert answer.body == BODY.encode() and answer.get("content-length") == str(len(BODY))
            assert client.get("/small").body == b"small\n"
            head = client.request("HEAD /large HTTP/1.1\r\nHost: test\r\n\r\n", method="HEAD")
            assert (head.status, head.get("content-length"), head.get("x-cache")) == (200, str(len(BODY)), "HIT")


def test_ranges(server, run_proxy, folder):
    setup = hot(server, run_proxy, folder, inside="proxy_force_ranges on;")
    for first, last in [(0, 0), (0, 70000), (4000, 600001), (1048000, 1048575)]:
        part = setup.get("/large", headers=[f"Range: bytes={first}-{last}"])
        assert (part.status, part.body) == (206, BODY[first:last + 1].encode())
        assert part.get("content-range") == f"bytes {first}-{last}/{len(BODY)}"
    parts = setup.get("/large", headers=["Range: bytes=10-19,50000-900000"])
    assert parts.status == 206
    for text in (BODY[10:20], BODY[50000:900001]):
        assert b"\r\n\r\n" + text.encode() + b"\r\n--" in parts.body


def test_slow_receivers(server, run_proxy, folder):
    setup = hot(server, run_proxy, folder, "/huge", HUGE)
    clients = [Client(setup.port, receive_buffer=16384) for _ in range(3)]
    for client in clients:
        client.send("GET /huge HTTP/1.1\r\nHost: test\r\n\r\n")
    time.sleep(0.2)
    assert setup.get("/small").body == b"small\n"
    for client in clients:
        assert client.read_response().body == HUGE.encode()
        client.close()


def test_under_tls_and_http2(server, run_proxy, folder):
    secure = free_port()
    inside = (f"listen 127.0.0.1:{secure} ssl; http2 on; ssl_certificate {certificates.path('good.pem')}; "
              f"ssl_certificate_key {certificates.path('good.key')};")
    setup = hot(server, run_proxy, folder, inside=inside)
    context = ssl.create_default_context(cafile=certificates.path("ca.pem"))
    with Client(secure, secure=lambda sock: context.wrap_socket(sock, server_hostname="good.example")) as client:
        for _ in range(2):
            assert client.get("/large", host="good.example").body == BODY.encode()
    for words in (["--http2-prior-knowledge", f"http://127.0.0.1:{setup.port}/large"],
                  ["--http2", "--cacert", str(certificates.path("ca.pem")), "--resolve",
                   f"good.example:{secure}:127.0.0.1", f"https://good.example:{secure}/large"]):
        done = subprocess.run(["curl", "-sS", "-D", "/dev/stderr", *words], capture_output=True, check=False)
        assert done.stdout == BODY.encode() and b"HTTP/2 200" in done.stderr, done.stderr
        assert b"x-cache: HIT" in done.stderr
    assert mapped_files(setup) == 1


def test_a_file_that_is_replaced(server, run_proxy, folder):
    setup = hot(server, run_proxy, folder)
    file = setup.files()[0]
    data = file.read_bytes()
    new = file.with_name(file.name + ".x")
    new.write_bytes(data[:-len(BODY)] + OTHER.encode())
    new.rename(file)
    for _ in range(4):
        assert setup.get("/large").body == OTHER.encode()
    file.unlink()
    answer = setup.get("/large")
    assert (answer.get("x-cache"), answer.body == BODY.encode()) == ("MISS", True)
    assert mapped_files(setup) == 0


def test_a_purged_file(server, run_proxy, folder):
    setup = Purging(run_proxy, folder, server)
    make_hot(setup)
    assert setup.purge("/large") == 204
    assert setup.statuses("/large", "/large") == ["MISS", "HIT"]


@pytest.mark.parametrize("left", [100, 3_000_000, -10])
def test_a_file_that_is_cut_off_while_it_is_sent(left, server, run_proxy, folder):
    setup = hot(server, run_proxy, folder, "/huge", HUGE, allow=["cache file", "kept", "cut", "body"])
    workers, file = setup.proxy.workers(), setup.files()[0]
    size = file.stat().st_size
    with Client(setup.port, receive_buffer=16384) as client, Client(setup.port) as other:
        client.send("GET /huge HTTP/1.1\r\nHost: test\r\n\r\n")
        time.sleep(0.2)
        os.truncate(file, left if left > 0 else size + left)
        assert other.get("/small").body == b"small\n"
        received = b""
        try:
            while more := client.sock.recv(1 << 20):
                received += more
        except ConnectionResetError:
            pass
        body = received.partition(b"\r\n\r\n")[2]
        assert 0 < len(body) < len(HUGE) and HUGE.encode().startswith(body)
        assert other.get("/small").body == b"small\n"
    assert setup.get("/huge").body == HUGE.encode()
    assert setup.proxy.workers() == workers


def test_a_slow_disk(server, run_proxy, folder, slow_disk):
    """What is not in memory is read by threads, mapped or not."""
    setup = Slow(run_proxy, folder, server)
    assert setup.get("/large").status == 200
    time.sleep(0.1)
    slow_disk.delay = 0.01
    for _ in range(5):
        threads = setup.ask("/large")
        assert setup.slowest_of_others(threads=threads) < 0.25
        assert setup.answers.pop()[:3] == (200, "HIT", len(BODY))
    slow_disk.delay = 0.0
    assert setup.get("/large").body == BODY.encode()
    setup.proxy.close()
