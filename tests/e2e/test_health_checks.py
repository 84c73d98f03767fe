# SPDX-License-Identifier: Apache-2.0
# Active checks in nginx's language (health_check, match), which no free anchor has:
# what they send, when a server goes out and comes back, and that a reload keeps it.
import time

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.servers import Answer, EchoServer, HttpServer

from .setups import make_config, skip_anchor

HTTP = """
events {{ }}
http {{
    upstream pool {{ zone pool 128k; server {a}; server {b}; }}
    match well {{ status 200-299; header Content-Type ~ text; body ~ "alive"; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://pool;
            health_check interval=100ms fails=2 passes=2 {more};
        }}
    }}
}}
"""
STREAM = """
events {{ }}
stream {{
    upstream pool {{ zone pool 128k; server {a}; server {b}; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_pass pool;
        health_check interval=100ms fails=1 passes=1;
    }}
}}
"""


def start_http(run_server, run_proxy, more="uri=/health"):
    skip_anchor("nginx", "health_check is commercial")
    port = free_port()
    a, b = (run_server(HttpServer(name)) for name in "ab")
    text = HTTP.format(port=port, a=a.address, b=b.address, more=more)
    return run_proxy("nginx", text, ports=[port]), port, a, b


def users_of(port, count=6):
    """Which servers answer, by the first letter of their bodies."""
    return {get(port, f"/{i}").body[:1].decode() for i in range(count)}


def test_failing_check_takes_the_server_out(run_server, run_proxy):
    _, port, a, b = start_http(run_server, run_proxy)
    assert users_of(port) == {"a", "b"}
    b.answers = [Answer(match="/health", status=503, body="ill\n")]
    assert wire.wait_until(lambda: users_of(port) == {"a"}, 5.0, 0.05)
    b.answers = []
    assert wire.wait_until(lambda: users_of(port) == {"a", "b"}, 5.0, 0.05)
    assert any(m.target == "/health" for m in a.recorder.requests("a"))


def test_match_decides(run_server, run_proxy):
    _, port, a, b = start_http(run_server, run_proxy, "uri=/health match=well")
    a.answers = [Answer(match="/health", body="I am alive\n")]
    b.answers = [Answer(match="/health", body="I am not\n")]
    assert wire.wait_until(lambda: users_of(port) == {"a"}, 5.0, 0.05)


def test_stopped_server_without_a_failed_request(run_server, run_proxy):
    _, port, _, b = start_http(run_server, run_proxy)
    b.stop()
    for i in range(20):
        assert get(port, f"/{i}").status == 200
    assert wire.wait_until(lambda: users_of(port) == {"a"}, 5.0, 0.05)


def test_reload_keeps_what_checks_found(run_server, run_proxy):
    proxy, port, _, b = start_http(run_server, run_proxy)
    b.answers = [Answer(match="/health", status=503, body="ill\n")]
    assert wire.wait_until(lambda: users_of(port) == {"a"}, 5.0, 0.05)
    status, text = proxy.reload()
    assert status == 0, text
    assert users_of(port, 12) == {"a"}, "a reload made an ill server well"


def test_stream_check(run_server, run_proxy):
    skip_anchor("nginx", "health_check is commercial")
    port = free_port()
    a, b = run_server(EchoServer("a", banner="a")), run_server(EchoServer("b", banner="b"))
    text = STREAM.format(port=port, a=a.address, b=b.address)
    run_proxy("nginx", text, ports=[port])

    def users():
        seen = set()
        for _ in range(4):
            with Client(port) as client:
                seen.add(client.reader.exactly(1))
        return seen
    assert users() == {b"a", b"b"}
    b.stop()
    assert wire.wait_until(lambda: users() == {b"a"}, 5.0, 0.05)
    b.start()
    assert wire.wait_until(lambda: users() == {b"a", b"b"}, 5.0, 0.05)


@pytest.mark.parametrize("personality", ["haproxy"])
def test_reload_keeps_a_server_down(personality, run_server, run_proxy):
    """HAProxy's language: DOWN stays DOWN over a reload, without a grace period."""
    skip_anchor(personality, "starts every server as UP")
    port = free_port()
    servers = [run_server(HttpServer(name)) for name in "ab"]
    config = make_config(personality, port, servers, options="check inter 200 fall 2 rise 2")
    proxy = run_proxy(personality, config, ports=[port])
    servers[1].stop()
    assert wire.wait_until(lambda: get(port, "/count").body == b"1", 5.0)
    proxy.write_config(config.replace("X-Config A", "X-Config B"))
    proxy.reload()
    limit = time.monotonic() + 5.0
    while time.monotonic() < limit:
        answer = get(port, "/x")
        assert answer.body.startswith(b"a ")
        if answer.get("x-config") == "B":
            break
    assert answer.get("x-config") == "B"
    assert get(port, "/count").body == b"1"
