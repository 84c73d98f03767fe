# SPDX-License-Identifier: Apache-2.0
# FastCGI, SCGI and uwsgi beyond single exchanges: large bodies in both directions, connections that are
# kept, applications that are busy or break, what they write to standard error.
import pytest

from support import wire
from support.client import get
from support.gateways import FastcgiServer, ScgiServer, UwsgiServer
from support.ports import free_port
from support.servers import Answer

from .test_request_bodies import BODY, begin, bodies, finish

CONFIG = """
events {{ }}
http {{
    client_max_body_size 20m;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param REQUEST_URI $request_uri;
    fastcgi_param CONTENT_LENGTH $content_length;
    uwsgi_param REQUEST_METHOD $request_method;
    uwsgi_param REQUEST_URI $request_uri;
    uwsgi_param CONTENT_LENGTH $content_length;
    scgi_param REQUEST_METHOD $request_method;
    scgi_param REQUEST_URI $request_uri;
    upstream pool {{ server 127.0.0.1:{fastcgi}; keepalive 4; }}
    upstream both {{ server 127.0.0.1:{busy}; server 127.0.0.1:{fastcgi}; }}
    server {{
        listen 127.0.0.1:{port};
        location /fastcgi/ {{ fastcgi_pass 127.0.0.1:{fastcgi}; }}
        location /stream/ {{ fastcgi_pass 127.0.0.1:{fastcgi}; fastcgi_request_buffering off; }}
        location /kept/ {{ fastcgi_pass pool; fastcgi_keep_conn on; }}
        location /both/ {{ fastcgi_pass both; }}
        location /scgi/ {{ scgi_pass 127.0.0.1:{scgi}; }}
        location /uwsgi/ {{ uwsgi_pass 127.0.0.1:{uwsgi}; }}
    }}
}}
"""


@pytest.fixture
def world(run_server, run_proxy, recorder):
    large = Answer(match="large", body="0123456789abcdef", repeat_body=200_000)
    servers = {
        "fastcgi": FastcgiServer("a", recorder=recorder, answers=[
            large, Answer(match="stderr", errors="PHP Notice: one\n"),
            Answer(match="cut", raw="Content-Length: 40\r\n\r\nshort"),
            Answer(match="garbage", raw="no head at all")]),
        "busy": FastcgiServer("busy", recorder=recorder, answers=[Answer(raw="", protocol_status=2)]),
        "scgi": ScgiServer("s", recorder=recorder, answers=[large]),
        "uwsgi": UwsgiServer("u", recorder=recorder, answers=[large]),
    }
    for server in servers.values():
        run_server(server)
    port = free_port()
    config = CONFIG.format(port=port, **{name: server.port for name, server in servers.items()})
    return run_proxy("nginx", config, ports=[port]), port, servers


@pytest.mark.parametrize("where", ["fastcgi", "stream", "kept", "scgi", "uwsgi"])
def test_large_bodies_arrive_whole(world, recorder, where):
    _, port, _ = world
    client = begin(port, f"/{where}/large")
    client.sendall(BODY)
    answer = finish(client)
    assert answer.status == 200
    assert answer.body == b"0123456789abcdef" * 200_000
    assert [body for _, body in bodies(recorder)] == [BODY]


def test_connections_are_kept_where_asked_for(world):
    _, port, servers = world
    for _ in range(3):
        assert get(port, "/kept/x").status == 200
    assert servers["fastcgi"].connections == 1
    for _ in range(3):
        assert get(port, "/fastcgi/x").status == 200
    assert servers["fastcgi"].connections == 4


def test_a_request_that_an_application_refuses_goes_to_another_one(world, recorder):
    _, port, _ = world
    for _ in range(2):
        client = begin(port, "/both/x", b"body")
        client.sendall(b"body")
        assert finish(client).status == 200
    assert ("busy", b"body") in bodies(recorder)
    assert bodies(recorder).count(("a", b"body")) == 2


def test_what_breaks_is_told(world):
    proxy, port, _ = world
    assert get(port, "/fastcgi/garbage").status == 502
    assert not get(port, "/fastcgi/cut").whole
    assert get(port, "/fastcgi/stderr").status == 200
    line = 'FastCGI sent in stderr: "PHP Notice: one" while reading response header from upstream'
    assert wire.wait_until(lambda: line in proxy.output(), 5), proxy.output()
