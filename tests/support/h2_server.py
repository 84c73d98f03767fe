# SPDX-License-Identifier: Apache-2.0
# A server of HTTP/2 in clear text, made of single frames: a handler sees each request
# when its head is there, and may send whatever it likes, also what no server should.
import struct
import threading

import hpack

from support.servers import TcpServer, close_hard
from support.wire import Closed

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 1, 2, 7, 8
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 2, 3, 4


class Request:
    """A request as far as it is here."""

    def __init__(self, connection, stream, fields):
        self.connection, self.stream, self.fields = connection, stream, fields
        self.body, self.trailers = b"", []
        self.ended, self.reset = threading.Event(), None
        self._more = threading.Condition()

    def field(self, name):
        return next((value for key, value in self.fields if key == name), None)

    @property
    def path(self):
        return self.field(":path")

    @property
    def method(self):
        return self.field(":method")

    def wait_body(self, size, timeout=10):
        """Until so many bytes of the body are here, or its end."""
        with self._more:
            self._more.wait_for(lambda: len(self.body) >= size or self.ended.is_set(), timeout)
        return self.body

    def add(self, data, end):
        with self._more:
            self.body += data
            if end:
                self.ended.set()
            self._more.notify_all()

    # What handlers answer with.
    def head(self, status=200, fields=(), end=False):
        self.connection.headers(self.stream, [(":status", str(status)), *fields], end)

    def data(self, data=b"", end=False):
        self.connection.data(self.stream, data, end)

    def trailer(self, fields):
        self.connection.headers(self.stream, fields, True)

    def rst(self, code=CANCEL):
        self.connection.frame(RST_STREAM, 0, self.stream, struct.pack(">I", code))

    def answer(self, body=b"", status=200, fields=()):
        self.head(status, [("content-type", "text/plain"), ("content-length", str(len(body))),
                           *fields], end=not body)
        if body:
            self.data(body, True)


class Connection:
    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.requests, self.window, self.stream_windows = {}, 65535, {}
        self.initial_window, self.closed = 65535, False
        self.frames = []                       # (type, flags, stream, payload) received
        self._lock = threading.RLock()
        self._open = threading.Condition(self._lock)

    def send(self, data):
        with self._lock:
            self.sock.sendall(data)

    def frame(self, kind, flags, stream, payload=b""):
        self.send(struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
                  + struct.pack(">I", stream) + payload)

    def headers(self, stream, fields, end=False):
        with self._lock:
            self.frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream,
                       self.encoder.encode(fields, huffman=False))

    def data(self, stream, data, end=False):
        """Within the windows of the peer."""
        while True:
            with self._open:
                room = self._open.wait_for(
                    lambda: self.closed or not data or self._room(stream), 30)
                if self.closed or not room:
                    raise Closed("no window")
                size = min(len(data), self._room(stream), 16384)
                piece, data = data[:size], data[size:]
                self.window -= size
                self.stream_windows[stream] = self.stream_windows.get(
                    stream, self.initial_window) - size
                self.frame(DATA, END_STREAM if end and not data else 0, stream, piece)
            if not data:
                return

    def _room(self, stream):
        return min(self.window, self.stream_windows.get(stream, self.initial_window))

    def goaway(self, last, code=NO_ERROR):
        self.frame(GOAWAY, 0, 0, struct.pack(">II", last, code))

    def settings(self, values=()):
        self.frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *one) for one in values))

    def hang_up(self, hard=False):
        self.closed = True
        if hard:
            close_hard(self.sock)
        else:
            self.sock.close()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise Closed("closed")
            data += piece
        return data

    def run(self):
        if self._exactly(len(PREFACE)) != PREFACE:
            raise ValueError("not the preface of HTTP/2")
        self.settings(self.server.settings)
        block, block_of = b"", None
        while True:
            head = self._exactly(9)
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7fffffff
            payload = self._exactly(size)
            self.frames.append((kind, flags, stream, payload))
            if kind in (HEADERS, CONTINUATION):
                if kind == HEADERS:
                    block, block_of = b"", flags
                    if flags & 8:
                        payload = payload[1:len(payload) - payload[0]]
                    if flags & 32:
                        payload = payload[5:]
                block += payload
                if flags & END_HEADERS:
                    self._on_head(stream, self.decoder.decode(block), block_of & END_STREAM)
            elif kind == DATA:
                self._on_data(stream, payload, flags & END_STREAM)
            elif kind == RST_STREAM and stream in self.requests:
                self.requests[stream].reset = struct.unpack(">I", payload)[0]
                self.requests[stream].ended.set()
            elif kind == SETTINGS and not flags & ACK:
                self._on_settings(payload)
            elif kind == PING and not flags & ACK:
                self.frame(PING, ACK, 0, payload)
            elif kind == WINDOW_UPDATE:
                self._on_window(stream, struct.unpack(">I", payload)[0])

    def _on_head(self, stream, fields, end):
        if stream in self.requests:
            self.requests[stream].trailers = fields
            self.requests[stream].add(b"", True)
            return
        request = self.requests[stream] = Request(self, stream, fields)
        if end:
            request.add(b"", True)
        with self.server.lock:
            self.server.requests.append(request)
        threading.Thread(target=self._handle, args=(request,), daemon=True).start()

    def _handle(self, request):
        try:
            self.server.handler(request)
        except (OSError, Closed):
            pass

    def _on_data(self, stream, payload, end):
        request = self.requests.get(stream)
        if request:
            request.add(payload, end)
        if payload and self.server.opens_window:
            update = struct.pack(">I", len(payload))
            self.frame(WINDOW_UPDATE, 0, 0, update)
            if not end:
                self.frame(WINDOW_UPDATE, 0, stream, update)

    def _on_settings(self, payload):
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at:at + 6])
            if name == HEADER_TABLE_SIZE:
                with self._lock:
                    self.encoder.header_table_size = min(value, 4096)
            elif name == INITIAL_WINDOW_SIZE:
                with self._open:
                    for stream in self.stream_windows:
                        self.stream_windows[stream] += value - self.initial_window
                    self.initial_window = value
        self.frame(SETTINGS, ACK, 0)

    def _on_window(self, stream, more):
        with self._open:
            if stream:
                self.stream_windows[stream] = self.stream_windows.get(
                    stream, self.initial_window) + more
            else:
                self.window += more
            self._open.notify_all()


def default_handler(request):
    request.ended.wait(10)
    request.answer(f"{request.connection.server.name} {request.method} {request.path}\n".encode())


class H2Server(TcpServer):
    """Each request runs `handler` in a thread of its own."""

    def __init__(self, name="h2", handler=default_handler, settings=(), opens_window=True):
        super().__init__(name)
        self.handler, self.settings, self.opens_window = handler, settings, opens_window
        self.requests, self.sessions = [], []
        self.lock = threading.Lock()

    def serve(self, connection, number):
        session = Connection(self, connection, number)
        self.sessions.append(session)
        try:
            session.run()
        finally:
            session.closed = True
            for request in session.requests.values():
                request.ended.set()
