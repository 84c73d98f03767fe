# SPDX-License-Identifier: Apache-2.0
# Hostile and broken servers (answers.toml): the client gets a well-formed answer or
# none, and the request after it gets its own answer, whatever connection it uses.
import re
import tomllib
from pathlib import Path

import pytest

from support import binary, wire
from support.client import Client
from support.ports import free_port
from support.proxy import Proxy
from support.servers import TcpServer
from support.strict import head_faults

from . import table
from .test_requests import CONFIGS

TABLE = tomllib.loads((Path(__file__).parent / "answers.toml").read_text())["answer"]


class HostileServer(TcpServer):
    """Sends the given bytes to /attack and an honest answer to everything else."""

    script = b""
    close_after = False

    def serve(self, connection, number):
        reader = wire.Reader(connection, timeout=30)
        while True:
            message = wire.read_request(reader)
            if message.target.startswith("/attack"):
                connection.sendall(self.script)
                if self.close_after:
                    return
            else:
                body = f"good {message.target}"
                connection.sendall((f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                                    f"{body}").encode())


class Bench:
    def __init__(self, language):
        self.port = free_port()
        self.server = HostileServer("a").start()
        config = CONFIGS[language].format(port=self.port, server=self.server.address)
        self.proxy = Proxy(binary.subject(language), language, config, ports=[self.port]).start()
        self.workers = self.proxy.workers()

    def close(self):
        self.proxy.close()
        self.server.stop()


@pytest.fixture(scope="module")
def benches():
    yield from table.benches_of(Bench)


def expand(text):
    return table.expand(re.sub(r"@interim(\d+)@", lambda m: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                               * int(m.group(1)), text))


def outcome(final, ended):
    if final is None:
        return "refuse" if ended == "closed" else "no answer"
    if final.status in (502, 504):
        return "refuse"
    return "pass" if final.whole else "cut"


@pytest.mark.parametrize("language", ["nginx", "haproxy"])
@pytest.mark.parametrize("answer", TABLE, ids=lambda a: a["name"])
def test_answer(benches, answer, language):
    if binary.subject_is_anchor() and language in answer.get("lenient", []):
        pytest.skip("Debian's anchor is known to be lenient here")
    bench = benches(language)
    bench.server.script = expand(answer["send"])
    bench.server.close_after = answer.get("close", False)
    method = answer.get("method", "GET")
    with Client(bench.port, timeout=3.0) as client:
        client.send(f"{method} /attack HTTP/1.1\r\nHost: t\r\n\r\n")
        final, ended, faults = None, "open", []
        try:
            for message in client.read_final(method):
                raw = message.raw
                faults += head_faults(raw[:raw.index(b"\r\n\r\n") + 4], False)
                final = message
        except wire.Closed:
            ended = "closed"
        except TimeoutError:
            pass
        told = f"client got {final.raw[:300] if final else None}, then {ended}"
        assert not faults, f"{faults}; {told}"
        assert outcome(final, ended) in answer["may"], told
        if outcome(final, ended) == "pass" and "body" in answer:
            assert final.body.decode("latin-1") == answer["body"], told
        if final is not None and final.whole and not client.is_closed():
            assert client.get("/same").body == b"good /same", told
    for i in range(3):
        with Client(bench.port) as client:
            assert client.get(f"/after{i}", keep=False).body == f"good /after{i}".encode()
    assert bench.proxy.workers() == bench.workers, "a worker died"
