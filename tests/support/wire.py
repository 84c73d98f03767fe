# SPDX-License-Identifier: Apache-2.0
# HTTP/1 as bytes: a buffered socket reader with a deadline, and heads and bodies
# read just strictly enough that a test sees what really came over the wire.
import re
import socket
import time
from dataclasses import dataclass, field

CHUNK_LIMIT = 64 << 20


class Closed(Exception):
    """The peer closed (or reset) the connection before the message was whole."""


class Reader:
    """Reads a socket into a buffer; every read ends at the deadline."""

    def __init__(self, sock, timeout=10.0):
        self.sock = sock
        self.timeout = timeout
        self.buffer = b""
        self.taken = b""

    def fill(self):
        self.sock.settimeout(self.timeout)
        try:
            got = self.sock.recv(65536)
        except (ConnectionError, OSError) as error:
            if isinstance(error, socket.timeout):
                raise TimeoutError("nothing more to read") from error
            raise Closed(str(error)) from error
        if not got:
            raise Closed("end of stream")
        self.buffer += got

    def until(self, mark, limit=4 << 20):
        while mark not in self.buffer:
            if len(self.buffer) > limit:
                raise ValueError("no end of the head in sight")
            self.fill()
        return self.take(self.buffer.index(mark) + len(mark))

    def exactly(self, count):
        while len(self.buffer) < count:
            self.fill()
        return self.take(count)

    def rest(self):
        """Everything until the peer closes."""
        try:
            while True:
                self.fill()
        except Closed:
            return self.take(len(self.buffer))

    def take(self, count):
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += part
        return part

    def drain_taken(self):
        taken, self.taken = self.taken, b""
        return taken


@dataclass
class Message:
    """One request or response as it came: first line, fields in order, body."""

    start: str
    fields: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    raw: bytes = b""
    whole: bool = True
    framing: str = "none"

    def get(self, name, default=None):
        for key, value in self.fields:
            if key.lower() == name.lower():
                return value
        return default

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def status(self):
        parts = self.start.split(" ", 2)
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0

    @property
    def method(self):
        return self.start.split(" ", 1)[0]

    @property
    def target(self):
        parts = self.start.split(" ")
        return parts[1] if len(parts) > 1 else ""

    @property
    def version(self):
        return self.start.rsplit(" ", 1)[-1]


def parse_fields(lines):
    fields = []
    for line in lines:
        name, colon, value = line.partition(":")
        fields.append((name, value.strip(" \t")) if colon else (line, "<no colon>"))
    return fields


def parse_head(raw):
    lines = raw.decode("latin-1").split("\r\n")
    return Message(start=lines[0], fields=parse_fields([line for line in lines[1:] if line]))


def read_head(reader):
    """Read one head; blank lines before it are skipped as RFC 9112 2.2 allows."""
    while True:
        while len(reader.buffer) < 2:
            reader.fill()
        if not reader.buffer.startswith(b"\r\n"):
            break
        reader.take(2)
    return parse_head(reader.until(b"\r\n\r\n"))


def read_chunked(reader, message):
    while True:
        line = reader.until(b"\r\n")
        size = int(re.split(rb"[;\s]", line, maxsplit=1)[0], 16)
        if size > CHUNK_LIMIT:
            raise ValueError("chunk too large for a test")
        if size == 0:
            break
        message.body += reader.exactly(size)
        if reader.exactly(2) != b"\r\n":
            raise ValueError("chunk without its CRLF")
    while (line := reader.until(b"\r\n")) != b"\r\n":
        message.trailers += parse_fields([line[:-2].decode("latin-1")])


def read_body(reader, message, *, is_response, method="GET"):
    """Read the body that belongs to `message`; a cut one is kept and marked."""
    coding = (message.get("transfer-encoding") or "").lower()
    length = message.get("content-length")
    try:
        if is_response and (method == "HEAD" or message.status in (204, 304)
                            or 100 <= message.status < 200):
            pass
        elif is_response and method == "CONNECT" and message.status // 100 == 2:
            pass
        elif coding.endswith("chunked"):
            message.framing = "chunked"
            read_chunked(reader, message)
        elif length is not None:
            message.framing = "length"
            message.body = reader.exactly(int(length))
        elif is_response:
            message.framing = "close"
            message.body = reader.rest()
    except (Closed, TimeoutError, ValueError):
        message.whole = False
        message.body += reader.take(len(reader.buffer))
    message.raw = reader.drain_taken()
    return message


def read_request(reader):
    message = read_head(reader)
    return read_body(reader, message, is_response=False)


def read_response(reader, method="GET"):
    """Read one response; interim ones are returned like any other."""
    message = read_head(reader)
    return read_body(reader, message, is_response=True, method=method)


def wait_until(condition, timeout=5.0, step=0.005):
    """Poll `condition` until it holds; return its value or None when time is up."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(step)
