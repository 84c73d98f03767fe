# SPDX-License-Identifier: Apache-2.0
# set server ... addr, check-addr and check-port: the answers are HAProxy's, all workers and the checks
# follow at once, idle connections to the old address are not used again, and a reload changes nothing as
# long as the line of the server says what it said.
import socket

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer

from .haproxy_socket import ask, head, program_of

CONFIG = """
frontend web
    bind 127.0.0.1:{web}
    default_backend app
backend app
    server a {a}
backend checked
    server a {a} check inter 100ms fall 1 rise 1
"""


@pytest.fixture
def setup(folder, run_server):
    a = run_server(HttpServer("a", answers=[Answer(body="a")]))
    b = run_server(HttpServer("b", answers=[Answer(body="b")]))

    def make(which="weir"):
        web = free_port()
        path = f"{folder}/{which}.sock"
        config = head(path) + CONFIG.format(web=web, a=a.address)
        proxy = Proxy(program_of(which), "haproxy", config, folder=folder, ports=[web])
        proxy.socket, proxy.web, proxy.a, proxy.b = path, web, a, b
        return proxy
    return make


def answered(proxy, body):
    """Whether all workers have that server, now or soon: a reload takes its time."""
    return wire.wait_until(lambda: {get(proxy.web, "/").body for _ in range(8)} == {body}, 5)


def place(proxy, backend):
    """Address, port, those of checks and name of the server as `show servers state` has them."""
    lines = ask(proxy.socket, f"show servers state {backend}").splitlines()
    row = dict(zip(lines[1].lstrip("# ").split(), lines[2].split()))
    return row["srv_addr"], row["srv_port"], row["srv_check_addr"], row["srv_check_port"], row["srv_fqdn"]


def test_answers_are_haproxys(setup):
    answers = []
    for which in ("anchor", "weir"):
        with setup(which) as proxy:
            commands = [
                f"set server app/a addr 127.0.0.1 port {proxy.b.port}", "set server app/a addr 127.0.0.2",
                "set server app/a addr 127.0.0.2", f"set server app/a addr 127.0.0.2 port {proxy.b.port}",
                "set server app/a addr ::1 port 81", "set server app/a addr nonsense", "set server app/a addr",
                "set server app/a addr 127.0.0.1 port", "set server app/a addr 127.0.0.1 port +1",
                "set server app/a addr 127.0.0.1 port x", "set server app/a check-addr 127.0.0.1",
                "set server app/a check-port 81", "set server app/zz addr 127.0.0.1", "set server zz/a addr 127.0.0.1",
                "set server checked/a check-addr 127.0.0.1 port 82", "set server checked/a check-port 83",
                "set server checked/a check-port x", "set server checked/a check-port",
                "set server checked/a check-addr nonsense", "set server checked/a check-addr 127.0.0.1 port x",
                "set server checked/a check-addr", "set server checked/a addr 127.0.0.1 port +1",
                "set server app/a fqdn", "set server app/a fqdn localhost",
            ]
            answers.append([(command, ask(proxy.socket, command)) for command in commands]
                           + [place(proxy, which) for which in ("app", "checked")])
    for anchor, weir in zip(*answers):
        assert weir == anchor


def test_all_workers_follow_and_idle_connections_do_not_count(setup):
    with setup() as proxy:
        clients = [Client(proxy.web) for _ in range(8)]
        try:
            assert {client.get("/").body for client in clients} == {b"a"}
            told = ask(proxy.socket, f"set server app/a addr 127.0.0.1 port {proxy.b.port}")
            assert f"port changed from '{proxy.a.port}' to '{proxy.b.port}'" in told
            assert {client.get("/").body for client in clients} == {b"b"}
        finally:
            for client in clients:
                client.close()
        assert {get(proxy.web, "/").body for _ in range(8)} == {b"b"}


def test_a_reload_keeps_it_until_the_line_says_otherwise(setup, run_server):
    c = run_server(HttpServer("c", answers=[Answer(body="c")]))
    with setup() as proxy:
        ask(proxy.socket, f"set server app/a addr 127.0.0.1 port {proxy.b.port}")
        proxy.reload()
        assert wire.wait_until(lambda: proxy.output().count("configuration is live") == 1, 5)
        assert answered(proxy, b"b")
        proxy.write_config(proxy.config_path.read_text().replace(f"server a {proxy.a.address}", f"server a {c.address}"))
        proxy.reload()
        assert answered(proxy, b"c")
        # What was said is over, also when the line says again what it said then.
        proxy.write_config(proxy.config_path.read_text().replace(f"server a {c.address}", f"server a {proxy.a.address}"))
        proxy.reload()
        assert answered(proxy, b"a")


def test_checks_follow(setup):
    def is_up():
        return ask(proxy.socket, "show stat checked 4 -1").splitlines()[1].split(",")[17] == "UP"

    with setup() as proxy, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert wire.wait_until(is_up, 5)
        ask(proxy.socket, f"set server checked/a check-port {nobody.getsockname()[1]}")
        assert wire.wait_until(lambda: not is_up(), 5)
        ask(proxy.socket, f"set server checked/a check-addr 127.0.0.1 port {proxy.b.port}")
        assert wire.wait_until(is_up, 5)
        # Without a place of its own the check goes where the traffic goes.
        ask(proxy.socket, f"set server checked/a check-port {proxy.a.port}")
        assert wire.wait_until(is_up, 5)
