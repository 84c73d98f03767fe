# SPDX-License-Identifier: Apache-2.0
# What RFC 9113 (HTTP/2), RFC 7541 (HPACK), RFC 8441 and RFC 9218 demand of a server: one row a rule.
# A row sends raw frames on a connection of its own and says what must come back.
import collections
import struct

import pytest

from support import h2
from support.h2 import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM,
                        ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS,
                        NO_ERROR, PADDED, PING, PRIORITY, PRIORITY_FLAG, PRIORITY_UPDATE,
                        PROTOCOL_ERROR, PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS,
                        STREAM_CLOSED, WINDOW_UPDATE, block, frame, headers, integer, literal,
                        request, settings)
from support.ports import free_port
from support.servers import HttpServer

from .setups import skip_anchor

PERSONALITIES = ["nginx", "haproxy"]
NGINX = """
events {{ }}
http {{
    access_log off; http2 on; client_header_timeout 2s;
    server {{
        listen 127.0.0.1:{port}; http2_max_concurrent_streams 10;
        location / {{ proxy_pass http://{server}; }}
        location /own {{ return 200 "own"; }}
    }}
}}
"""
HAPROXY = """
global
    tune.h2.max-concurrent-streams 10
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    timeout http-request 2s
listen l
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string own if {{ path /own }}
    server a {server}
"""

GET = request()
OWN = request(path="/own")
POST = request("POST")


def u32(number):
    return struct.pack(">I", number)


# What a row expects.
def conn(*codes):
    """The connection ends, with GOAWAY of one of these codes where one is sent."""
    return ("connection", codes)


def stream(*codes, on=1):
    """The stream is reset with one of these codes, or the connection ends with one."""
    return ("stream", codes, on)


def ok(status=200, on=1):
    return ("answer", status, on)


ALIVE = ("alive",)


def without(name):
    return [f for f in OWN if f[0] != name]


def changed(name, value):
    return [(n, value if n == name else v) for n, v in OWN]


def bad_request(fields, flags=END_STREAM | END_HEADERS):
    return headers(1, fields, flags), stream(PROTOCOL_ERROR)


def odd_name(name):
    return bad_request(OWN + [(name, "x")])


def odd_value(value):
    return bad_request(OWN + [("x-field", value)])


def with_body(fields, *data, ends=True):
    out = headers(1, fields, END_HEADERS)
    for i, piece in enumerate(data):
        out += frame(DATA, END_STREAM if ends and i == len(data) - 1 else 0, 1, piece)
    return out


def length(value):
    return POST + [("content-length", value)]


OPEN = headers(1, POST, END_HEADERS)
DONE = headers(1, OWN)
RAW_OWN = block(OWN)

