# SPDX-License-Identifier: Apache-2.0
# One process takes over from another without a refused connection: nginx's
# binary upgrade (USR2, WINCH, QUIT), and HAProxy's -sf, -st and -x.
import os
import signal
import threading

import pytest

from support import binary, proc, wire
from support.client import get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import HttpServer

from .setups import make_config


class Knocker:
    """One connection per request, again and again, until told to stop."""

    def __init__(self, port):
        self.port, self.failed, self.served = port, [], 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.wait(0.002):
            try:
                if get(self.port, timeout=5).status == 200:
                    self.served += 1
                else:
                    self.failed.append("status")
            except (OSError, wire.Closed) as error:
                self.failed.append(repr(error))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def read_pid(path):
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


@pytest.fixture
def upgradable(folder, run_server):
    if binary.subject_is_anchor():
        pytest.skip("nginx ignores USR2 in the foreground")
    server = run_server(HttpServer("a"))
    port = free_port()
    proxy = Proxy(binary.subject("nginx"), "nginx", make_config("nginx", port, [server]),
                  folder=folder, ports=[port])
    proxy.start()
    yield proxy, port
    for pid in proc.session_members(proxy.pid):
        os.kill(pid, signal.SIGKILL)
    proxy.process.wait()


def test_binary_upgrade(upgradable):
    proxy, port = upgradable
    old = proxy.process.pid
    oldbin = proxy.pid_path.with_name(proxy.pid_path.name + ".oldbin")
    with Knocker(port) as load:
        os.kill(old, signal.SIGUSR2)
        assert wire.wait_until(lambda: read_pid(proxy.pid_path) not in (0, old), 10), proxy.output()
        new = read_pid(proxy.pid_path)
        assert read_pid(oldbin) == old
        assert wire.wait_until(lambda: proc.children(new), 5)
        os.kill(old, signal.SIGWINCH)
        assert wire.wait_until(lambda: set(proc.children(old)) <= {new} or not any(
            "worker" in proc.cmdline(pid) for pid in proc.children(old)), 5)
        before = load.served
        assert wire.wait_until(lambda: load.served > before + 20, 5)
        os.kill(old, signal.SIGQUIT)
        proxy.process.wait(10)
        before = load.served
        assert wire.wait_until(lambda: load.served > before + 20, 5)
    assert not load.failed
    assert not oldbin.exists() and read_pid(proxy.pid_path) == new
    os.kill(new, signal.SIGQUIT)
    assert wire.wait_until(lambda: not proc.session_members(old), 5)
    assert not proxy.pid_path.exists()


def test_upgrade_is_taken_back(upgradable):
    """After WINCH the old master's workers come back with HUP, and the new one may go."""
    proxy, port = upgradable
    old = proxy.process.pid
    with Knocker(port) as load:
        os.kill(old, signal.SIGUSR2)
        assert wire.wait_until(lambda: read_pid(proxy.pid_path) not in (0, old), 10), proxy.output()
        new = read_pid(proxy.pid_path)
        assert wire.wait_until(lambda: proc.children(new), 5)

        def workers():
            return [pid for pid in proc.children(old) if pid != new and "worker" in proc.cmdline(pid)]

        os.kill(old, signal.SIGWINCH)
        assert wire.wait_until(lambda: not workers(), 5)
        os.kill(old, signal.SIGHUP)
        assert wire.wait_until(workers, 5)
        os.kill(new, signal.SIGQUIT)
        assert wire.wait_until(lambda: read_pid(proxy.pid_path) == old, 5)
        before = load.served
        assert wire.wait_until(lambda: load.served > before + 20, 5)
    assert not load.failed


def test_upgrade_that_fails_changes_nothing(upgradable):
    proxy, port = upgradable
    old = proxy.process.pid
    oldbin = proxy.pid_path.with_name(proxy.pid_path.name + ".oldbin")
    proxy.write_config("events { }\nno_such_word x;\n")
    with Knocker(port) as load:
        os.kill(old, signal.SIGUSR2)
        assert wire.wait_until(lambda: "new binary process" in proxy.output(), 10), proxy.output()
        assert wire.wait_until(lambda: read_pid(proxy.pid_path) == old and not oldbin.exists(), 5)
        before = load.served
        assert wire.wait_until(lambda: load.served > before + 20, 5)
    assert not load.failed


def haproxy_config(port, server, stats=""):
    return f"""
global
    {stats}
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
listen l
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server.port}
"""


@pytest.mark.parametrize("former", ["same", "anchor"])
@pytest.mark.parametrize("how", ["-sf", "-st", "-x"])
def test_takeover(former, how, folder, run_server, tmp_path):
    server = run_server(HttpServer("a"))
    port = free_port()
    program = binary.anchor("haproxy") if former == "anchor" else binary.subject("haproxy")
    if how == "-x" and former == "same":
        pytest.skip("weir's stats socket does not give sockets yet; -sf takes them")
    stats = f"stats socket {tmp_path}/s mode 600 level admin expose-fd listeners" if how == "-x" else ""
    old = Proxy(program, "haproxy", haproxy_config(port, server, stats), folder=tmp_path, ports=[port])
    old.start()
    pid = old.process.pid
    # Without master the former HAProxy is one process; with it, -W hands the words on itself.
    words = ["-x", f"{tmp_path}/s", "-sf", str(pid)] if how == "-x" else [how, str(pid)]
    new = Proxy(binary.subject("haproxy"), "haproxy", haproxy_config(port, server), folder=folder,
                ports=[port], extra=words)
    with Knocker(port) as load:
        new.start()
        old.process.wait(10)
        before = load.served
        assert wire.wait_until(lambda: load.served > before + 20, 5), new.output()
    # -st cuts what is under way; the addresses themselves are never without a listener.
    assert not [text for text in load.failed if "refused" in text]
    if how != "-st" and former == "same":
        assert not load.failed
    assert not new.stop()
    if old.process.poll() is None:
        old.kill()
