# SPDX-License-Identifier: Apache-2.0
# kill -9 of a worker and of the warden under load: a dead worker takes only its own
# connections with it and is replaced at once; nobody notices a dead warden.
import os
import signal
import time

import pytest

from support import proc, wire
from support.client import Client, get
from support.load import Load
from support.ports import free_port
from support.servers import HttpServer
from support.websocket import WebSocketServer

from .setups import PERSONALITIES, make_config, skip_anchor

KILLED = ["exited on signal 9", "killed", "signal 9", "exited with code 137"]
RESPAWN_LIMIT = 0.1


def start(personality, run_server, run_proxy, **options):
    skip_anchor(personality, "the master ends with its worker", only="haproxy")
    port = free_port()
    servers = [run_server(HttpServer("a"))]
    sockets = run_server(WebSocketServer("w"))
    config = make_config(personality, port, servers, sockets=sockets.address, **options)
    return run_proxy(personality, config, ports=[port], allow=KILLED), port, servers


def local_port(client):
    return client.sock.getsockname()[1]


def connections_by_worker(proxy, port, count=24):
    """Kept-alive connections, grouped by the worker that holds each."""
    assert wire.wait_until(lambda: len(proxy.workers()) == 2, 5.0), "two workers were configured"
    groups = {pid: [] for pid in proxy.workers()}
    for _ in range(count):
        client = Client(port)
        assert client.get("/open").status == 200
        owner = proc.socket_owner(port, local_port(client), proxy.workers())
        assert owner in groups, "no worker holds the accepted connection"
        groups[owner].append(client)
    return groups


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_killed_worker_takes_only_its_own(personality, run_server, run_proxy):
    proxy, port, _ = start(personality, run_server, run_proxy)
    groups = connections_by_worker(proxy, port)
    victim = max(groups, key=lambda pid: len(groups[pid]))
    os.kill(victim, signal.SIGKILL)
    for i in range(30):
        assert get(port, f"/new{i}").status == 200
    for pid, clients in groups.items():
        for client in clients:
            if pid != victim:
                assert client.get("/still").status == 200
            client.close()
    assert wire.wait_until(lambda: len(proxy.workers()) == 2 and victim not in proxy.workers(), 2.0)


def time_to_replace(proxy, port):
    """Seconds from the death of the only worker until a request is answered again."""
    old = proxy.workers()[0]
    began = time.monotonic()
    os.kill(old, signal.SIGKILL)
    assert get(port, timeout=5.0).status == 200
    took = time.monotonic() - began
    assert wire.wait_until(lambda: proxy.workers() not in ([], [old]), 1.0)
    return took


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_dead_worker_is_replaced_within_100_ms(personality, run_server, run_proxy):
    """Ten tries, because the machine of a test has other work to do as well."""
    skip_anchor(personality, "the master ends with its worker", only="haproxy")
    port, server = free_port(), run_server(HttpServer("a"))
    config = make_config(personality, port, [server]).replace(
        "worker_processes 2", "worker_processes 1").replace("nbthread 2", "nbthread 1")
    proxy = run_proxy(personality, config, ports=[port], allow=KILLED)
    took = []
    while len(took) < 10 and min(took, default=1.0) > RESPAWN_LIMIT:
        took.append(time_to_replace(proxy, port))
    assert min(took) <= RESPAWN_LIMIT, f"best of ten: {min(took) * 1000:.0f} ms"


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_no_lock_stays_held(personality, run_server, run_proxy):
    """Workers die in the middle of requests, again and again; the rest goes on."""
    shared = "zone pool 128k;" if personality != "haproxy" else ""
    proxy, port, _ = start(personality, run_server, run_proxy, pool=shared)
    with Load(port, keepalive=8, oneshot=4, pause=0.002) as load:
        for _ in range(6):
            time.sleep(0.15)
            os.kill(proxy.workers()[0], signal.SIGKILL)
            assert wire.wait_until(lambda: len(proxy.workers()) == 2, 2.0)
        time.sleep(0.5)     # the load notices what the last kill cost
        before, lost = load.requests, len(load.problems)
        time.sleep(0.5)
        assert load.requests - before > 50, "requests stand still"
        assert len(load.problems) == lost, load.problems[lost:]
    status, text = proxy.reload()
    assert status == 0, text
    assert get(port).status == 200
    assert lost <= 6 * 12, f"more lost than the killed workers held: {load.problems[:10]}"


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_traffic_does_not_notice_a_dead_warden(personality, run_server, run_proxy):
    skip_anchor(personality, "has no warden")
    proxy, port, _ = start(personality, run_server, run_proxy)
    assert len(proxy.warden()) == 1, "no child of the master is titled warden"
    with Load(port, keepalive=6, oneshot=3) as load:
        for _ in range(3):
            old = proxy.warden()
            os.kill(old[0], signal.SIGKILL)
            assert wire.wait_until(lambda: proxy.warden() not in ([], old), 2.0), \
                "the warden did not come back"
            time.sleep(0.2)
    assert not load.problems, load.problems[:10]


def test_new_warden_goes_on_checking(run_server, run_proxy):
    skip_anchor("haproxy", "has no warden")
    port = free_port()
    servers = [run_server(HttpServer("a")), run_server(HttpServer("b"))]
    config = make_config("haproxy", port, servers, options="check inter 100 fall 2 rise 1")
    proxy = run_proxy("haproxy", config, ports=[port], allow=KILLED)
    assert wire.wait_until(lambda: get(port, "/count").body == b"2", 3.0)
    os.kill(proxy.warden()[0], signal.SIGKILL)
    servers[1].stop()
    assert wire.wait_until(lambda: get(port, "/count").body == b"1", 3.0)
    servers[1].start()
    assert wire.wait_until(lambda: get(port, "/count").body == b"2", 3.0)


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_killed_master_leaves_nothing(personality, run_server, run_proxy):
    """Without a master nobody could stop the workers: they end by themselves."""
    skip_anchor(personality, "leaves its workers behind", only="nginx")
    port = free_port()
    config = make_config(personality, port, [run_server(HttpServer("a"))])
    proxy = run_proxy(personality, config, ports=[port], allow=KILLED)
    session = proxy.pid
    os.kill(session, signal.SIGKILL)
    proxy.process.wait()
    assert wire.wait_until(lambda: not proc.session_members(session), 5.0), \
        [proc.cmdline(pid) for pid in proc.session_members(session)]
    proxy.process = None    # nothing is left that the harness could stop
