# SPDX-License-Identifier: Apache-2.0
# proxy_request_buffering: a body is gathered before a server is asked, on disk when it is large; off
# passes it on as it comes. A full disk is the client's 500 and a line in the log.
import pathlib
import socket
import subprocess

import pytest

from support import binary, wire
from support.client import get
from support.ports import free_port
from support.servers import Answer, HttpServer, Recorder

CONFIG = """
user root;
events {{ }}
http {{
    client_max_body_size 20m;
    client_body_buffer_size 16k;
    client_body_temp_path {temp};
    upstream pool {{ server 127.0.0.1:{a} max_fails=0; server 127.0.0.1:{b} max_fails=0; }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / {{ proxy_pass http://127.0.0.1:{a}; }}
        location /stream {{ proxy_pass http://127.0.0.1:{a}; proxy_request_buffering off; }}
        location /retry {{ proxy_pass http://pool; proxy_next_upstream error timeout non_idempotent; }}
        location /page {{ proxy_pass http://127.0.0.1:{a}; proxy_intercept_errors on; error_page 503 =200 @other; }}
        location @other {{ proxy_pass http://127.0.0.1:{b}; }}
    }}
}}
"""
BODY = bytes(i * 31 % 251 for i in range(3_000_000))


@pytest.fixture
def world(folder, run_server, run_proxy, recorder):
    port = free_port()
    a = run_server(HttpServer("a", recorder=recorder, answers=[
        Answer(match="retry", drop=True), Answer(match="page", status=503)]))
    b = run_server(HttpServer("b", recorder=recorder))

    def start(temp=None, **options):
        config = CONFIG.format(port=port, a=a.port, b=b.port, temp=temp or f"{folder}/bodies")
        return run_proxy("nginx", config, ports=[port], **options)

    return start, port, recorder


def begin(port, path, body=BODY, length=None):
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Length: {length or len(body)}\r\n"
                   "Connection: close\r\n\r\n".encode())
    return client


def finish(client):
    return wire.read_response(wire.Reader(client), "POST")


def bodies(recorder):
    return [(a.server, a.message.body) for a in recorder.since() if a.message]


def test_servers_get_a_gathered_body_whole(world):
    start, port, recorder = world
    start()
    client = begin(port, "/x")
    client.sendall(BODY[:-1])
    assert not wire.wait_until(lambda: recorder.count(), 0.5)
    client.sendall(BODY[-1:])
    assert finish(client).status == 200
    assert bodies(recorder) == [("a", BODY)]


def test_chunks_are_gathered_too(world):
    start, port, recorder = world
    start()
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(b"POST /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    for at in range(0, len(BODY), 50_000):
        part = BODY[at:at + 50_000]
        client.sendall(b"%x\r\n%b\r\n" % (len(part), part))
    client.sendall(b"0\r\n\r\n")
    assert finish(client).status == 200
    assert bodies(recorder) == [("a", BODY)]


def test_the_next_server_gets_it_again(world):
    start, port, recorder = world
    start()
    for path in ("/retry", "/page"):
        recorder.clear()
        client = begin(port, path)
        client.sendall(BODY)
        assert finish(client).status == 200
        assert ("b", BODY) in bodies(recorder)


@pytest.mark.skipif(binary.subject_is_anchor(), reason="needs a folder of its own")
def test_full_disk(world, tmp_path):
    start, port, recorder = world
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(tmp_path)], check=False)
    if done.returncode != 0:
        pytest.skip("no right to mount")
    try:
        proxy = start(temp=str(tmp_path))
        client = begin(port, "/x")
        client.sendall(BODY)
        assert finish(client).status == 500
        assert "No space left on device" in proxy.output()
        assert get(port).status == 200   # the worker lives on, and the room is free again
        client = begin(port, "/x", BODY[:100_000])
        client.sendall(BODY[:100_000])
        assert finish(client).status == 200
        proxy.stop()
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=False)
    assert bodies(recorder)[-1] == ("a", BODY[:100_000])


FILES = """
user root;
events {{ }}
http {{
    client_max_body_size 20m;
    client_body_temp_path {folder}/bodies;
    server {{
        listen 127.0.0.1:{port};
        proxy_set_header X-File $request_body_file;
        location /clean {{ client_body_in_file_only clean; proxy_pass http://127.0.0.1:{a}; }}
        location /kept {{ client_body_in_file_only on; proxy_pass http://127.0.0.1:{a}; }}
    }}
}}
"""


def test_bodies_lie_in_files_that_servers_are_told_of(folder, run_server, run_proxy, recorder):
    port = free_port()
    a = run_server(HttpServer("a", recorder=recorder, answers=[Answer(hold=True)]))
    run_proxy("nginx", FILES.format(port=port, a=a.port, folder=folder), ports=[port])
    for path, body in (("/clean", BODY[:5]), ("/clean", BODY), ("/kept", BODY)):
        recorder.clear()
        a.reset_counts()
        client = begin(port, path, body)
        client.sendall(body)
        assert wire.wait_until(recorder.count, 3.0)
        [message] = recorder.requests()
        file = pathlib.Path(message.get("x-file"))
        assert file.read_bytes() == body == message.body
        a.release()
        assert finish(client).status == 200
        assert wire.wait_until(lambda: file.exists() == (path == "/kept"), 3.0)
