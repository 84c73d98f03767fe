# SPDX-License-Identifier: Apache-2.0
# HTTP/2 by hand: frames as bytes, so that a test can send what no library would. Fields are encoded
# as literals; what comes back is decoded by Debian's python3-hpack.
import socket
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION, PRIORITY_UPDATE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 1, 1, 4, 8, 32
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, \
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, \
    ENHANCE_YOUR_CALM = range(12)


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs, flags=0, stream=0):
    return frame(SETTINGS, flags, stream, b"".join(struct.pack(">HI", i, v) for i, v in pairs))


def integer(value, prefix, first=0):
    """RFC 7541 section 5.1."""
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def literal(name, value, first=0x00):
    """A field without indexing (0x00), with it (0x40) or never (0x10)."""
    name, value = (x.encode("latin-1") if isinstance(x, str) else x for x in (name, value))
    return bytes([first]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def request(method="GET", path="/", scheme="http", authority="localhost", *more):
    return [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority),
            *more]


def headers(stream, fields, flags=END_STREAM | END_HEADERS, raw=b""):
    return frame(HEADERS, flags, stream, (raw or block(fields)))


class Connection:
    """One client connection; reads frames until something is told."""

    def __init__(self, port, *, preface=True, client_settings=(), timeout=5.0, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.frames = []
        self.closed = False
        if preface:
            self.send(PREFACE + settings(*client_settings))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read_frame(self, deadline):
        """The next frame as (kind, flags, stream, payload), or None at the end or too late."""
        while True:
            if len(self.buffer) >= 9:
                size = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + size:
                    kind, flags = self.buffer[3], self.buffer[4]
                    stream = int.from_bytes(self.buffer[5:9], "big") & 0x7fffffff
                    payload = self.buffer[9:9 + size]
                    self.buffer = self.buffer[9 + size:]
                    item = (kind, flags, stream, payload)
                    self.frames.append(item)
                    if kind == SETTINGS and not flags & ACK:
                        self.send(settings(flags=ACK))
                    return item
            left = deadline - time.monotonic()
            if left <= 0 or self.closed:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return None
            except OSError:
                data = b""
            if not data:
                self.closed = True
                return None
            self.buffer += data

    def read_until(self, done, timeout=None):
        """Frames until done(frame) holds; the frame, or None."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            item = self.read_frame(deadline)
            if item is None:
                return None
            if done(item):
                return item

    def ping(self, word=b"probeme!", timeout=None):
        """True when the connection still lives."""
        self.send(frame(PING, 0, 0, word))
        return self.read_until(lambda f: f[0] == PING and f[1] & ACK and f[3] == word, timeout) is not None

    def exchange(self, fields, body=b"", stream=1, trailers=None):
        flags = END_HEADERS | (0 if body or trailers else END_STREAM)
        out = headers(stream, fields, flags)
        if body:
            out += frame(DATA, 0 if trailers else END_STREAM, stream, body)
        if trailers:
            out += headers(stream, trailers)
        self.send(out)
        return self.answer(stream)

    def answer(self, stream=1, timeout=None):
        """Reads one answer: an Answer with what came until the stream ended."""
        found = Answer()

        def take(item):
            kind, flags, on, payload = item
            if kind == GOAWAY:
                found.goaway = int.from_bytes(payload[4:8], "big")
            if kind == HEADERS:   # of any stream: the table depends on all
                fields = [(str(n), str(v)) for n, v in self.decoder.decode(payload)]
            if on != stream:
                return False
            if kind == HEADERS:
                if found.status is not None and found.status >= 200:
                    found.trailers = fields
                else:
                    status = int(dict(fields)[":status"])
                    if status < 200:
                        found.interim.append((status, fields))
                    else:
                        found.status, found.fields = status, fields
            elif kind == DATA:
                found.body += payload
                if payload:
                    self.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))))
                    if not flags & END_STREAM:
                        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", len(payload))))
            elif kind == RST_STREAM:
                found.reset = int.from_bytes(payload, "big")
                return True
            return bool(flags & END_STREAM) and kind in (HEADERS, DATA)

        found.ended = self.read_until(take, timeout) is not None
        return found


class Answer:
    def __init__(self):
        self.status = None
        self.fields, self.trailers, self.interim = [], [], []
        self.body = b""
        self.reset = self.goaway = None
        self.ended = False

    def field(self, name):
        return dict(self.fields).get(name)
