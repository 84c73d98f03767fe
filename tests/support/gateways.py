# SPDX-License-Identifier: Apache-2.0
# Applications behind FastCGI, SCGI and uwsgi that answer by the scripts of HttpServer. A request is
# recorded as a message whose fields are its parameters; REQUEST_METHOD and REQUEST_URI make its line.
import struct
import time

from support import wire
from support.servers import REASONS, Arrival, HttpServer, close_hard

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7


def message_of(params, body):
    values = dict(params)
    line = f"{values.get('REQUEST_METHOD', 'GET')} {values.get('REQUEST_URI', '/')} HTTP/1.1"
    return wire.Message(line, params, body=body)


class GatewayServer(HttpServer):
    """One request per connection, unless the protocol says that it is kept."""

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=60)
        keep = True
        while keep:
            params, body, keep = self.read_request(reader)
            message = message_of(params, body)
            answer = self._pick(message)
            self.recorder.add(Arrival(self.name, number, message))
            if answer.delay:
                time.sleep(answer.delay)
            if answer.hold:
                self._gate.wait(30)
            if answer.reset:
                close_hard(connection)
                return
            if answer.drop:
                return
            self.write_answer(connection, message, answer)
            if answer.close:
                return

    def text_of(self, message, answer):
        """The answer as CGI has it: fields, an empty line, the body."""
        if answer.raw is not None:
            return answer.raw.encode("latin-1")
        head = []
        if answer.status != 200:
            reason = answer.reason if answer.reason is not None else REASONS.get(answer.status, "")
            head.append(f"Status: {answer.status} {reason}".rstrip())
        head.append(f"X-Server: {self.name}")
        if not any(h.lower().startswith("content-type:") for h in answer.headers):
            head.append("Content-Type: text/plain")
        body = f"{self.name} {message.method} {message.target}\n" if answer.body is None \
            else answer.body * answer.repeat_body
        return ("\r\n".join(head + answer.headers) + "\r\n\r\n" + body).encode("latin-1")

    def read_request(self, reader):
        raise NotImplementedError

    def write_answer(self, connection, message, answer):
        raise NotImplementedError


def record(kind, content, padding=0):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), padding) + content + b"\0" * padding


class FastcgiServer(GatewayServer):
    """`chunks` of an answer are records of output behind its text, `errors` goes to standard error first."""

    def read_request(self, reader):
        keep, pairs, body = False, b"", b""
        while True:
            version, kind, number, size, padding = struct.unpack(">BBHHBx", reader.exactly(8))
            content = reader.exactly(size)
            reader.exactly(padding)
            if version != 1 or number != 1:
                raise ValueError("not a record of FastCGI 1")
            if kind == BEGIN:
                keep = bool(content[2] & 1)
            elif kind == PARAMS:
                pairs += content
            elif kind == STDIN and not content:
                return self.params_of(pairs), body, keep
            elif kind == STDIN:
                body += content

    @staticmethod
    def params_of(pairs):
        found, at = [], 0

        def length():
            nonlocal at
            size = pairs[at]
            at += 1
            if size & 128:
                size = struct.unpack(">I", pairs[at - 1:at + 3])[0] & 0x7fffffff
                at += 3
            return size

        while at < len(pairs):
            sizes = length(), length()
            name, value = pairs[at:at + sizes[0]], pairs[at + sizes[0]:at + sum(sizes)]
            at += sum(sizes)
            found.append((name.decode("latin-1"), value.decode("latin-1")))
        return found

    def write_answer(self, connection, message, answer):
        if answer.errors:
            connection.sendall(record(STDERR, answer.errors.encode("latin-1")))
        text = self.text_of(message, answer)
        for at in range(0, len(text), 60000):
            connection.sendall(record(STDOUT, text[at:at + 60000], 5))
        for chunk in answer.chunks or []:
            connection.sendall(record(STDOUT, chunk.encode("latin-1")))
        if answer.protocol_status is None:
            connection.sendall(record(STDOUT, b""))
        connection.sendall(record(END, struct.pack(">IBxxx", 0, answer.protocol_status or 0)))


class ScgiServer(GatewayServer):
    def read_request(self, reader):
        size = int(reader.until(b":")[:-1])
        words = reader.exactly(size).split(b"\0")[:-1]
        if reader.exactly(1) != b",":
            raise ValueError("not a netstring")
        params = [(a.decode("latin-1"), b.decode("latin-1")) for a, b in zip(words[::2], words[1::2])]
        if params[0][0] != "CONTENT_LENGTH":
            raise ValueError("CONTENT_LENGTH does not come first")
        return params, reader.exactly(int(params[0][1])), False

    def write_answer(self, connection, message, answer):
        connection.sendall(self.text_of(message, answer))


class UwsgiServer(ScgiServer):
    """The modifiers of the packet are recorded as the first parameter."""

    def read_request(self, reader):
        modifier1, size, modifier2 = struct.unpack("<BHB", reader.exactly(4))
        packet, at, words = reader.exactly(size), 0, []
        while at < len(packet):
            length = struct.unpack("<H", packet[at:at + 2])[0]
            words.append(packet[at + 2:at + 2 + length].decode("latin-1"))
            at += 2 + length
        params = list(zip(words[::2], words[1::2]))
        body = reader.exactly(int(dict(params).get("CONTENT_LENGTH") or 0))
        return [("modifiers", f"{modifier1} {modifier2}"), *params], body, False
