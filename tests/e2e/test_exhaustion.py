# SPDX-License-Identifier: Apache-2.0
# What runs out: disk space under the logs, file descriptors, a log that nobody reads.
# Traffic goes on where it can, nothing spins, and all is well again afterwards.
import socket
import time

import pytest

from support import proc, wire
from support.client import Client, get
from support.ports import free_port
from support.servers import HttpServer

from .setups import PERSONALITIES, make_config, skip_anchor

FULL_DISK = ["No space left", r"\(28", "dev/full"]
NO_FILES = ["Too many open files", r"\(24", "open socket", "worker_connections",
            "accept4?\\(\\) failed"]


def config_with_logs(personality, port, server, access, error):
    if personality == "haproxy":
        return make_config(personality, port, [server],
                           defaults=f"log {access} local0\n    option httplog")
    config = make_config(personality, port, [server], access_log=access)
    return f"error_log {error} info;\n" + config


@pytest.mark.parametrize("personality", ["nginx", "weir"])
def test_disk_full_for_logs(personality, run_server, run_proxy):
    """Every request is answered, and the error log is not flooded about the other."""
    skip_anchor(personality)
    port, server = free_port(), run_server(HttpServer("a"))
    config = config_with_logs(personality, port, server, "/dev/full", "stderr")
    proxy = run_proxy(personality, config, ports=[port], allow=FULL_DISK)
    with Client(port) as client:
        for i in range(200):
            assert client.get(f"/{i}").status == 200
    assert len(proxy.workers()) == 2
    assert len(proxy.output()) < 200_000, "the full disk is reported without end"


@pytest.mark.parametrize("personality", ["nginx", "weir"])
def test_disk_full_for_every_log(personality, folder, run_server, run_proxy):
    skip_anchor(personality)
    port, server = free_port(), run_server(HttpServer("a"))
    config = config_with_logs(personality, port, server, "/dev/full", "/dev/full")
    run_proxy(personality, config, ports=[port], allow=FULL_DISK)
    for i in range(50):
        assert get(port, f"/{i}").status == 200


@pytest.mark.parametrize("target", ["127.0.0.1:{closed}", "{folder}/nobody.sock"])
def test_log_that_nobody_reads(target, folder, run_server, run_proxy):
    """A syslog address without a listener costs no request and no time."""
    port, server = free_port(), run_server(HttpServer("a"))
    access = target.format(closed=free_port(), folder=folder)
    config = config_with_logs("haproxy", port, server, access, "")
    run_proxy("haproxy", config, ports=[port], allow=["sendmsg", "logger", "log lines? lost"])
    began = time.monotonic()
    with Client(port) as client:
        for i in range(200):
            assert client.get(f"/{i}").status == 200
    assert time.monotonic() - began < 3.0


def idle_cpu(proxy, seconds=1.0):
    """CPU seconds that the processes of the proxy use in that time."""
    pids = proxy.processes()
    before = sum(proc.cpu_seconds(pid) for pid in pids)
    time.sleep(seconds)
    return sum(proc.cpu_seconds(pid) for pid in pids) - before


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_file_descriptors_exhausted(personality, run_server, run_proxy):
    """Connections beyond the limit wait or are refused; those inside are served."""
    skip_anchor(personality)
    port, server = free_port(), run_server(HttpServer("a"))
    main = "worker_processes 1;" if personality != "haproxy" else None
    config = make_config(personality, port, [server], main=main)
    proxy = run_proxy(personality, config, ports=[port], allow=NO_FILES, files_limit=256)
    early = [Client(port, timeout=3.0) for _ in range(5)]
    for client in early:
        assert client.get("/early").status == 200
    crowd = [begin_connection(port) for _ in range(400)]
    time.sleep(0.3)
    assert idle_cpu(proxy) < 0.5, "it spins when it can't accept"
    for client in early:
        client.send("GET /again HTTP/1.1\r\nHost: t\r\n\r\n")
    answers = [read_or_none(client) for client in early]
    assert any(answer and answer.status == 200 for answer in answers)
    assert all(answer is None or answer.status in (200, 500, 502, 503) for answer in answers)
    for client in crowd + early:
        client.close()
    assert wire.wait_until(lambda: answers_again(port), 8.0, 0.1)
    time.sleep(0.2)
    for i in range(20):
        assert get(port, f"/after{i}").status == 200


def begin_connection(port):
    """Connect without waiting: beyond the backlog the kernel lets nobody finish."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.connect_ex(("127.0.0.1", port))
    return sock


def answers_again(port):
    try:
        return get(port, timeout=1.0).status == 200
    except (OSError, wire.Closed):
        return False


def read_or_none(client):
    try:
        return client.read_response()
    except (wire.Closed, TimeoutError):
        return None


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_sockets_are_given_back(personality, run_server, run_proxy):
    """After many connections, good and broken off, no descriptor is left over."""
    skip_anchor(personality)
    port, server = free_port(), run_server(HttpServer("a"))
    proxy = run_proxy(personality, make_config(personality, port, [server]), ports=[port])
    for _ in range(4):
        assert get(port).status == 200

    def own_files():
        """Open descriptors without the idle connections to the server."""
        return sum(proc.open_files(pid) for pid in proxy.processes()) \
            - server.open_connections()

    before = own_files()
    for i in range(60):
        client = Client(port)
        client.send("GET / HTTP/1.1\r\nHost: t\r\n" + ("\r\n" if i % 3 else ""))
        (client.reset if i % 2 else client.close)()
    for _ in range(20):
        assert get(port).status == 200
    assert wire.wait_until(lambda: own_files() <= before + 6, 3.0), (before, own_files())
