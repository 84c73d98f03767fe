# SPDX-License-Identifier: Apache-2.0
# Scripted servers behind the proxy: HTTP with programmable answers that records
# every request byte for byte, TCP and UDP echo, and a syslog collector.
# All of them write to one Recorder, so the order across servers is known too.
import os
import re
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

from support import certificates, wire
from support.ports import free_port


@dataclass
class Arrival:
    """Something a server got: a request (message) or bytes (stream, datagram)."""

    server: str
    connection: int
    message: wire.Message = None
    payload: bytes = b""


class Recorder:
    """What all servers of a test received, in order of arrival."""

    def __init__(self):
        self._lock = threading.Lock()
        self._arrivals = []

    def add(self, arrival):
        with self._lock:
            self._arrivals.append(arrival)

    def count(self):
        with self._lock:
            return len(self._arrivals)

    def since(self, index=0):
        with self._lock:
            return self._arrivals[index:]

    def requests(self, server=None):
        return [a.message for a in self.since() if a.message and server in (None, a.server)]

    def clear(self):
        with self._lock:
            self._arrivals = []


@dataclass
class Answer:
    """One rule of a script: which requests it answers, how often, and with what."""

    match: str = ""                 # regex searched in "METHOD target"
    times: int = None               # only for the first so many matches
    status: int = 200
    reason: str = None
    headers: list = field(default_factory=list)
    body: str = None                # None: "<server> METHOD target\n"
    repeat_body: int = 1            # body times this, for large ones
    chunks: list = None             # sent chunked instead of body
    trailers: list = field(default_factory=list)
    interim: list = field(default_factory=list)  # raw heads sent before the answer
    raw: str = None                 # these bytes instead of everything above
    early: bool = False             # answer as soon as the head is read
    delay: float = 0.0
    hold: bool = False              # wait for release()
    close: bool = False             # close after the answer
    drop: bool = False              # close without an answer
    reset: bool = False             # RST without an answer
    tunnel: bool = False            # after the answer, echo bytes until the end
    errors: str = None              # FastCGI: what goes to standard error before
    protocol_status: int = None     # FastCGI: of END_REQUEST, without an end of the output
    used: int = 0


