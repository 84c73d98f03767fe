# SPDX-License-Identifier: Apache-2.0
# ssi beside what the differential case shows: compression of pages with includes, pages that include
# themselves, big includes, clients that read slowly or leave.
import pathlib
import zlib

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.servers import Answer, HttpServer

CONFIG = """
user root;
events {{ }}
http {{
    types {{ text/html html; }}
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        ssi on;
        location /proxied {{ proxy_pass http://127.0.0.1:{a}; }}
        location /packed/ {{ alias {folder}/; gzip on; gzip_min_length 1; }}
    }}
}}
"""
BIG = bytes(65 + i % 26 for i in range(2_000_000))


def start(folder, run_server, run_proxy, pages, body=b""):
    port = free_port()
    for name, text in pages.items():
        (pathlib.Path(folder) / name).write_text(text)
    a = run_server(HttpServer("a", answers=[Answer(headers=["Content-Type: text/html"], body=body.decode())]))
    run_proxy("nginx", CONFIG.format(port=port, folder=folder, a=a.port), ports=[port])
    return port


def read(client, path, more=""):
    client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\n{more}Connection: close\r\n\r\n")
    return wire.read_response(client.reader, "GET")


def test_includes_are_compressed(folder, run_server, run_proxy):
    port = start(folder, run_server, run_proxy, {
        "page.html": '<!--#include virtual="/part.html" -->' * 50, "part.html": "part of a page "})
    with Client(port) as client:
        response = read(client, "/packed/page.html", "Accept-Encoding: gzip\r\n")
    assert response.get("content-encoding") == "gzip"
    assert zlib.decompress(response.body, 31) == b"part of a page " * 50


def test_a_page_that_includes_itself_ends(folder, run_server, run_proxy):
    port = start(folder, run_server, run_proxy, {"self.html": '.<!--#include virtual="/self.html" -->'})
    body = get(port, "/self.html").body
    assert body == b"." * 51 + b"[an error occurred while processing the directive]"


def test_big_includes_reach_slow_readers(folder, run_server, run_proxy):
    port = start(folder, run_server, run_proxy, {
        "page.html": '[<!--#include virtual="/proxied" -->|<!--#include virtual="/proxied?2" -->]'}, BIG)
    with Client(port, receive_buffer=4096) as client:
        assert read(client, "/page.html").body == b"[" + BIG + b"|" + BIG + b"]"


def test_a_client_that_leaves_ends_its_page(folder, run_server, run_proxy):
    port = start(folder, run_server, run_proxy, {
        "page.html": '[<!--#include virtual="/proxied" -->]' * 20, "small.html": "small"}, BIG)
    for _ in range(5):
        with Client(port, receive_buffer=4096) as client:
            client.send("GET /page.html HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            client.sock.recv(1000)
    assert get(port, "/small.html").body == b"small"


def test_a_query_cannot_end_the_request_line(folder, run_server, run_proxy):
    page = '<!--#set var="x" value="a\r\nInjected: yes" --><!--#include virtual="/proxied?$x" -->'
    port = start(folder, run_server, run_proxy, {}, b"proxied")
    (pathlib.Path(folder) / "bad.html").write_bytes(page.encode())
    assert b"an error occurred" in get(port, "/bad.html").body
