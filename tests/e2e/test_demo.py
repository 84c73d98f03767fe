# SPDX-License-Identifier: Apache-2.0
# `weir demo`: one listener in nginx's language and one in HAProxy's, servers built in,
# a status page, curl lines to try; Ctrl-C ends all of it.
import re
import signal
import subprocess
import time

import pytest

from support import binary, proc, wire
from support.client import Client, get

URL = re.compile(r"http://(?:127\.0\.0\.1|localhost):(\d+)(/[^\s\"']*)?")


class Demo:
    def __init__(self, folder):
        self.path = folder / "demo.out"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([str(binary.subject("weir")), "demo"], stdout=out,
                                            stderr=subprocess.STDOUT, cwd=folder,
                                            stdin=subprocess.DEVNULL, start_new_session=True)

    def text(self):
        return self.path.read_text("latin-1")

    def urls(self):
        """Every address that it tells people to try, once its servers listen."""
        def up():
            found = {(int(port), path or "/") for port, path in URL.findall(self.text())}
            ports = {port for port, _ in found}
            return found if len(ports) >= 2 and ports <= proc.tcp_listening() else None
        return wire.wait_until(up, 10.0) or pytest.fail("no URLs:\n" + self.text())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        self.process.wait(5)
        assert time.monotonic() - began < 5
        assert wire.wait_until(lambda: not proc.session_members(self.process.pid), 2.0)

    def kill(self):
        for pid in proc.session_members(self.process.pid):
            subprocess.run(["kill", "-9", str(pid)], check=False)


@pytest.fixture
def demo(folder):
    if binary.subject_is_anchor():
        pytest.skip("the anchors have no demo")
    started = []

    def start():
        started.append(Demo(folder / str(len(started)) if started else folder))
        return started[-1]

    (folder / "1").mkdir()
    yield start
    for one in started:
        one.kill()


def test_demo_answers_and_ends(demo):
    one = demo()
    for port, path in sorted(one.urls()):
        assert get(port, path, host=f"127.0.0.1:{port}").status == 200, f"{port}{path}"
    assert "curl" in one.text()
    one.interrupt()


def test_demo_balances_in_both_languages(demo):
    ports = {port for port, _ in demo().urls()}
    balancing = 0
    for port in ports:
        with Client(port) as client:
            bodies = {client.get("/").body for _ in range(6)}
        balancing += len(bodies) > 1
    assert balancing >= 2, "two listeners are to spread requests over the demo servers"


def test_busy_port_is_told_and_another_taken(demo):
    first = demo()
    taken = {port for port, _ in first.urls()}
    second = demo()
    assert not taken & {port for port, _ in second.urls()}
    assert any(str(port) in second.text() for port in taken), "it does not say what was busy"
