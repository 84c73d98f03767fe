# SPDX-License-Identifier: Apache-2.0
# Requests made to be read in two ways (requests.toml), sent through both languages.
# Whatever the proxy does, what reaches the server must be strictly formed, and no
# request may arrive there that the client did not send as one.
import tomllib
from pathlib import Path

import pytest

from support import binary, wire
from support.client import Client, methods_of
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Recorder
from support.strict import StrictServer, head_faults

from . import table

TABLE = tomllib.loads((Path(__file__).parent / "requests.toml").read_text())["attack"]
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n"
REFUSALS = {400, 403, 405, 411, 413, 414, 417, 421, 426, 431, 494, 501, 505}

NGINX = """
events {{ }}
http {{
    upstream pool {{ server {server}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        server_name weir.test;
        location / {{
            proxy_pass http://pool;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 3s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
    default_backend pool
backend pool
    http-reuse always
    server a {server}
"""
CONFIGS = {"nginx": NGINX, "haproxy": HAPROXY}


class Bench:
    """A proxy with one strict server behind it, kept for all attacks of a language."""

    def __init__(self, language):
        self.language, self.port = language, free_port()
        self.server = StrictServer("a", Recorder()).start()
        config = CONFIGS[language].format(port=self.port, server=self.server.address)
        self.proxy = Proxy(binary.subject(language), language, config, ports=[self.port])
        self.proxy.start()
        self.workers = self.proxy.workers()

    def attack(self, data):
        """Send the bytes; return what came back, read strictly, and how it ended."""
        self.server.recorder.clear()
        self.server.faults.clear()
        faults, answers, ended = [], [], "open"
        with Client(self.port, timeout=1.0) as client:
            client.send(data)
            methods = methods_of(data) or ["GET"]
            while True:
                method = methods[min(len(answers), len(methods) - 1)]
                client.reader.timeout = 1.0 if len(answers) < len(methods) else 0.15
                try:
                    answer = wire.read_response(client.reader, method)
                except wire.Closed:
                    ended = "closed"
                    break
                except TimeoutError:
                    break
                faults += head_faults(answer.raw[:answer.raw.index(b"\r\n\r\n") + 4], False)
                if answer.status >= 200:
                    answers.append(answer)
                if not answer.whole:
                    faults.append("answer cut short")
                    break
        self.server.settle()
        return answers, ended, faults

    def close(self):
        self.proxy.close()
        self.server.stop()


@pytest.fixture(scope="module")
def benches():
    yield from table.benches_of(Bench)


def expand(text):
    return table.expand(text.replace("@smuggled@", SMUGGLED))


def outcome(answers, ended, requests):
    """Cut-off requests that the client was refused for count as rejected."""
    if any(message.whole for message in requests):
        return "forward"
    if any(answer.status in REFUSALS for answer in answers) or (not answers and ended == "closed"):
        return "reject"
    return "wait" if not answers else f"answered {answers[0].status}"


@pytest.mark.parametrize("language", ["nginx", "haproxy"])
@pytest.mark.parametrize("attack", TABLE, ids=lambda a: f"{a['case']}-{a['name']}")
def test_request(benches, attack, language):
    if binary.subject_is_anchor() and language in attack.get("lenient", []):
        pytest.skip("Debian's anchor is known to be lenient here")
    bench = benches(language)
    answers, ended, faults = bench.attack(expand(attack["send"]))
    requests = bench.server.recorder.requests()
    seen = [f"{m.start} {m.fields} {m.body!r}"[:600] for m in requests]
    told = f"answers {[a.start for a in answers]}, then {ended}; server got {seen}"
    assert not faults + bench.server.faults, told
    assert outcome(answers, ended, requests) in attack["may"], told
    assert bench.proxy.workers() == bench.workers, "a worker died"
    check_forwarded(attack, requests, bench, told)
    if attack.get("closes"):
        last = (answers[-1].get("connection") or "") if answers else ""
        assert ended == "closed" or "close" in last.lower(), told
    assert Client(bench.port).get("/after", keep=False).status == 200


def check_forwarded(attack, requests, bench, told):
    """What reached the server: not too much, and with the bodies that were meant."""
    pipelined = attack.get("smuggled_is_pipelined")
    assert pipelined or not any("smuggled" in m.start for m in requests), told
    assert len(requests) <= attack.get("requests", 1) + bool(pipelined), told
    bodies = [m.body.decode("latin-1") for m in requests if m.whole]
    if not bodies:
        return
    if "bodies" in attack:
        assert bodies == attack["bodies"][:len(bodies)], told
    for message in requests:
        for name in attack.get("no_fields", []):
            assert message.get(name) is None, told
        names = {key.lower() for key, _ in message.trailers}
        assert not names & set(attack.get("no_trailers", [])), told
    if "hosts" in attack:
        allowed = {h.replace("@server@", bench.server.address) for h in attack["hosts"]}
        assert requests[0].get("host") in allowed, told