ROWS = {
    # RFC 9113 section 3.4
    "3.4 settings come first, a request is answered": (DONE, ok()),
    # 4.1
    "4.1 an unknown frame type is ignored": (frame(0xfa, 0x7f, 0, b"anything") + DONE, ok()),
    "4.1 an unknown frame type on a stream is ignored": (OPEN + frame(0xfb, 1, 1, b"x") + frame(DATA, 1, 1, b"b"), ok()),
    "4.1 undefined flags are ignored on PING": (frame(PING, 0xfe, 0, b"12345678") + DONE, ok()),
    "4.1 undefined flags are ignored on HEADERS": (headers(1, OWN, 0x05 | 0xc0 & ~0x28 | 0x12 & ~0x08), ok()),
    "4.1 the reserved bit is ignored": (frame(HEADERS, 5, 1 | 0x80000000, RAW_OWN), ok()),
    # 4.2
    "4.2 a DATA frame larger than the limit": (OPEN + frame(DATA, 1, 1, b"x" * 16385), stream(FRAME_SIZE_ERROR)),
    "4.2 a HEADERS frame larger than the limit": (frame(HEADERS, 5, 1, RAW_OWN + literal("x", "y" * 16400)), conn(FRAME_SIZE_ERROR)),
    "4.2 a DATA frame of the limit is taken": (with_body(length("16384"), b"x" * 16384), ok()),
    # 4.3
    "4.3 a field block that does not decode": (frame(HEADERS, 5, 1, b"\xbf\xff\xff\xff\xff\xff\x00"), conn(COMPRESSION_ERROR)),
    "4.3 a frame of another type within a field block": (headers(1, OWN, END_STREAM) + frame(DATA, 1, 1, b"x"), conn(PROTOCOL_ERROR)),
    "4.3 PRIORITY within a field block": (headers(1, OWN, END_STREAM) + frame(PRIORITY, 0, 1, u32(0) + b"\x0f"), conn(PROTOCOL_ERROR)),
    "4.3 an unknown frame within a field block": (headers(1, OWN, END_STREAM) + frame(0xfa, 0, 1, b""), conn(PROTOCOL_ERROR)),
    "4.3 another stream within a field block": (headers(1, OWN, END_STREAM) + headers(3, OWN), conn(PROTOCOL_ERROR)),
    "4.3 CONTINUATION of another stream": (headers(1, OWN, END_STREAM) + frame(CONTINUATION, 4, 3, b""), conn(PROTOCOL_ERROR)),
    "4.3 a block in three frames": (frame(HEADERS, 1, 1, RAW_OWN[:5]) + frame(CONTINUATION, 0, 1, RAW_OWN[5:9]) + frame(CONTINUATION, 4, 1, RAW_OWN[9:]), ok()),
    "4.3 an empty CONTINUATION": (frame(HEADERS, 1, 1, RAW_OWN) + frame(CONTINUATION, 4, 1, b""), ok()),
    # 5.1
    "5.1 idle: DATA": (frame(DATA, 1, 1, b"x"), conn(PROTOCOL_ERROR, STREAM_CLOSED)),
    "5.1 idle: RST_STREAM": (frame(RST_STREAM, 0, 1, u32(8)), conn(PROTOCOL_ERROR)),
    "5.1 idle: WINDOW_UPDATE": (frame(WINDOW_UPDATE, 0, 1, u32(100)), conn(PROTOCOL_ERROR)),
    "5.1 idle: CONTINUATION": (frame(CONTINUATION, 4, 1, b""), conn(PROTOCOL_ERROR)),
    "5.1 idle: PRIORITY is allowed": (frame(PRIORITY, 0, 9, u32(0) + b"\x0f") + DONE, ok()),
    "5.1 half-closed (remote): DATA": (headers(1, request()) + frame(DATA, 1, 1, b"x"), stream(STREAM_CLOSED)),
    "5.1 half-closed (remote): HEADERS": (headers(1, request(path="/hold")) + headers(1, request()), stream(STREAM_CLOSED, PROTOCOL_ERROR)),
    "5.1 half-closed (remote): CONTINUATION": (headers(1, request(path="/hold")) + frame(CONTINUATION, 4, 1, b""), conn(PROTOCOL_ERROR, STREAM_CLOSED)),
    "5.1 half-closed (remote): WINDOW_UPDATE is fine": (headers(1, request()) + frame(WINDOW_UPDATE, 0, 1, u32(1000)), ok()),
    "5.1 half-closed (remote): PRIORITY is fine": (headers(1, request()) + frame(PRIORITY, 0, 1, u32(0) + b"\x05"), ok()),
    "5.1 half-closed (remote): RST_STREAM is fine": (headers(1, request(path="/hold")) + frame(RST_STREAM, 0, 1, u32(8)), ALIVE),
    "5.1 closed by RST_STREAM: DATA": (OPEN + frame(RST_STREAM, 0, 1, u32(8)) + frame(DATA, 1, 1, b"x"), ("either", (STREAM_CLOSED,))),
    "5.1 closed by RST_STREAM: HEADERS": (OPEN + frame(RST_STREAM, 0, 1, u32(8)) + headers(1, OWN), ("either", (STREAM_CLOSED, PROTOCOL_ERROR))),
    "5.1 closed by RST_STREAM: PRIORITY is fine": (OPEN + frame(RST_STREAM, 0, 1, u32(8)) + frame(PRIORITY, 0, 1, u32(0) + b"\x05"), ALIVE),
    "5.1 closed: WINDOW_UPDATE is ignored": (OPEN + frame(RST_STREAM, 0, 1, u32(8)) + frame(WINDOW_UPDATE, 0, 1, u32(10)), ALIVE),
    # 5.1.1
    "5.1.1 an even stream": (headers(2, OWN), conn(PROTOCOL_ERROR)),
    "5.1.1 a stream number that goes back": (headers(5, OWN) + headers(3, OWN), conn(PROTOCOL_ERROR, STREAM_CLOSED)),
    "5.1.1 stream zero": (headers(0, OWN), conn(PROTOCOL_ERROR)),
    "5.1.1 numbers may be left out": (headers(1, OWN) + headers(7, OWN), ok(on=7)),
    # 5.1.2
    "5.1.2 more streams than the limit": (b"".join(headers(1 + 2 * i, POST, END_HEADERS) for i in range(11)), stream(REFUSED_STREAM, PROTOCOL_ERROR, on=21)),
    "5.1.2 as many streams as the limit": (b"".join(headers(1 + 2 * i, OWN) for i in range(10)), ok(on=19)),
    # 5.3, priorities are deprecated but parsed
    "5.3.1 HEADERS with a priority": (frame(HEADERS, 5 | PRIORITY_FLAG, 1, u32(0) + b"\x10" + RAW_OWN), ok()),
    # 5.5
    "5.5 an unknown setting is ignored": (settings((0xfff0, 77)) + DONE, ok()),
    # 6.1
    "6.1 DATA on stream zero": (frame(DATA, 1, 0, b"x"), conn(PROTOCOL_ERROR)),
    "6.1 padding as long as the frame": (OPEN + frame(DATA, 1 | PADDED, 1, b"\x05abcd"), conn(PROTOCOL_ERROR)),
    "6.1 padding of all but its length": (OPEN + frame(DATA, 1 | PADDED, 1, b"\x04abcd"), ok()),
    "6.1 padding is taken off": (with_body(length("3"), ends=False) + frame(DATA, 1 | PADDED, 1, b"\x04abc\0\0\0\0"), ok()),
    "6.1 DATA with padding and no byte for its length": (OPEN + frame(DATA, 1 | PADDED, 1, b""), conn(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    # 6.2
    "6.2 padding longer than HEADERS": (frame(HEADERS, 5 | PADDED, 1, b"\xff" + RAW_OWN[:20]), conn(PROTOCOL_ERROR)),
    "6.2 HEADERS with padding": (frame(HEADERS, 5 | PADDED, 1, b"\x03" + RAW_OWN + b"\0\0\0"), ok()),
    "6.2 HEADERS with padding and priority": (frame(HEADERS, 5 | PADDED | PRIORITY_FLAG, 1, b"\x03" + u32(0x80000000) + b"\x07" + RAW_OWN + b"\0\0\0"), ok()),
    "6.2 HEADERS too short for its priority": (frame(HEADERS, 5 | PRIORITY_FLAG, 1, b"\0\0"), conn(FRAME_SIZE_ERROR, PROTOCOL_ERROR)),
    # 6.3
    "6.3 PRIORITY on stream zero": (frame(PRIORITY, 0, 0, u32(1) + b"\x05"), conn(PROTOCOL_ERROR)),
    "6.3 PRIORITY of the wrong length": (frame(PRIORITY, 0, 1, b"\0\0\0\0"), stream(FRAME_SIZE_ERROR)),
    # 6.4
    "6.4 RST_STREAM on stream zero": (frame(RST_STREAM, 0, 0, u32(8)), conn(PROTOCOL_ERROR)),
    "6.4 RST_STREAM of the wrong length": (OPEN + frame(RST_STREAM, 0, 1, b"\0\0\0"), conn(FRAME_SIZE_ERROR)),
    "6.4 RST_STREAM with an unknown code": (OPEN + frame(RST_STREAM, 0, 1, u32(0xfefe)), ALIVE),
    # 6.5
    "6.5 SETTINGS on a stream": (frame(SETTINGS, 0, 1, b""), conn(PROTOCOL_ERROR)),
    "6.5 SETTINGS of the wrong length": (frame(SETTINGS, 0, 0, b"\0\x03\0"), conn(FRAME_SIZE_ERROR)),
    "6.5 an acknowledgement with content": (frame(SETTINGS, ACK, 0, b"\0\x03\0\0\0\x64"), conn(FRAME_SIZE_ERROR)),
    "6.5.2 ENABLE_PUSH other than 0 and 1": (settings((2, 2)), conn(PROTOCOL_ERROR)),
    "6.5.2 ENABLE_PUSH 0": (settings((2, 0)) + DONE, ok()),
    "6.5.2 INITIAL_WINDOW_SIZE above the limit": (settings((4, 0x80000000)), conn(FLOW_CONTROL_ERROR)),
    "6.5.2 MAX_FRAME_SIZE below the limit": (settings((5, 16383)), conn(PROTOCOL_ERROR)),
    "6.5.2 MAX_FRAME_SIZE above the limit": (settings((5, 16777216)), conn(PROTOCOL_ERROR)),
    "6.5.2 MAX_FRAME_SIZE at its limits": (settings((5, 16384), (5, 16777215)) + DONE, ok()),
    "6.5.2 HEADER_TABLE_SIZE 0": (settings((1, 0)) + DONE, ok()),
    "6.5.2 HEADER_TABLE_SIZE very large": (settings((1, 0xffffffff)) + DONE, ok()),
    "6.5.2 MAX_HEADER_LIST_SIZE": (settings((6, 65536)) + DONE, ok()),
    "6.5.3 a value twice: the last counts": (settings((4, 1), (4, 65535)) + DONE, ok()),
    "6.5.3 SETTINGS are acknowledged": (settings((3, 100)), ("frame", SETTINGS, ACK, b"")),
    "8441 ENABLE_CONNECT_PROTOCOL other than 0 and 1": (settings((8, 2)), conn(PROTOCOL_ERROR)),
    # 6.6
    "6.6 PUSH_PROMISE from a client": (OPEN + frame(PUSH_PROMISE, 4, 1, u32(2) + RAW_OWN), conn(PROTOCOL_ERROR)),
    # 6.7
    "6.7 PING is answered with its content": (frame(PING, 0, 0, b"abcdefgh"), ("frame", PING, ACK, b"abcdefgh")),
    "6.7 an acknowledgement is not answered": (frame(PING, ACK, 0, b"unwanted") + frame(PING, 0, 0, b"askedfor"), ("frame", PING, ACK, b"askedfor")),
    "6.7 PING on a stream": (frame(PING, 0, 1, b"abcdefgh"), conn(PROTOCOL_ERROR)),
    "6.7 PING of the wrong length": (frame(PING, 0, 0, b"abcdef"), conn(FRAME_SIZE_ERROR)),
    # 6.8
    "6.8 GOAWAY on a stream": (frame(GOAWAY, 0, 1, u32(0) + u32(0)), conn(PROTOCOL_ERROR)),
    "6.8 GOAWAY too short": (frame(GOAWAY, 0, 0, u32(0)), conn(FRAME_SIZE_ERROR)),
    "6.8 what runs is answered after GOAWAY": (headers(1, GET) + frame(GOAWAY, 0, 0, u32(0) + u32(0)), ok()),
    # 6.9
    "6.9 WINDOW_UPDATE of zero on the connection": (frame(WINDOW_UPDATE, 0, 0, u32(0)), conn(PROTOCOL_ERROR)),
    "6.9 WINDOW_UPDATE of zero on a stream": (OPEN + frame(WINDOW_UPDATE, 0, 1, u32(0)), stream(PROTOCOL_ERROR)),
    "6.9 WINDOW_UPDATE of the wrong length": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), conn(FRAME_SIZE_ERROR)),
    "6.9.1 windows beyond 2^31-1 of the connection": (frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)) * 2, conn(FLOW_CONTROL_ERROR)),
    "6.9.1 windows beyond 2^31-1 of a stream": (OPEN + frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff)) * 2, stream(FLOW_CONTROL_ERROR)),
    "6.9.2 a window of one byte": (settings((4, 1)) + headers(1, OWN), ("data", b"o")),
    "6.9.2 the window grows by SETTINGS": (settings((4, 0)) + headers(1, OWN) + settings((4, 3)), ("data", b"own")),
    "6.9.2 the window may be negative": (settings((4, 2)) + headers(1, OWN) + settings((4, 0)) + frame(WINDOW_UPDATE, 0, 1, u32(3)), ("data", b"own")),
    "6.9.2 SETTINGS push a window beyond 2^31-1": (OPEN + frame(WINDOW_UPDATE, 0, 1, u32(0x7fff0000 - 65535)) + settings((4, 0x7fffffff)), conn(FLOW_CONTROL_ERROR)),
    # 6.10
    "6.10 CONTINUATION on stream zero": (headers(1, OWN, END_STREAM) + frame(CONTINUATION, 4, 0, b""), conn(PROTOCOL_ERROR)),
    "6.10 CONTINUATION after END_HEADERS": (headers(1, request(path="/hold")) + frame(CONTINUATION, 4, 1, block([("a", "b")])), conn(PROTOCOL_ERROR)),
    "6.10 CONTINUATION after CONTINUATION with END_HEADERS": (headers(1, request(path="/hold"), END_STREAM) + frame(CONTINUATION, 4, 1, b"") + frame(CONTINUATION, 4, 1, b""), conn(PROTOCOL_ERROR)),
    "6.10 CONTINUATION after DATA": (OPEN + frame(DATA, 0, 1, b"x") + frame(CONTINUATION, 4, 1, b""), conn(PROTOCOL_ERROR)),
    # 7
    "7 GOAWAY with an unknown code": (headers(1, request(path="/hold")) + frame(GOAWAY, 0, 0, u32(0) + u32(0xff)), ok()),
    # 8.1
    "8.1 HEADERS without END_STREAM amid a body": (OPEN + frame(DATA, 0, 1, b"x") + headers(1, [("x-a", "b")], END_HEADERS), stream(PROTOCOL_ERROR)),
    "8.1 trailers end the stream": (OPEN + frame(DATA, 0, 1, b"x") + headers(1, [("x-a", "b")]), ok()),
    "8.1 a pseudo-header in trailers": (OPEN + frame(DATA, 0, 1, b"x") + headers(1, [(":path", "/")]), stream(PROTOCOL_ERROR)),
    "8.1 a field of the connection in trailers": (OPEN + frame(DATA, 0, 1, b"x") + headers(1, [("connection", "close")]), ("either", (PROTOCOL_ERROR,))),
    "8.1 an upper-case name in trailers": (OPEN + frame(DATA, 0, 1, b"x") + headers(1, [("X-A", "b")]), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length and no body": bad_request(length("1")),
    "8.1.1 Content-Length longer than the body": (with_body(length("5"), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length shorter than the body": (with_body(length("2"), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length shorter than several frames": (with_body(length("2"), b"a", b"b", b"c"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length of several frames": (with_body(length("3"), b"a", b"b", b"c"), ok()),
    "8.1.1 Content-Length 0 and no body": (headers(1, length("0")), ok()),
    "8.1.1 two Content-Lengths that differ": (with_body(length("3") + [("content-length", "2")], b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length with a sign": (with_body(length("+3"), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length in hexadecimal": (with_body(length("0x3"), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 an empty Content-Length": (with_body(length(""), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length as a list": (with_body(length("3, 3"), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length beyond 64 bits": (with_body(length("18446744073709551619"), b"abc"), stream(PROTOCOL_ERROR)),
    "8.1.1 Content-Length with trailers that end short": (with_body(length("5"), b"abc", ends=False) + headers(1, [("x-a", "b")]), stream(PROTOCOL_ERROR)),
    # 8.2
    "8.2.1 an upper-case name": odd_name("X-Upper"),
    "8.2.1 an empty name": odd_name(""),
    "8.2.1 a blank in a name": odd_name("x y"),
    "8.2.1 a colon in a name": odd_name("x:y"),
    "8.2.1 a line end in a name": odd_name("x\r\ny"),
    "8.2.1 a NUL in a name": odd_name("x\0y"),
    "8.2.1 a byte over 0x7f in a name": odd_name("x\xe9y"),
    "8.2.1 DEL in a name": odd_name("x\x7fy"),
    "8.2.1 a line end in a value": odd_value("a\r\nb: c"),
    "8.2.1 a line feed in a value": odd_value("a\nb"),
    "8.2.1 a carriage return in a value": odd_value("a\rb"),
    "8.2.1 a NUL in a value": odd_value("a\0b"),
    "8.2.1 a leading blank": odd_value(" a"),
    "8.2.1 a trailing blank": odd_value("a "),
    "8.2.1 a leading tab": odd_value("\ta"),
    "8.2.1 an empty value is fine": (headers(1, OWN + [("x-field", "")]), ok()),
    "8.2.1 bytes over 0x7f in a value are fine": (headers(1, OWN + [("x-field", "\xe9")]), ok()),
    "8.2.2 Connection": odd_name("connection"),
    "8.2.2 Proxy-Connection": odd_name("proxy-connection"),
    "8.2.2 Keep-Alive": odd_name("keep-alive"),
    "8.2.2 Transfer-Encoding": odd_name("transfer-encoding"),
    "8.2.2 Upgrade": odd_name("upgrade"),
    "8.2.2 TE other than trailers": bad_request(OWN + [("te", "gzip, trailers")]),
    "8.2.2 TE trailers": (headers(1, OWN + [("te", "trailers")]), ok()),
    "8.2.3 crumbs of a cookie": (headers(1, request("GET", "/", "http", "localhost", ("cookie", "a=1"), ("x-b", "c"), ("cookie", "b=2"))), ("server", "cookie", "a=1; b=2")),
    # 8.3
    "8.3 a pseudo-header that is none": bad_request([(":foo", "bar")] + OWN),
    "8.3 a pseudo-header of answers": bad_request([(":status", "200")] + OWN),
    "8.3 a pseudo-header behind a field": bad_request(without(":path") + [("x-a", "b"), (":path", "/own")]),
    "8.3.1 no :method": bad_request(without(":method")),
    "8.3.1 no :scheme": bad_request(without(":scheme")),
    "8.3.1 no :path": bad_request(without(":path")),
    "8.3.1 :method twice": bad_request([(":method", "GET")] + OWN),
    "8.3.1 :scheme twice": bad_request([(":scheme", "http")] + OWN),
    "8.3.1 :path twice": bad_request([(":path", "/")] + OWN),
    "8.3.1 :authority twice": bad_request([(":authority", "localhost")] + OWN),
    "8.3.1 an empty :path": bad_request(changed(":path", "")),
    "8.3.1 an empty :method": bad_request(changed(":method", "")),
    "8.3.1 an empty :scheme": bad_request(changed(":scheme", "")),
    "8.3.1 a :path without a slash": bad_request(changed(":path", "own")),
    "8.3.1 a :path with a blank": bad_request(changed(":path", "/own HTTP/1.1")),
    "8.3.1 a :path with a line end": bad_request(changed(":path", "/own\r\nx: y")),
    "8.3.1 a :path with a NUL": bad_request(changed(":path", "/own\0")),
    "8.3.1 a :method with a blank": bad_request(changed(":method", "GET / HTTP/1.1")),
    "8.3.1 a :method with a line end": bad_request(changed(":method", "GET\r\n")),
    "8.3.1 a :method with a slash": bad_request(changed(":method", "GE/T")),
    "8.3.1 a :scheme with a blank": bad_request(changed(":scheme", "ht tp")),
    "8.3.1 a :scheme with a line end": bad_request(changed(":scheme", "http\r\n")),
    "8.3.1 an :authority with user information": bad_request(changed(":authority", "user@localhost")),
    "8.3.1 an :authority with a blank": bad_request(changed(":authority", "local host")),
    "8.3.1 an :authority with a path": bad_request(changed(":authority", "localhost/x")),
    "8.3.1 an :authority with a line end": bad_request(changed(":authority", "localhost\r\nx: y")),
    "8.3.1 an empty :authority": bad_request(changed(":authority", "")),
    "8.3.1 \"*\" with another method than OPTIONS": bad_request(changed(":path", "*")),
    "8.3.1 Host without :authority": (headers(1, without(":authority") + [("host", "localhost")]), ok()),
    "8.3.1 Host twice": bad_request(without(":authority") + [("host", "localhost"), ("host", "localhost")]),
    "8.5 CONNECT with :scheme": bad_request([(":method", "CONNECT"), (":scheme", "http"), (":authority", "a:1")]),
    "8.5 CONNECT with :path": bad_request([(":method", "CONNECT"), (":path", "/"), (":authority", "a:1")]),
    "8.5 CONNECT without :authority": bad_request([(":method", "CONNECT")]),
    "8441 :protocol without CONNECT": bad_request([(":protocol", "websocket")] + OWN),
    "8441 extended CONNECT without :path": bad_request([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "localhost")]),
    # RFC 9218
    "9218 a Priority field": (headers(1, OWN + [("priority", "u=1, i")]), ok()),
    "9218 a Priority field that does not parse": (headers(1, OWN + [("priority", "u=99, \"")]), ok()),
    "9218 PRIORITY_UPDATE": (headers(1, request(path="/hold")) + frame(PRIORITY_UPDATE, 0, 0, u32(1) + b"u=0") + headers(3, OWN), ok(on=3)),
    "9218 PRIORITY_UPDATE on a stream": (OPEN + frame(PRIORITY_UPDATE, 0, 1, u32(1) + b"u=0"), conn(PROTOCOL_ERROR)),
    "9218 PRIORITY_UPDATE of stream zero": (frame(PRIORITY_UPDATE, 0, 0, u32(0) + b"u=0"), conn(PROTOCOL_ERROR)),
    # RFC 7541
    "7541 2.3.3 an index beyond the tables": (frame(HEADERS, 5, 1, RAW_OWN + b"\xc6"), conn(COMPRESSION_ERROR)),
    "7541 6.1 index zero": (frame(HEADERS, 5, 1, RAW_OWN + b"\x80"), conn(COMPRESSION_ERROR)),
    "7541 6.2.1 a literal with a name index beyond the tables": (frame(HEADERS, 5, 1, RAW_OWN + integer(100, 6, 0x40) + b"\x01x"), conn(COMPRESSION_ERROR)),
    "7541 6.2.1 a literal that is added and used": (frame(HEADERS, 5, 1, RAW_OWN + literal("x-a", "b", 0x40) + b"\xbe"), ok()),
    "7541 6.2.2 a literal with a static name": (frame(HEADERS, 5, 1, b"\x82\x86" + integer(4, 4) + b"\x04/own" + integer(1, 4) + b"\x09localhost"), ok()),
    "7541 6.2.3 a literal that is never indexed": (frame(HEADERS, 5, 1, RAW_OWN + literal("x-a", "b", 0x10)), ok()),
    "7541 6.3 a table size above the limit": (frame(HEADERS, 5, 1, integer(70000, 5, 0x20) + RAW_OWN), conn(COMPRESSION_ERROR)),
    "7541 6.3 a table size within the limit": (frame(HEADERS, 5, 1, integer(1024, 5, 0x20) + RAW_OWN), ok()),
    "7541 6.3 a table size of zero": (frame(HEADERS, 5, 1, b"\x20" + RAW_OWN), ok()),
    "7541 4.2 a table size at the end of a block": (frame(HEADERS, 5, 1, RAW_OWN + b"\x20"), conn(COMPRESSION_ERROR)),
    "7541 4.4 an entry larger than the table empties it": (frame(HEADERS, 5, 1, RAW_OWN + literal("x-a", "b" * 5000, 0x40)), ok()),
    "7541 4.4 an entry that was put out is gone": (frame(HEADERS, 5, 1, RAW_OWN + literal("x-a", "b", 0x40) + literal("x-c", "d" * 5000, 0x40) + b"\xbe"), conn(COMPRESSION_ERROR)),
    "7541 5.1 an integer that overflows": (frame(HEADERS, 5, 1, RAW_OWN + b"\xff" + b"\xff" * 9 + b"\x7f"), conn(COMPRESSION_ERROR)),
    "7541 5.1 an integer that is cut off": (frame(HEADERS, 5, 1, RAW_OWN + b"\x00\x7f\xff"), conn(COMPRESSION_ERROR)),
    "7541 5.2 a string longer than the block": (frame(HEADERS, 5, 1, RAW_OWN + b"\x00\x7f\x10abc"), conn(COMPRESSION_ERROR)),
    "7541 5.2 Huffman padding of more than seven bits": (frame(HEADERS, 5, 1, RAW_OWN + b"\x00\x01x\x82\x1f\xff"), conn(COMPRESSION_ERROR)),
    "7541 5.2 Huffman padding with zeros": (frame(HEADERS, 5, 1, RAW_OWN + b"\x00\x01x\x81\x18"), conn(COMPRESSION_ERROR)),
    "7541 5.2 Huffman with the end of string": (frame(HEADERS, 5, 1, RAW_OWN + b"\x00\x01x\x84\xff\xff\xff\xff"), conn(COMPRESSION_ERROR)),
    "7541 5.2 a value in Huffman code": (frame(HEADERS, 5, 1, RAW_OWN + b"\x00\x01x\x83\xf2\xb2\x4f"), ("any",)),
}


Served = collections.namedtuple("Served", "port recorder nginx")


@pytest.fixture(scope="module", params=PERSONALITIES)
def served(request):
    """One proxy and one server for all rows of a personality."""
    from support import binary
    from support.proxy import Proxy, make_folder
    from support.servers import Answer, Recorder
    import shutil
    personality = request.param
    skip_anchor(personality, why="Debian's versions differ in what they answer")
    recorder = Recorder()
    server = HttpServer("a", recorder, [Answer(match="/hold", delay=0.6)]).start()
    port = free_port()
    folder = make_folder()
    text = (NGINX if personality == "nginx" else HAPROXY).format(port=port, server=server.address)
    proxy = Proxy(binary.subject(personality), personality, text, ports=[port], folder=folder)
    proxy.start()
    yield Served(port, recorder, personality == "nginx")
    try:
        proxy.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def errors_in(connection):
    """(stream, code) of every RST_STREAM, and (0, code) of every GOAWAY."""
    found = []
    for kind, _, on, payload in connection.frames:
        if kind == RST_STREAM:
            found.append((on, int.from_bytes(payload[:4], "big")))
        if kind == GOAWAY:
            found.append((0, int.from_bytes(payload[4:8], "big")))
    return found


def check(connection, recorder, expected):
    kind, *more = expected
    if kind == "connection":
        connection.read_until(lambda f: f[0] == GOAWAY and f[3][4:8] != b"\0\0\0\0")
        codes = [code for on, code in errors_in(connection) if on == 0]
        assert set(codes) & set(more[0]), f"GOAWAY {codes}, closed {connection.closed}"
        assert connection.read_until(lambda f: False, 1.0) is None and connection.closed
    elif kind == "stream":
        codes, on = more
        connection.read_until(lambda f: (f[0] == RST_STREAM and f[2] == on) or f[0] == GOAWAY)
        found = [code for at, code in errors_in(connection) if at in (0, on)]
        assert set(found) & set(codes), f"errors {errors_in(connection)}"
    elif kind == "either":
        assert connection.ping() or set(more[0]) & {code for _, code in errors_in(connection)}
    elif kind == "answer":
        status, on = more
        answer = connection.answer(on)
        assert answer.status == status and answer.ended and answer.reset in (None, NO_ERROR)
    elif kind == "frame":
        assert connection.read_until(lambda f: f[0] == more[0] and f[1] & more[1] and f[3] == more[2])
    elif kind == "data":
        got = b""
        while got != more[0]:
            item = connection.read_until(lambda f: f[0] == DATA)
            assert item, f"only {got!r}"
            got += item[3]
    elif kind == "server":
        assert connection.answer(1).status == 200
        assert recorder.requests()[-1].all(more[0]) == [more[1]]
    elif kind == "alive":
        assert connection.ping()


@pytest.mark.parametrize("rule", ROWS, ids=lambda rule: rule)
def test_rule(served, rule):
    port, recorder = served.port, served.recorder
    data, expected = ROWS[rule]
    # Who does not say that it knows RFC 9218 is heard by RFC 7540.
    knows = [(9, 1)] if rule.startswith("9218") else []
    with h2.Connection(port, client_settings=knows) as connection:
        connection.send(data)
        check(connection, recorder, expected)


def test_enough_rules():
    assert len(ROWS) >= 140


@pytest.mark.parametrize("data, codes", [
    (b"INVALID CONNECTION PREFACE\r\n\r\n", ()),
    (h2.PREFACE + frame(PING, 0, 0, b"12345678"), (PROTOCOL_ERROR,)),
    (h2.PREFACE + headers(1, OWN), (PROTOCOL_ERROR,)),
    (h2.PREFACE + frame(SETTINGS, ACK, 0, b""), (PROTOCOL_ERROR,)),
], ids=["none", "PING first", "HEADERS first", "an acknowledgement first"])
def test_preface(served, data, codes):
    """Section 3.4: the preface, then SETTINGS; else the connection ends. nginx does without them."""
    port = served.port
    if served.nginx and data.startswith(h2.PREFACE):
        return
    with h2.Connection(port, preface=False) as connection:
        connection.send(data)
        if codes:
            connection.read_until(lambda f: f[0] == GOAWAY)
            assert {code for on, code in errors_in(connection) if on == 0} & set(codes)
        connection.buffer = b""
        for _ in range(100):
            if connection.closed:
                break
            connection.read_until(lambda f: False, 0.1)
            connection.buffer = b""
        assert connection.closed
