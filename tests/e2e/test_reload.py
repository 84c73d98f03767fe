# SPDX-License-Identifier: Apache-2.0
# Reloads that lose nothing: many in a row under load, with a broken configuration in
# between, in every personality's own way of asking for one.
import os
import re
import signal
import threading
import time

import pytest

from support import binary, wire
from support.client import Client, get
from support.load import Load
from support.ports import free_port
from support.servers import Answer, EchoServer, HttpServer
from support.websocket import WebSocketClient, WebSocketServer

from .setups import PERSONALITIES, make_config, skip_anchor

BROKEN = {"nginx": "events {{ }}\nhttp {{ server {{ listen 127.0.0.1:{port};\n"
                   "    no_such_directive x; }} }}\n",
          "haproxy": "frontend f\n    bind 127.0.0.1:{port}\n    no_such_keyword x\n"}
WORD = {"nginx": "no_such_directive", "haproxy": "no_such_keyword"}
BROKEN["weir"], WORD["weir"] = BROKEN["nginx"], WORD["nginx"]


class Setup:
    def __init__(self, personality, run_server, run_proxy):
        self.personality, self.port = personality, free_port()
        self.server = run_server(HttpServer("a"))
        self.sockets = run_server(WebSocketServer("w"))
        self.proxy = run_proxy(personality, self.config("A"), ports=[self.port],
                               allow=["no_such_"])

    def config(self, mark):
        return make_config(self.personality, self.port, [self.server],
                           sockets=self.sockets.address, mark=mark)

    def live_mark(self):
        return get(self.port).get("x-config")

    def reload_to(self, mark):
        """Reload and return once the new configuration answers; fail if it never does."""
        self.proxy.write_config(self.config(mark))
        status, text = self.proxy.reload()
        assert status == 0, text
        if self.personality == "weir":
            assert self.live_mark() == mark, "reload returned before its configuration was live"
        assert wire.wait_until(lambda: self.live_mark() == mark, 3.0), f"{mark} never came"

    def reload_broken(self, mark):
        """A broken file changes nothing, and whoever asked is told why."""
        self.proxy.write_config(BROKEN[self.personality].format(port=self.port))
        status, text = self.proxy.reload()
        if self.personality != "haproxy":
            assert status != 0, "reload of a broken configuration said it was fine"
            assert WORD[self.personality] in text, text
        time.sleep(0.1)
        if binary.subject_is_anchor():     # its old worker may take a last connection
            wire.wait_until(lambda: self.live_mark() == mark, 1.0)
        assert self.live_mark() == mark


@pytest.fixture
def setup(request, run_server, run_proxy):
    return Setup(request.param, run_server, run_proxy)


def all_personalities(function):
    return pytest.mark.parametrize("setup", PERSONALITIES, indirect=True)(function)


@pytest.fixture(autouse=True)
def only_real_personalities(request):
    callspec = getattr(request.node, "callspec", None)
    if callspec and callspec.params.get("setup") == "weir":
        skip_anchor("weir")


@all_personalities
def test_reload_changes_the_configuration(setup):
    for mark in ("B", "C", "B"):
        setup.reload_to(mark)


@all_personalities
def test_broken_configuration_changes_nothing(setup):
    skip_anchor(setup.personality, "goes into wait mode", only="haproxy")
    setup.reload_to("B")
    before = sorted(setup.proxy.processes())
    setup.reload_broken("B")
    setup.reload_to("C")
    if not binary.subject_is_anchor():
        assert sorted(setup.proxy.processes()) == before


@all_personalities
def test_open_connections_survive(setup):
    """A kept-alive connection sees the new configuration; a WebSocket goes on."""
    skip_anchor(setup.personality, "closes kept-alive connections")
    with Client(setup.port) as client:
        assert client.get("/1").get("x-config") == "A"
        socket = WebSocketClient(setup.port)
        assert socket.is_open and socket.echo("one") == "w:one"
        setup.reload_to("B")
        assert socket.echo("two") == "w:two"
        assert client.get("/2").get("x-config") == "B"
        socket.say_goodbye()


@all_personalities
def test_request_in_flight_keeps_its_configuration(setup, run_server):
    """A request that was being answered ends well, under the old configuration."""
    setup.server.answers = [Answer(match="slow", hold=True)]
    with Client(setup.port) as client:
        client.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
        wire.wait_until(lambda: setup.server.recorder.count() > 0)
        setup.server.answers = []
        setup.reload_to("B")
        setup.server.release()
        answer = client.read_response()
        assert (answer.status, answer.get("x-config")) == (200, "A")


@all_personalities
def test_listener_comes_and_goes(setup):
    """A new port listens after the reload; one that is gone refuses."""
    other = free_port()
    first = setup.port
    both = setup.config("B").replace(f"127.0.0.1:{first}", f"127.0.0.1:{other}", 1)
    setup.proxy.write_config(both)
    status, text = setup.proxy.reload()
    assert status == 0, text

    def moved():
        try:
            return get(other).get("x-config") == "B"
        except OSError:
            return False
    assert wire.wait_until(moved, 3.0)

    def gone():
        try:
            get(first)
        except ConnectionRefusedError:
            return True
        return False
    assert wire.wait_until(gone, 3.0)


