# SPDX-License-Identifier: Apache-2.0
# An answer that comes before the request's body has been read: what the client sends
# afterwards is still that body, never a request of its own.
import pytest

from support import binary, wire
from support.client import Client, get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer

NGINX = """
events {{ }}
http {{ server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://{server}; proxy_http_version 1.1; proxy_request_buffering off;
                  proxy_set_header Connection ""; }}
    location /local {{ return 200 local; }}
    location /refuse {{ return 403; }}
}} }}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 3s
    timeout server 3s
frontend f
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string local if {{ path /local }}
    http-request deny if {{ path /refuse }}
    default_backend b
backend b
    server a {server}
"""
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture(params=["nginx", "haproxy"])
def setup(request):
    port = free_port()
    server = HttpServer("a", answers=[Answer(match="early", early=True, body="early\n")]).start()
    text = (NGINX if request.param == "nginx" else HAPROXY).format(
        port=port, server=server.address)
    proxy = Proxy(binary.subject(request.param), request.param, text, ports=[port]).start()
    yield port, server
    server.stop()
    proxy.close()


def send_late_body(port, target, head, body):
    """Send the head, read the answer, then the body; return all final answers."""
    answers = []
    with Client(port, timeout=2.0) as client:
        client.send(f"POST {target} HTTP/1.1\r\nHost: t\r\n{head}\r\n\r\n")
        answers.append(client.read_final()[-1])
        client.send(body)
        client.reader.timeout = 0.3
        try:
            while True:
                answers.append(client.read_final()[-1])
        except (wire.Closed, TimeoutError):
            pass
    return answers


@pytest.mark.parametrize("target", ["/early", "/local", "/refuse"])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_after_the_answer(setup, target, chunked):
    port, server = setup
    if chunked:
        head = "Transfer-Encoding: chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    else:
        head, body = f"Content-Length: {len(SMUGGLED)}", SMUGGLED
    if target == "/local" and binary.subject_is_anchor():
        pytest.skip("nginx reads the body first and answers then")
    answers = send_late_body(port, target, head, body)
    assert len(answers) == 1, [a.start for a in answers]
    assert not any("smuggled" in m.start for m in server.recorder.requests())
    assert get(port, "/after").status == 200


@pytest.mark.parametrize("target", ["/early", "/refuse"])
def test_body_that_never_comes(setup, target):
    """The client waits for nothing more; other clients are not held up."""
    port, _ = setup
    with Client(port, timeout=3.0) as client:
        client.send(f"POST {target} HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nabc")
        assert client.read_final()[-1].status in (200, 403)
        for i in range(5):
            assert get(port, f"/other{i}").status == 200
