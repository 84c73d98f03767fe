# SPDX-License-Identifier: Apache-2.0
# Raw clients: a connection that sends exactly the bytes it is given and reads
# whole responses, or reads and writes slowly; and one UDP exchange.
import re
import select
import socket
import ssl
import time

from support import wire

REQUEST_LINE = re.compile(rb"(?:^|\r\n)([A-Z]+) \S+ HTTP/1\.[01]\r\n")


class Client:
    """One connection to the proxy. `to` is a port, (host, port) or a unix path."""

    def __init__(self, to, timeout=10.0, receive_buffer=None, source=None, secure=None):
        if isinstance(to, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            to = ("127.0.0.1", to) if isinstance(to, int) else to
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(timeout)
        self.sock.connect(to)
        if secure:
            self.sock = secure(self.sock)
        self.reader = wire.Reader(self.sock, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        from support.servers import close_hard
        close_hard(self.sock)

    def send(self, data):
        """Send everything, or as much as the peer takes before it closes."""
        data = data.encode("latin-1") if isinstance(data, str) else data
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    def read_response(self, method="GET"):
        return wire.read_response(self.reader, method)

    def read_final(self, method="GET"):
        """Interim responses, then the final one, as a list."""
        responses = [self.read_response(method)]
        while 100 <= responses[-1].status < 200 and responses[-1].status != 101:
            responses.append(self.read_response(method))
        return responses

    def request(self, text, method="GET"):
        self.send(text)
        return self.read_final(method)[-1]

    def get(self, target="/", host="test", headers=(), keep=True):
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *headers]
        if not keep:
            lines.append("Connection: close")
        return self.request("\r\n".join(lines) + "\r\n\r\n")

    def is_closed(self, within=0.02):
        """True if the peer closes within that time; unread bytes do not count."""
        end = time.monotonic() + within
        if isinstance(self.sock, ssl.SSLSocket):
            return self._is_closed_under_tls(end)
        while True:
            left = max(0.0, end - time.monotonic())
            ready, _, _ = select.select([self.sock], [], [], left)
            if not ready:
                return False
            try:
                self.reader.fill()
            except (wire.Closed, TimeoutError):
                return True

    def _is_closed_under_tls(self, end):
        # What is there may be no data (tickets): a read with the time that is left tells.
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                if not self.sock.recv(65536):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False


def methods_of(data):
    """The methods of the requests in raw bytes, to know which answers have bodies."""
    return [method.decode() for method in REQUEST_LINE.findall(data)]


def get(port, target="/", host="test", headers=(), timeout=10.0):
    """One GET on a connection of its own."""
    with Client(port, timeout) as client:
        return client.get(target, host, headers, keep=False)


def udp_exchange(port, data, replies=1, timeout=2.0, sock=None):
    own = sock is None
    sock = sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.settimeout(timeout)
        sock.sendto(data, ("127.0.0.1", port))
        got = []
        while len(got) < replies:
            try:
                got.append(sock.recv(65536))
            except (TimeoutError, ConnectionRefusedError):
                break
        return got
    finally:
        if own:
            sock.close()
