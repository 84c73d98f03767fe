# SPDX-License-Identifier: Apache-2.0
# Trying again: what is safe is repeated without the client noticing; a request that
# may have had effect is sent once and never again.
import time

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.servers import Answer, Arrival, HttpServer, Recorder, TcpServer

from .setups import PERSONALITIES, make_config, skip_anchor


def start(personality, run_server, run_proxy, answers=(), names="ab", defaults=""):
    skip_anchor(personality)
    port, recorder = free_port(), Recorder()
    servers = [run_server(HttpServer(name, recorder, [Answer(**a) for a in answers]))
               for name in names]
    run_proxy(personality, make_config(personality, port, servers, defaults=defaults),
              ports=[port])
    return port, recorder, servers


def send(port, method, target, body="payload"):
    with Client(port, timeout=15) as client:
        client.send(f"{method} {target} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n"
                    f"Connection: close\r\n\r\n{body}")
        try:
            return client.read_final(method)[-1].status
        except wire.Closed:
            return None


@pytest.mark.parametrize("how", ["drop", "reset"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "LOCK"])
@pytest.mark.parametrize("personality", PERSONALITIES)
def test_unsafe_request_is_sent_once(personality, method, how, run_server, run_proxy):
    port, recorder, _ = start(personality, run_server, run_proxy, [{how: True}])
    assert send(port, method, "/once") in (502, None)
    time.sleep(0.1)
    assert len(recorder.requests()) == 1


@pytest.mark.parametrize("personality", ["nginx", "weir"])
def test_safe_request_goes_to_the_next_server(personality, run_server, run_proxy):
    port, recorder, _ = start(personality, run_server, run_proxy,
                              [{"match": "first", "drop": True, "times": 1}])
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        assert send(port, method, f"/first-{method}", "") in (200, 502)
    targets = [m.target for m in recorder.requests()]
    assert targets.count("/first-GET") == 2


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_no_retry_after_the_answer_began(personality, run_server, run_proxy):
    """Half an answer can't be taken back: the client sees it end, nobody is asked again."""
    half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    port, recorder, _ = start(personality, run_server, run_proxy, [{"raw": half, "close": True}])
    with Client(port) as client:
        client.send("GET /half HTTP/1.1\r\nHost: t\r\n\r\n")
        answer = client.read_response()
        assert answer.status in (200, 502)
        assert answer.status == 502 or not answer.whole
    assert len(recorder.requests()) == 1


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_refused_connection_is_safe_for_all(personality, run_server, run_proxy):
    """Nothing was sent, so even a POST may go to the next server."""
    port, recorder, servers = start(personality, run_server, run_proxy,
                                    defaults="retries 2\n    option redispatch 1")
    servers[0].stop()
    for i in range(4):
        assert send(port, "POST", f"/{i}") == 200
    assert sorted(m.target for m in recorder.requests()) == ["/0", "/1", "/2", "/3"]


class ImpatientServer(TcpServer):
    """Keeps connections alive in words only: closes each soon after its answer."""

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=30)
        message = wire.read_request(reader)
        self.recorder.add(Arrival(self.name, number, message))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(0.002 * (number % 4))


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_stale_idle_connection(personality, run_server, run_proxy):
    """Idle connections that the server closes at the wrong moment: a GET never fails,
    a POST arrives at most once."""
    skip_anchor(personality)
    port = free_port()
    server = run_server(ImpatientServer("a"))
    run_proxy(personality, make_config(personality, port, [server],
                                       main="worker_processes 1;"
                                       if personality != "haproxy" else None,
                                       options="max_fails=0"
                                       if personality != "haproxy" else ""), ports=[port])
    statuses = []
    for i in range(120):
        method = "POST" if i % 2 else "GET"
        statuses.append((method, send(port, method, f"/{i}", "x" if i % 2 else "")))
        time.sleep(0.001 * (i % 7))
    targets = [m.target for m in server.recorder.requests() if m.method == "POST"]
    assert len(targets) == len(set(targets)), "a POST arrived twice"
    failed = [s for s in statuses if s[1] != 200]
    skip_anchor(personality, "leaves the repetition to the client", only="haproxy")
    assert not [s for s in failed if s[0] == "GET"], failed
    assert get(port).status == 200


def test_first_request_that_cannot_be_repeated_takes_no_kept_connection(run_server, run_proxy):
    """http-reuse safe: what is kept may be dead already, and nobody could ask again."""
    port, _, (server,) = start("haproxy", run_server, run_proxy, names="a")
    assert get(port, "/keep").status == 200
    assert get(port, "/kept").status == 200
    before = server.connections
    assert send(port, "POST", "/first") == 200
    assert server.connections == before + 1
    with Client(port) as client:
        assert client.get("/opens").status == 200
        now = server.connections
        client.send("POST /second HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx")
        assert client.read_final("POST")[-1].status == 200
        assert server.connections == now
