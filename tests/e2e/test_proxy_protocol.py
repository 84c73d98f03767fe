# SPDX-License-Identifier: Apache-2.0
# PROXY headers from peers that mean no good: values that leave their header, headers that come byte by
# byte or never, payload in the same packet, addresses told by those whom nobody believes. The
# connection is closed or served as what it is; the worker lives on.
import socket
import struct
import time

import pytest

from support import wire
from support.client import Client
from support.ports import free_port

from .setups import skip_anchor

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

NGINX = """
events {{ }}
http {{
    client_header_timeout 700ms;
    server {{
        listen 127.0.0.1:{port} proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location / {{ return 200 "$remote_addr $proxy_protocol_addr\\n"; }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 700ms
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[fc_rcvd_proxy]\\n"
"""
BOTH = ["nginx", "haproxy"]


def version_2(rest, command=0x21, family=0x11, length=None):
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest) if length is None else length) + rest


def addresses(source="192.0.2.1", destination="192.0.2.2", ports=(1000, 2000)):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", *ports)


def value(kind, content, length=None):
    return struct.pack("!BH", kind, len(content) if length is None else length) + content


@pytest.fixture(params=BOTH)
def proxy_port(request, run_proxy):
    skip_anchor(request.param, "waits for no rest of a header", only="nginx")
    port = free_port()
    text = (NGINX if request.param == "nginx" else HAPROXY).format(port=port)
    allow = ["PROXY"]
    run_proxy(request.param, text, ports=[], allow=allow)
    assert wire.wait_until(lambda: alive(port), 5.0, 0.05)
    return port


def alive(port):
    try:
        return ask(port, b"PROXY TCP4 192.0.2.9 192.0.2.2 1000 2000\r\n" + REQUEST) == "192.0.2.9"
    except OSError:
        return False


def ask(port, *parts, pause=0.0):
    """The client's address as the proxy tells it; empty when it closed without an answer."""
    with Client(port, timeout=5) as client:
        for part in parts:
            client.send(part)
            if pause:
                time.sleep(pause)
        try:
            response = client.read_response()
        except (wire.Closed, ConnectionError):
            return ""
        return response.body.decode().split()[0] if response and response.status == 200 else ""


def test_payload_in_the_same_packet(proxy_port):
    """What stands behind the header is the request, whole or in part."""
    assert ask(proxy_port, version_2(addresses()) + REQUEST) == "192.0.2.1"
    assert ask(proxy_port, version_2(addresses()) + REQUEST[:9], REQUEST[9:], pause=0.05) == "192.0.2.1"
    head = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"
    assert ask(proxy_port, head + REQUEST[:1], REQUEST[1:], pause=0.05) == "192.0.2.1"


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n",
                                    version_2(addresses() + value(2, b"a.test"))])
def test_header_in_small_pieces(proxy_port, header):
    pieces = [header[i:i + 7] for i in range(0, len(header), 7)]
    assert ask(proxy_port, *pieces, REQUEST, pause=0.01) == "192.0.2.1"


def test_values_must_stay_in_their_header(proxy_port):
    assert ask(proxy_port, version_2(addresses() + value(2, b"abc")) + REQUEST) == "192.0.2.1"
    for rest in (value(2, b"abc", length=4), value(2, b"abc", length=0xffff), b"\x02", b"\x02\x00"):
        assert ask(proxy_port, version_2(addresses() + rest) + REQUEST) == "", rest


def test_length_must_hold_the_addresses(proxy_port):
    for length in (0, 1, 11):
        assert ask(proxy_port, version_2(addresses(), length=length) + REQUEST) == "", length
    assert ask(proxy_port, version_2(addresses(), family=0x21) + REQUEST) == ""


def test_local_says_nothing_about_the_client(proxy_port):
    """Health checks of balancers in front: the connection is the sender's own."""
    assert ask(proxy_port, version_2(b"", command=0x20, family=0) + REQUEST) == "127.0.0.1"
    assert ask(proxy_port, version_2(addresses(), command=0x20) + REQUEST) == "127.0.0.1"
    assert ask(proxy_port, b"PROXY UNKNOWN\r\n" + REQUEST) == "127.0.0.1"


def test_broken_headers_are_closed(proxy_port):
    for start in (REQUEST, version_2(addresses(), command=0x31), version_2(addresses(), command=0x2f),
                  b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 99999\r\n", b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
                  b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\n" + b"x" * 100,
                  b"PROXY " + b"A" * 200 + b"\r\n", b"\r\n\r\n\0\r\nQUIT\r" + b"x" * 40):
        assert ask(proxy_port, start + REQUEST) == "", start
    assert alive(proxy_port)


def test_a_second_header_is_no_header(proxy_port):
    """Only one is believed: what follows is a request, and a bad one."""
    header = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"
    assert ask(proxy_port, header + b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + REQUEST) == ""


@pytest.mark.parametrize("start", [b"", b"PROXY TCP4 192.0.2.1", SIGNATURE, version_2(b"", length=12)])
def test_header_that_never_comes(proxy_port, start):
    began = time.monotonic()
    with Client(proxy_port, timeout=5) as client:
        client.send(start)
        assert client.sock.recv(1000) == b""
    assert 0.4 < time.monotonic() - began < 3.0


def test_the_largest_header(proxy_port):
    """64 KB of values are no header that anybody sends: closed or read, but never stuck or held."""
    filler = value(4, b"x" * 60000)
    assert ask(proxy_port, version_2(addresses() + filler) + REQUEST) in ("", "192.0.2.1")
    assert alive(proxy_port)


def test_untrusted_peer_tells_nothing(run_proxy):
    skip_anchor("nginx")
    port = free_port()
    run_proxy("nginx", NGINX.format(port=port), ports=[], allow=["PROXY"])
    assert wire.wait_until(lambda: alive(port), 5.0, 0.05)
    with Client(port, source="127.0.0.2") as client:
        client.send(b"PROXY TCP4 10.9.9.9 192.0.2.2 1000 2000\r\n" + REQUEST)
        assert client.read_response().body == b"127.0.0.2 10.9.9.9\n"
