# SPDX-License-Identifier: Apache-2.0
"""Our load generator with its back-end servers (load/main.cpp), and the comparison of answers
byte by byte that comes before every first measurement."""

import gzip
import json
import os
import re
import socket
import ssl
import subprocess
import time

import cases
import programs

FOLDER = os.path.dirname(os.path.abspath(__file__))
COMMON = ["-std=c++20", "-O2", "-Wall", "-Wextra"]


def build(folder):
    """Compiles the two small programs; returns the paths of load and relay."""
    for name, sources in (("load", ["main", "run", "client", "responder", "transport"]), ("relay", ["relay"])):
        files = [f"{FOLDER}/load/{source}.cpp" for source in sources]
        libraries = ["-lssl", "-lcrypto"] if name == "load" else []
        subprocess.run(["g++", *COMMON, "-o", str(folder / name), *files, *libraries], check=True)
    return folder / "load", folder / "relay"


def mode_of(case):
    how = "-resumed" if case.resumed else "-tls" if case.tls else ""
    return ("close" if case.close else "keep") + how


class Load:
    """The load generator and back-end process, on a core of its own."""

    def __init__(self, binary, core, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [str(binary), str(cases.POOLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1, preexec_fn=programs.on_core(core))
        self.ports = json.loads(self.process.stdout.readline())["ports"]

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the load generator ended")
        return json.loads(answer)

    def requests_file(self, case):
        path = self.folder / f"requests-{case.name}"
        if not path.exists():
            rows = (b"%d\n%b" % (len(r.bytes), r.bytes) for r in case.requests)
            path.write_bytes(b"".join(rows))
        return path

    def run(self, case, port, seconds):
        # A compressed answer has the length it has.
        size = 0 if case.coding else case.size
        result = self.tell(f"run {port} {case.connections} {int(seconds * 1000)} {mode_of(case)} "
                           f"{size} {self.requests_file(case)}")
        # Who resumes less than asked, or more, does other work than the others. The first
        # connections have no session yet.
        resumed, opened = result["resumed"], result["connects"]
        if case.resumed and resumed < 0.95 * (opened - 2 * case.connections):
            return {**result, "failures": 1, "faults": f"{resumed} of {opened} resumed"}
        return result

    def hold(self, case, port):
        return self.tell(f"hold {port} {case.connections} 20000 {mode_of(case)} {case.size} "
                         f"{self.requests_file(case)}")

    def again(self):
        return self.tell("again")

    def drop(self):
        return self.tell("drop")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(5)


class Wrk:
    """A second opinion: wrk instead of our generator, in front of the same back-end servers. It
    sends the same bytes and checks the status, not the length."""

    SCRIPT = """
local requests, place = {}, 0
function init(words)
    local file = io.open(words[1], "rb")
    local size = file:read("*n")
    while size do
        file:read(1)
        requests[#requests + 1] = file:read(size)
        size = file:read("*n")
    end
end
function request()
    place = place % #requests + 1
    return requests[place]
end
function done(all, times)
    local e = all.errors
    io.write(string.format(
        '\\n{"answers": %d, "seconds": %f, "p50_us": %f, "p99_us": %f, "faults": ' ..
        '{"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\\n',
        all.requests, all.duration / 1e6, times:percentile(50), times:percentile(99),
        e.connect, e.read, e.write, e.status, e.timeout))
end
"""

    def __init__(self, load, core, folder):
        self.load = load
        self.core = core
        self.script = folder / "wrk.lua"
        self.script.write_text(self.SCRIPT, encoding="ascii")

    def run(self, case, port, seconds):
        words = ["wrk", "-t", "1", "-c", str(case.connections), "-d", str(max(1, round(seconds))),
                 "-s", str(self.script), f"http://127.0.0.1:{port}/", "--",
                 str(self.load.requests_file(case))]
        said = subprocess.run(words, capture_output=True, text=True, check=True,
                              preexec_fn=programs.on_core(self.core))
        result = json.loads(said.stdout.splitlines()[-1])
        result["failures"] = sum(result["faults"].values())
        result["bytes"] = result["answers"] * case.size
        return result


def body_of(case, folder):
    """The words of h2load and nghttp that make requests calls of gRPC."""
    if not case.grpc:
        return []
    path = folder / "call"
    path.write_bytes(case.requests[0].body)
    return ["-d", str(path), "-H", "content-type: application/grpc", "-H", "te: trailers"]


class H2load:
    """HTTP/2 in clear text, by nghttp2's h2load."""

    def __init__(self, core, folder):
        self.core = core
        self.folder = folder

    def run(self, case, port, seconds):
        path = case.requests[0].text.split()[1].decode()
        # In whole seconds; the window is no limit to what is measured.
        words = ["h2load", "-D", str(max(1, round(seconds))), "-c", str(case.connections), "-t", "1",
                 "-m", str(case.streams), "-w", "24", "-W", "30", *body_of(case, self.folder),
                 f"http://127.0.0.1:{port}{path}"]
        said = subprocess.run(words, capture_output=True, text=True, check=True,
                              preexec_fn=programs.on_core(self.core)).stdout
        counts = {name: int(count) for count, name in
                  re.findall(r"(\d+) (succeeded|failed|errored|timeout)", said)}
        took = re.search(r"finished in ([\d.]+)(m?s)", said)
        spent = float(took[1]) / (1000 if took[2] == "ms" else 1)
        wait = re.search(r"time for request:\s+\S+\s+(\S+)\s+(\S+)", said)
        return {"answers": counts["succeeded"], "seconds": spent, "p50_us": microseconds(wait[2]),
                "p99_us": microseconds(wait[1]), "failures": counts["failed"] + counts["errored"],
                "faults": counts, "bytes": counts["succeeded"] * case.size}


class GrpcServer:
    """What unary calls look like to a proxy, by nghttp2's nghttpd: a message from a file, then the
    status as a trailer."""

    def __init__(self, core, folder):
        self.port = programs.free_port()
        root = folder / "grpc"
        answer = root / cases.CALL.lstrip("/")
        answer.parent.mkdir(parents=True)
        answer.write_bytes(cases.grpc_message(cases.CALL_SIZE))
        types = folder / "grpc.types"
        types.write_text("application/grpc grpc\n", encoding="ascii")
        self.process = subprocess.Popen(
            ["nghttpd", "--no-tls", "-d", str(root), "--mime-types-file", str(types), "--trailer",
             "grpc-status: 0", "-m", "512", str(self.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=programs.on_core(core))
        if not programs.wait_for_port(self.port, self.process):
            raise programs.ProgramError("nghttpd does not serve")

    def stop(self):
        self.process.terminate()
        self.process.wait(5)


def microseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


EXPECTED = bytes(33 + (i * 7 + i // 251) % 90 for i in range(cases.BIG))


def make_json(kind):
    """What load/responder.cpp answers /json?KIND with."""
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
    text, state = "[", 12345

    def add(before, below):
        nonlocal text, state
        state = (state * 1103515245 + 12345) % (1 << 31)
        drawn = (state >> 16) % below
        text += before + (words[drawn] if below == len(words) else str(drawn))

    while len(text) < cases.JSON + kind:
        add('{"id":', 30000)
        add(',"name":"', 8)
        add("-", 8)
        add('","price":', 20000)
        add(',"text":"item ', 1000)
        add(" of ", 8)
        text += '","active":true},'
    return text[kind : kind + cases.JSON].encode()


def unpack(body, coding):
    """The body without its coding, by another program where Python has no library for it."""
    if coding == "gzip":
        return gzip.decompress(body)
    return subprocess.run(["/usr/bin/python3", "-c", "import brotli, sys; "
                           "sys.stdout.buffer.write(brotli.decompress(sys.stdin.buffer.read()))"],
                          input=body, capture_output=True, check=True).stdout


def read_answer(reader):
    """Status, fields and body of one answer with a length, or in chunks."""
    status = reader.readline().split()
    fields = {}
    while (line := reader.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip()
    body = reader.read(int(fields.get(b"content-length", b"0")))
    if b"transfer-encoding" in fields:
        while size := int(reader.readline(), 16):
            body += reader.read(size)
            reader.readline()
        reader.readline()
    return status[1:2], fields, body


def compare_http2(case, port):
    path = case.requests[0].text.split()[1].decode()
    said = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-m", "10",
                           f"http://127.0.0.1:{port}{path}"], capture_output=True, check=False)
    if said.stdout != EXPECTED[: case.size]:
        return f"{path}: the body is not what the server sent: {said.stderr.decode()}"
    return ""


def compare_calls(case, port, folder):
    said = subprocess.run(["nghttp", "-v", *body_of(case, folder), f"http://127.0.0.1:{port}{cases.CALL}"],
                          capture_output=True, timeout=20, check=False)
    if cases.grpc_message(case.size) not in said.stdout:
        return f"{cases.CALL}: the message is not what the server sent: {said.stderr.decode()}"
    return "" if b"grpc-status: 0" in said.stdout else f"{cases.CALL}: no status behind the message"


def connect(case, port):
    plain = socket.create_connection(("127.0.0.1", port), 5)
    if not case.tls:
        return plain
    rules = ssl.create_default_context()
    rules.check_hostname, rules.verify_mode = False, ssl.CERT_NONE
    return rules.wrap_socket(plain, server_hostname="bench.example")


def compare_answers(case, port, folder):
    """Sends each request of the case once, or the first ones; returns what is wrong, or an empty string."""
    if case.grpc:
        return compare_calls(case, port, folder)
    if case.streams:
        return compare_http2(case, port)
    for request in case.requests[: case.compared or None]:
        with connect(case, port) as peer:
            peer.sendall(request.bytes)
            with peer.makefile("rb") as reader:
                status, fields, body = read_answer(reader)
        line = request.text.partition(b" HTTP/")[0].decode()
        if status != [b"200"]:
            return f"{line}: status {status}"
        if case.coding:
            if fields.get(b"content-encoding") != case.coding.encode():
                return f"{line}: not compressed by {case.coding}"
            body = unpack(body, case.coding)
        kind = int(line.partition("?")[2] or 0)
        if body != (make_json(kind) if case.coding else EXPECTED[: case.size]):
            return f"{line}: the body is not what the server sent"
        if fields.get(b"x-backend") != b"%d" % request.backend:
            return f"{line}: server {fields.get(b'x-backend')}, not {request.backend}"
        if request.body and fields.get(b"x-sum") != b"%d" % sum(request.body):
            return f"{line}: the server did not get the body that was sent"
    return ""


def settle():
    """Lets closed connections finish before the CPU clock is read."""
    time.sleep(0.03)
