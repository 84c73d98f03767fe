# SPDX-License-Identifier: Apache-2.0
# Just enough of RFC 6455 for the tests: a server that echoes text frames and a
# client that opens, exchanges messages and notices when it is cut off.
import base64
import hashlib
import os
import struct

from support import wire
from support.client import Client
from support.servers import Arrival, TcpServer

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def make_frame(payload, opcode=TEXT, mask=None):
    head = bytes([0x80 | opcode])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", len(payload))
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        head += mask
    return head + payload


def read_frame(reader):
    first, second = reader.exactly(2)
    size = second & 0x7F
    if size == 126:
        size = struct.unpack("!H", reader.exactly(2))[0]
    elif size == 127:
        size = struct.unpack("!Q", reader.exactly(8))[0]
    mask = reader.exactly(4) if second & 0x80 else None
    payload = reader.exactly(size)
    if mask:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return first & 0x0F, payload


class WebSocketServer(TcpServer):
    """Accepts the handshake and echoes every text frame with its own name."""

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=120)
        message = wire.read_request(reader)
        self.recorder.add(Arrival(self.name, number, message))
        if (message.get("upgrade") or "").lower() != "websocket":
            connection.sendall(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
            return
        accept = accept_key(message.get("sec-websocket-key", ""))
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                            ).encode())
        while True:
            opcode, payload = read_frame(reader)
            if opcode == CLOSE:
                connection.sendall(make_frame(payload, CLOSE))
                return
            connection.sendall(make_frame(self.name.encode() + b":" + payload))


class WebSocketClient(Client):
    def __init__(self, to, target="/ws", host="test", headers=(), timeout=10.0):
        super().__init__(to, timeout)
        self.key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {self.key}",
                 "Sec-WebSocket-Version: 13", *headers]
        self.send("\r\n".join(lines) + "\r\n\r\n")
        self.response = self.read_response()

    @property
    def is_open(self):
        return (self.response.status == 101
                and self.response.get("sec-websocket-accept") == accept_key(self.key))

    def echo(self, text):
        """Send a text message and return what comes back."""
        self.send(make_frame(text.encode(), TEXT, os.urandom(4)))
        return read_frame(self.reader)[1].decode()

    def say_goodbye(self):
        self.send(make_frame(b"\x03\xe8", CLOSE, os.urandom(4)))
        try:
            read_frame(self.reader)
        except (wire.Closed, TimeoutError):
            pass
        self.close()
