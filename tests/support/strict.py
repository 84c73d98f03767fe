# SPDX-License-Identifier: Apache-2.0
# Reads HTTP/1 heads the strict way: whatever two lenient readers could take in two
# ways is a fault. The framing tests hold everything the proxy sends to it.
import re

from support import wire
from support.servers import Arrival, TcpServer

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(TOKEN + rb" [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]$")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5]\d\d( [^\x00-\x08\x0a-\x1f\x7f]*)?$")
FIELD = re.compile(TOKEN + rb":[^\x00-\x08\x0a-\x1f\x7f]*$")


def head_faults(raw, is_request=True):
    """Everything ambiguous in one head, as a list of sentences."""
    faults = []
    lines = raw[:-4].split(b"\r\n") if raw.endswith(b"\r\n\r\n") else [raw]
    start = REQUEST_LINE if is_request else STATUS_LINE
    if not start.match(lines[0]):
        faults.append(f"first line {lines[0][:80]!r}")
    fields = {}
    for line in lines[1:]:
        if not FIELD.match(line):
            faults.append(f"field line {line[:80]!r}")
            continue
        name, _, value = line.partition(b":")
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    faults += framing_faults(fields, lines[0])
    if is_request and lines[0].endswith(b"1.1") and len(fields.get(b"host", [])) != 1:
        faults.append(f"Host fields: {fields.get(b'host')}")
    return faults


def framing_faults(fields, start):
    faults = []
    lengths, codings = fields.get(b"content-length", []), fields.get(b"transfer-encoding", [])
    if lengths and codings:
        faults.append("Content-Length and Transfer-Encoding together")
    if len(lengths) > 1 or any(not re.match(rb"(0|[1-9]\d{0,18})$", v) for v in lengths):
        faults.append(f"Content-Length {lengths}")
    if len(codings) > 1 or any(value.lower() != b"chunked" for value in codings):
        faults.append(f"Transfer-Encoding {codings}")
    if codings and b"HTTP/1.0" in start:
        faults.append("Transfer-Encoding in HTTP/1.0")
    return faults


class StrictServer(TcpServer):
    """Answers 200 to each request and notes every fault in what it received."""

    def __init__(self, name, recorder=None):
        super().__init__(name, recorder)
        self.faults = []
        self.busy = 0

    def settle(self):
        """Wait until every request whose head came has been read or given up."""
        wire.wait_until(lambda: self.busy == 0, 1.0)

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=30)
        while True:
            reader.drain_taken()
            raw = reader.until(b"\r\n\r\n")
            self.faults += head_faults(raw)
            message = wire.parse_head(raw)
            if "100-continue" in (message.get("expect") or ""):
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.busy += 1
            self.read_body(reader, message)
            self.recorder.add(Arrival(self.name, number, message))
            self.busy -= 1
            if not message.whole:
                return
            body = f"{self.name} {message.method} {message.target} {len(message.body)}\n"
            text = "" if message.method == "HEAD" else body
            connection.sendall((f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n"
                                f"Content-Type: text/plain\r\n\r\n{text}").encode())

    def read_body(self, reader, message):
        if message.get("transfer-encoding"):
            self.check_chunks(reader, message)
        else:
            wire.read_body(reader, message, is_response=False)

    def check_chunks(self, reader, message):
        message.framing = "chunked"
        try:
            while True:
                line = reader.until(b"\r\n")
                if not re.match(rb"[0-9A-Fa-f]{1,16}\r\n$", line):
                    self.faults.append(f"chunk size line {line[:60]!r}")
                size = int(re.match(rb"[0-9A-Fa-f]*", line).group() or b"0", 16)
                if size == 0:
                    break
                message.body += reader.exactly(size)
                if reader.exactly(2) != b"\r\n":
                    self.faults.append("chunk without its CRLF")
                    raise wire.Closed("bad chunk")
            while (line := reader.until(b"\r\n")) != b"\r\n":
                if not FIELD.match(line[:-2]):
                    self.faults.append(f"trailer line {line[:60]!r}")
                message.trailers += wire.parse_fields([line[:-2].decode("latin-1")])
        except (wire.Closed, TimeoutError):
            message.whole = False
