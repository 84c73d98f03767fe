# SPDX-License-Identifier: Apache-2.0
# The examples under conf-examples/: each passes the test of the anchor and of weir, and what
# its comments tell people to try does the same under both. The ports are replaced by free ones.
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from support import binary, proc, wire
from support.ports import free_port
from support.proxy import Proxy, make_folder

ROOT = Path(__file__).resolve().parents[2] / "conf-examples"
EXAMPLES = sorted(ROOT.glob("nginx/*.conf")) + sorted(ROOT.glob("haproxy/*.cfg"))
PORT = re.compile(r"127\.0\.0\.1:(\d{4,5})")


class Example:
    def __init__(self, path):
        self.path = path
        self.language = "haproxy" if path.suffix == ".cfg" else "nginx"
        text = path.read_text()
        self.for_anchor = not text.startswith("# Not for ")
        self.ports = {port: str(free_port()) for port in sorted(set(PORT.findall(text)))}
        self.text = PORT.sub(lambda m: "127.0.0.1:" + self.ports[m.group(1)], text)

    def listening(self):
        bound = set(re.findall(r"(?:listen|bind) +127\.0\.0\.1:(\d+)\b(?! udp)", self.text))
        return [int(port) for port in bound]

    def commands(self):
        for line in self.text.splitlines():
            found = re.match(r"#   (curl .*?)(?:  +\(?[A-Za-z^].*)?$", line)
            if found and "$" not in line and "&" not in line:
                yield from (part.strip() for part in found.group(1).split(" ; "))

    def answers(self):
        return [(command, status_of(command)) for command in self.commands()]


def status_of(command):
    words = [word for word in shlex.split(command) if word != "-i"]
    done = subprocess.run([*words, "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "10"],
                          capture_output=True, text=True, timeout=20, check=False)
    return done.stdout


def load(path):
    example = Example(path)
    if binary.subject_is_anchor() and not example.for_anchor:
        pytest.skip("not for the anchor")
    return example


def run(example, program):
    folder = make_folder()
    with Proxy(program, example.language, example.text, ports=example.listening(), folder=folder,
               allow=[r"no server available", r"is DOWN"]) as proxy:
        assert wire.wait_until(lambda: set(proxy.ports) <= proc.tcp_listening(), 5.0)
        return example.answers()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_configuration_test_accepts_it(path, folder):
    example = load(path)
    programs = [binary.subject(example.language)]
    if example.for_anchor:
        programs.append(binary.anchor(example.language))
    for program in programs:
        proxy = Proxy(program, example.language, example.text, folder=folder)
        words = proxy.command()[1:] + (["-t"] if example.language == "nginx" else ["-c"])
        done = proxy.run(*[word for word in words if word not in ("-W", "-db")])
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warn" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_what_the_comments_say(path):
    example = load(path)
    got = run(example, binary.subject(example.language))
    assert all(status != "000" for _, status in got), got
    if example.for_anchor:
        assert got == run(example, binary.anchor(example.language))


def test_there_are_enough():
    assert len([p for p in EXAMPLES if p.suffix == ".conf"]) >= 8
    assert len([p for p in EXAMPLES if p.suffix == ".cfg"]) >= 8
