# SPDX-License-Identifier: Apache-2.0
# gRPC from end to end with the library's own client and server: all four kinds of calls,
# statuses in trailers, deadlines and cancellation, through either language.
import threading
import time
from concurrent import futures

import grpc
import pytest

from support.ports import free_port

NGINX = """
worker_processes 2;
events {{ }}
http {{
    access_log off;
    upstream echo {{ server 127.0.0.1:{server}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port} http2;
        client_max_body_size 0;
        location / {{
            grpc_pass grpc://echo;
            grpc_read_timeout 30s;
            error_page 502 504 = @unavailable;
        }}
        location @unavailable {{
            default_type application/grpc;
            add_header grpc-status 14 always;
            add_header grpc-message "nobody home" always;
            return 204;
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
listen l
    bind 127.0.0.1:{port} proto h2
    server s 127.0.0.1:{server} proto h2
"""
CONFIGS = {"nginx": NGINX, "haproxy": HAPROXY}


class Echo(grpc.GenericRpcHandler):
    """Bytes in, bytes out; what it saw of a call is in `seen`."""

    def __init__(self):
        self.seen, self.cancelled = [], threading.Event()

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        self.seen.append(dict(details.invocation_metadata))
        return {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
        }.get(name)

    def unary(self, request, context):
        context.send_initial_metadata((("x-initial", "1"),))
        context.set_trailing_metadata((("x-trailing", "2"),))
        return request[::-1]

    def fail(self, request, context):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")

    def slow(self, request, context):
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(10)
        return b""

    def down(self, request, context):
        for i in range(int(request)):
            yield b"%d" % i

    def up(self, requests, context):
        return b"%d" % sum(len(one) for one in requests)

    def both(self, requests, context):
        for one in requests:
            yield b"re:" + one


@pytest.fixture(params=["nginx", "haproxy"])
def echo(request, run_proxy):
    handler = Echo()
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[handler],
                         options=[("grpc.max_receive_message_length", -1)])
    server_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    port = free_port()
    run_proxy(request.param, CONFIGS[request.param].format(port=port, server=server_port),
              ports=[port])
    channel = grpc.insecure_channel(f"127.0.0.1:{port}",
                                    options=[("grpc.max_receive_message_length", -1),
                                             ("grpc.enable_retries", 0)])
    handler.language, handler.server = request.param, server
    yield channel, handler
    channel.close()
    server.stop(None)


def test_unary(echo):
    channel, handler = echo
    call = channel.unary_unary("/demo.Echo/Unary")
    answer, rest = call.with_call(b"hello", metadata=(("x-mine", "yes"),), timeout=10)
    assert answer == b"olleh"
    assert ("x-initial", "1") in [tuple(m) for m in rest.initial_metadata()]
    assert ("x-trailing", "2") in [tuple(m) for m in rest.trailing_metadata()]
    assert rest.code() == grpc.StatusCode.OK
    assert handler.seen[0]["x-mine"] == "yes"


def test_error_status(echo):
    channel, _ = echo
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/demo.Echo/Fail")(b"x", timeout=10)
    assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert error.value.details() == "not you"


def test_server_streams(echo):
    channel, _ = echo
    assert list(channel.unary_stream("/demo.Echo/Down")(b"500", timeout=20)) == \
        [b"%d" % i for i in range(500)]


def test_client_streams(echo):
    channel, _ = echo
    pieces = [b"x" * 1000] * 500
    assert channel.stream_unary("/demo.Echo/Up")(iter(pieces), timeout=20) == b"500000"


def test_both_stream_at_once(echo):
    """Each message is answered before the next is written."""
    channel, _ = echo
    gate = threading.Semaphore(1)

    def requests():
        for i in range(20):
            assert gate.acquire(timeout=10)
            yield b"%d" % i
    got = []
    for answer in channel.stream_stream("/demo.Echo/Both")(requests(), timeout=20):
        got.append(answer)
        gate.release()
    assert got == [b"re:%d" % i for i in range(20)]


def test_large_messages(echo):
    channel, _ = echo
    large = bytes(range(256)) * (4 << 12)
    assert channel.unary_unary("/demo.Echo/Unary")(large, timeout=30) == large[::-1]


def test_many_at_once(echo):
    channel, _ = echo
    call = channel.unary_unary("/demo.Echo/Unary")
    running = [call.future(b"%d" % i, timeout=20) for i in range(300)]
    assert [one.result() for one in running] == [(b"%d" % i)[::-1] for i in range(300)]


def test_deadline_reaches_the_server(echo):
    """The client gives up: so does the request to the server."""
    channel, handler = echo
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/demo.Echo/Slow")(b"x", timeout=0.5)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert handler.cancelled.wait(5)
    assert time.monotonic() - began < 5


def test_no_server(echo):
    channel, handler = echo
    handler.server.stop(None).wait(5)
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/demo.Echo/Unary")(b"x", timeout=10)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    if handler.language == "nginx":
        assert error.value.details() == "nobody home"