def test_weir_reload_says_what_it_did(run_server, run_proxy):
    skip_anchor("weir")
    setup = Setup("weir", run_server, run_proxy)
    setup.proxy.write_config(setup.config("B"))
    status, text = setup.proxy.reload()
    assert status == 0 and text.strip(), "the outcome of a reload is to be printed"


@all_personalities
def test_idle_server_connections_survive(setup):
    """A reload opens no new connection to a server that has an idle one."""
    skip_anchor(setup.personality, "starts with empty pools")
    for i in range(20):
        assert get(setup.port, f"/{i}").status == 200
    before = setup.server.connections
    setup.reload_to("B")
    for i in range(20):
        assert get(setup.port, f"/{i}").status == 200
    assert setup.server.connections <= before + 1


@all_personalities
def test_busy_port_in_a_reload(setup, run_server):
    """What can't be bound leaves the old configuration as it is, everywhere."""
    skip_anchor(setup.personality, "forgets what it runs", only="haproxy")
    taken = run_server(HttpServer("other")).port
    both = setup.config("B").replace(f"127.0.0.1:{setup.port}", f"127.0.0.1:{taken}", 1)
    setup.proxy.allow.append(re.compile("Address already in use|bind"))
    setup.proxy.write_config(both)
    status, text = setup.proxy.reload()
    if setup.personality != "haproxy" and not binary.subject_is_anchor():
        assert status != 0 and str(taken) in text, text
    time.sleep(0.2)
    assert setup.live_mark() == "A"
    setup.reload_to("C")


@pytest.mark.parametrize("setup", ["nginx", "weir"], indirect=True)
def test_number_of_workers_changes(setup):
    for count in (4, 1, 3):
        text = setup.config("B").replace("worker_processes 2", f"worker_processes {count}")
        setup.proxy.write_config(text)
        status, said = setup.proxy.reload()
        assert status == 0, said
        assert wire.wait_until(lambda want=count: len(setup.proxy.workers()) == want, 3.0)
        for i in range(10):
            assert get(setup.port, f"/{i}").status == 200


@all_personalities
def test_reloads_at_the_same_time(setup):
    """Several at once end in one configuration, the one that is in the file."""
    for mark in "BCDEF":
        setup.proxy.write_config(setup.config(mark))
        threads = [threading.Thread(target=setup.proxy.reload) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wire.wait_until(lambda: setup.live_mark() == "F", 5.0)


STREAM = {"nginx": """
worker_processes 2;
events {{ }}
stream {{
    server {{ listen 127.0.0.1:{port}; proxy_pass {server}; }}
}}
""", "haproxy": """
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
listen l
    bind 127.0.0.1:{port}
    server a {server}
"""}


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_sessions_at_level_4_survive(personality, run_server, run_proxy):
    """Reloads go by while bytes flow both ways, even when the server's line changes."""
    skip_anchor(personality)
    port = free_port()
    first, second = (run_server(EchoServer(name, tag=False)) for name in "ab")
    text = STREAM["haproxy" if personality == "haproxy" else "nginx"]
    proxy = run_proxy(personality, text.format(port=port, server=first.address),
                      ports=[port])
    with Client(port) as client:
        for number in range(6):
            client.send(f"message {number}")
            assert client.reader.exactly(9) == f"message {number}".encode()
            server = (second, first)[number % 2]
            proxy.write_config(text.format(port=port, server=server.address))
            status, said = proxy.reload()
            assert status == 0, said
            time.sleep(0.1)
        assert first.open_connections() == 1


@pytest.mark.parametrize("personality", ["nginx", "weir"])
def test_reload_by_signal(personality, run_server, run_proxy):
    skip_anchor(personality)
    setup = Setup(personality, run_server, run_proxy)
    setup.proxy.write_config(setup.config("B"))
    os.kill(setup.proxy.pid, signal.SIGHUP)
    assert wire.wait_until(lambda: setup.live_mark() == "B", 3.0)


@all_personalities
def test_load_without_reloads(setup):
    """The same load on a proxy that is left alone: what fails here is not reload's."""
    with Load(setup.port, keepalive=4, oneshot=2, websockets=10) as load:
        time.sleep(1.0)
    assert load.requests > 50 and load.messages >= 10
    assert not load.problems, "\n".join(load.problems)


@pytest.mark.slow
@all_personalities
def test_a_hundred_reloads_under_load(setup):
    """No failed request, no cut connection, no process more, memory within 5 percent."""
    skip_anchor(setup.personality, "breaks kept-alive requests at every reload")
    with Load(setup.port, keepalive=8, oneshot=4, websockets=50) as load:
        reload_many(setup, load, 10)
        processes, memory = len(setup.proxy.processes()), setup.proxy.memory_kb()
        reload_many(setup, load, 90)
        time.sleep(0.5)
        after = setup.proxy.memory_kb()
    assert load.requests > 500 and load.messages > 50
    assert not load.problems, f"{len(load.problems)} of {load.requests}:\n" \
        + "\n".join(load.problems[:20])
    assert len(setup.proxy.processes()) <= processes
    if not binary.has_sanitizer(setup.proxy.binary):
        assert after <= memory * 1.05, f"memory grew from {memory} to {after} KB"


def reload_many(setup, load, count):
    for number in range(count):
        mark = "AB"[number % 2]
        setup.reload_to(mark)
        if number % 30 == 15:
            setup.reload_broken(mark)
        if load.problems:
            break
        time.sleep(0.05)