def listen(kind, path, port):
    if path:
        if os.path.exists(path):
            os.unlink(path)
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(path)
        os.chmod(path, 0o777)
    else:
        sock = socket.socket(socket.AF_INET, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    if kind == socket.SOCK_STREAM:
        sock.listen(512)
    return sock


def close_hard(sock):
    """Close with RST instead of FIN."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    sock.close()


class TcpServer:
    """Accepts on loopback or a unix socket; a thread per connection."""

    def __init__(self, name, recorder=None, unix=None, port=None, tls=None):
        self.name = name
        self.recorder = recorder or Recorder()
        self.unix = unix
        # Arguments of certificates.server_context(), or the kind of its certificate alone.
        tls = {"kind": tls} if isinstance(tls, str) else tls
        self.tls = certificates.server_context(**tls) if tls else None
        self.resumed = []            # of each handshake: whether it resumed a session
        self.failed_handshakes = 0
        self.port = None if unix else (port or free_port())
        self.connections = 0
        self._open = set()
        self._lock = threading.Lock()
        self._sock = None

    @property
    def address(self):
        return f"unix:{self.unix}" if self.unix else f"127.0.0.1:{self.port}"

    def start(self):
        self._sock = listen(socket.SOCK_STREAM, self.unix, self.port)
        threading.Thread(target=self._accept, args=(self._sock,), daemon=True).start()
        return self

    def stop(self):
        """Stop listening and cut every connection."""
        sock, self._sock = self._sock, None
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        if self.unix and os.path.exists(self.unix):
            os.unlink(self.unix)
        with self._lock:
            open_now = list(self._open)
        for connection in open_now:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def reset_counts(self):
        self.connections = 0

    def open_connections(self):
        with self._lock:
            return len(self._open)

    def _accept(self, sock):
        while True:
            try:
                connection, _ = sock.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._run, args=(connection, number), daemon=True).start()

    def _secure(self, connection):
        """The handshake, where this server speaks TLS."""
        if not self.tls:
            return connection
        raw = connection
        raw.settimeout(20)
        try:
            connection = self.tls.wrap_socket(raw, server_side=True)
        except (OSError, ValueError):
            self.failed_handshakes += 1
            raise
        with self._lock:
            self._open.discard(raw)
            self._open.add(connection)
            self.resumed.append(connection.session_reused)
        return connection

    def _run(self, connection, number):
        try:
            connection = self._secure(connection)
            self.serve(connection, number)
        except (OSError, wire.Closed, TimeoutError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            try:
                connection.close()
            except OSError:
                pass

    def serve(self, connection, number):
        raise NotImplementedError


class HttpServer(TcpServer):
    """Answers requests by its script; the first rule that matches wins."""

    def __init__(self, name, recorder=None, answers=(), unix=None, port=None, tls=None):
        super().__init__(name, recorder, unix, port, tls)
        self.answers = [a if isinstance(a, Answer) else Answer(**a) for a in answers]
        self._gate = threading.Event()

    def release(self):
        """Let every held answer go, and those that come later too."""
        self._gate.set()

    def reset_counts(self):
        super().reset_counts()
        self._gate.clear()
        for answer in self.answers:
            answer.used = 0

    def stop(self):
        self._gate.set()
        super().stop()
        self._gate.clear()

    def _pick(self, message):
        line = f"{message.method} {message.target}"
        with self._lock:
            for answer in self.answers:
                if answer.times is not None and answer.used >= answer.times:
                    continue
                if re.search(answer.match, line):
                    answer.used += 1
                    return answer
        return Answer()

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=60)
        while True:
            message = wire.read_head(reader)
            answer = self._pick(message)
            if answer.early:
                self._send(connection, message, answer)
            if "100-continue" in (message.get("expect") or "").lower() and not answer.early:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            wire.read_body(reader, message, is_response=False)
            self.recorder.add(Arrival(self.name, number, message))
            if not message.whole:
                return
            if not answer.early:
                self._send(connection, message, answer)
            if answer.tunnel:
                self._echo(connection, reader, number)
                return
            if answer.close or answer.drop or answer.reset or not keeps_alive(message):
                return

    def _send(self, connection, message, answer):
        if answer.delay:
            time.sleep(answer.delay)
        if answer.hold:
            self._gate.wait(30)
        if answer.reset:
            close_hard(connection)
            raise wire.Closed("reset")
        if not answer.drop:
            connection.sendall(self.render(message, answer, connection))

    def render(self, message, answer, connection=None):
        if answer.raw is not None:
            return answer.raw.encode("latin-1")
        reason = answer.reason if answer.reason is not None else REASONS.get(answer.status, "OK")
        head = [f"HTTP/1.1 {answer.status} {reason}", f"X-Server: {self.name}"]
        if not any(h.lower().startswith("content-type:") for h in answer.headers):
            head.append("Content-Type: text/plain")
        if isinstance(connection, ssl.SSLSocket):
            head.append(f"X-TLS: {certificates.describe(connection)}")
        head += answer.headers
        body = f"{self.name} {message.method} {message.target}\n"
        body = (body if answer.body is None else answer.body * answer.repeat_body)
        body = body.encode("latin-1")
        if answer.chunks is not None:
            head.append("Transfer-Encoding: chunked")
            parts = [chunk.encode("latin-1") for chunk in answer.chunks]
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n"
            body += "".join(f"{line}\r\n" for line in answer.trailers).encode("latin-1") + b"\r\n"
        elif answer.status not in (101, 204, 304):
            head.append(f"Content-Length: {len(body)}")
        if message.method == "HEAD" or answer.status in (101, 204, 304):
            body = b""
        text = "".join(answer.interim) + "\r\n".join(head) + "\r\n\r\n"
        return text.encode("latin-1") + body

    def _echo(self, connection, reader, number):
        connection.settimeout(60)
        data, reader.buffer = reader.buffer, b""
        while True:
            if data:
                self.recorder.add(Arrival(self.name, number, payload=data))
                connection.sendall(data)
            data = connection.recv(65536)
            if not data:
                return


def keeps_alive(message):
    tokens = [token.strip().lower() for value in message.all("connection")
              for token in value.split(",")]
    if message.version == "HTTP/1.0":
        return "keep-alive" in tokens
    return "close" not in tokens


REASONS = {101: "Switching Protocols", 200: "OK", 201: "Created", 204: "No Content",
           206: "Partial Content", 301: "Moved Permanently", 302: "Found",
           304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
           403: "Forbidden", 404: "Not Found", 410: "Gone", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
           504: "Gateway Timeout"}


class EchoServer(TcpServer):
    """TCP: sends `banner`, then what it gets, prefixed once by "<name>:" if asked.

    `quiet`: what it got is not recorded.
    """

    def __init__(self, name, recorder=None, banner="", tag=True, greedy=False, unix=None,
                 port=None, tls=None, quiet=False):
        super().__init__(name, recorder, unix, port, tls)
        self.banner, self.tag, self.greedy, self.quiet = banner, tag, greedy, quiet

    def serve(self, connection, number):
        if self.banner:
            connection.sendall(self.banner.encode("latin-1"))
        first = True
        whole = b""
        while True:
            data = connection.recv(65536)
            if not data:
                break
            whole += data
            if self.greedy:
                continue
            prefix = f"{self.name}:".encode() if self.tag and first else b""
            first = False
            connection.sendall(prefix + data)
        if not self.quiet:
            self.recorder.add(Arrival(self.name, number, payload=whole))
        if self.greedy:
            connection.sendall(f"{self.name}:{len(whole)}\n".encode())


class UdpServer:
    """UDP echo with the server's name before the payload; "N times X" repeats."""

    def __init__(self, name, recorder=None, silent=False, port=None):
        self.name = name
        self.recorder = recorder or Recorder()
        self.port = port or free_port()
        self.silent = silent
        self._sock = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self._sock = listen(socket.SOCK_DGRAM, None, self.port)
        threading.Thread(target=self._run, args=(self._sock,), daemon=True).start()
        return self

    def stop(self):
        sock, self._sock = self._sock, None
        if sock:
            wake = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            wake.sendto(b"", ("127.0.0.1", self.port))
            wake.close()
            time.sleep(0.01)
            sock.close()

    def reset_counts(self):
        pass

    def _run(self, sock):
        while self._sock is sock:
            try:
                data, peer = sock.recvfrom(65536)
            except OSError:
                return
            if not data:
                continue
            self.on_datagram(sock, data, peer)

    def on_datagram(self, sock, data, peer):
        self.recorder.add(Arrival(self.name, 0, payload=data))
        count = re.match(rb"(\d+) times ", data)
        if not self.silent:
            for _ in range(int(count.group(1)) if count else 1):
                sock.sendto(f"{self.name}:".encode() + data, peer)


class Syslog(UdpServer):
    """Collects log lines that arrive as syslog datagrams."""

    def __init__(self, name="syslog"):
        super().__init__(name)
        self.lines = []

    def reset_counts(self):
        self.lines = []

    def settle(self):
        """Wait until every datagram that was sent before has been read."""
        mark = f"settled {time.monotonic()}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(mark.encode(), ("127.0.0.1", self.port))
        if wire.wait_until(lambda: mark in self.lines, 3.0):
            self.lines.remove(mark)

    def on_datagram(self, sock, data, peer):
        self.lines.append(data.decode("latin-1").rstrip("\n"))
