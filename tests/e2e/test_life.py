# SPDX-License-Identifier: Apache-2.0
# From start to stop: what a start that fails says, privileges, pid file, graceful and
# fast stop, reopening logs, time limits of a stop, and what systemd is told.
import os
import signal
import socket
import subprocess
import time

import pytest

from support import binary, proc, wire
from support.client import Client, get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer
from support.websocket import WebSocketClient, WebSocketServer

from .setups import PERSONALITIES, make_config, skip_anchor

GRACEFUL = {"nginx": signal.SIGQUIT, "haproxy": signal.SIGUSR1, "weir": signal.SIGQUIT}


def start(personality, run_server, run_proxy, **options):
    skip_anchor(personality)
    port = free_port()
    server = run_server(HttpServer("a", answers=[Answer(match="hold", hold=True)]))
    sockets = run_server(WebSocketServer("w"))
    config = make_config(personality, port, [server], sockets=sockets.address, **options)
    return run_proxy(personality, config, ports=[port], allow=["open socket"]), port, server


def refuses(port):
    try:
        Client(port, timeout=1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_busy_port_is_reported(personality, folder, run_server):
    skip_anchor(personality)
    server = run_server(HttpServer("a"))
    config = make_config(personality, server.port, [server])
    proxy = Proxy(binary.subject(personality), personality, config, folder=folder)
    done = subprocess.run(proxy.command(), capture_output=True, text=True, timeout=20,
                          cwd=folder, check=False)
    assert done.returncode == 1
    assert str(server.port) in done.stderr + done.stdout + proxy.output()
    assert get(server.port).status == 200


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_configuration_test_has_no_side_effects(personality, folder, run_server):
    """-t (or -c) passes although the port is taken, and leaves no file behind."""
    skip_anchor(personality, "binds the port", only="nginx")
    server = run_server(HttpServer("a"))
    config = make_config(personality, server.port, [server], access_log=f"{folder}/access.log")
    proxy = Proxy(binary.subject(personality), personality, config, folder=folder)
    before = sorted(os.listdir(folder))
    if personality == "haproxy":
        done = proxy.run("-c", "-f", str(proxy.config_path))
    else:
        done = proxy.run("-t", "-p", f"{folder}/", "-c", str(proxy.config_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(os.listdir(folder)) == before
    if personality == "nginx":
        assert "syntax is ok" in done.stderr and "test is successful" in done.stderr


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_broken_configuration_does_not_start(personality, folder):
    skip_anchor(personality)
    text = "frontend f\n    no_such_word x\n" if personality == "haproxy" \
        else "events { }\nno_such_word x;\n"
    proxy = Proxy(binary.subject(personality), personality, text, folder=folder)
    words = proxy.command()
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, cwd=folder,
                          check=False)
    assert done.returncode == 1
    assert "no_such_word" in done.stderr + done.stdout + proxy.output()


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_pid_file(personality, run_server, run_proxy):
    if personality == "weir":
        skip_anchor(personality)
    skip_anchor(personality, "removes none of its own", only="haproxy")
    path = "weir.pid" if personality == "weir" else None
    main = f"worker_processes 2; pid {path};" if path else None
    proxy, _, _ = start(personality, run_server, run_proxy, main=main)
    pid_file = proxy.folder / path if path else proxy.pid_path
    assert int(pid_file.read_text()) == proxy.pid
    assert not proxy.stop()
    assert personality == "haproxy" or not pid_file.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give privileges up")
@pytest.mark.parametrize("personality", PERSONALITIES)
def test_workers_give_privileges_up(personality, run_server, run_proxy):
    main = "user nobody\n    group nogroup" if personality == "haproxy" \
        else "worker_processes 2; user nobody nogroup;"
    proxy, port, _ = start(personality, run_server, run_proxy, main=main)
    assert get(port).status == 200
    nobody = 65534
    for pid in proxy.workers() + proxy.warden():
        assert proc.user_id(pid) == nobody, proc.cmdline(pid)
    assert proc.user_id(proxy.pid) == 0


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_process_titles(personality, run_server, run_proxy):
    """keepalived, pidof and people find the processes by their names."""
    proxy, _, _ = start(personality, run_server, run_proxy)
    if personality == "nginx":
        assert "nginx: master process" in proc.cmdline(proxy.pid)
        assert wire.wait_until(lambda: all("nginx: worker process" in proc.cmdline(pid)
                                           for pid in proxy.workers()), 2.0)
    name = open(f"/proc/{proxy.pid}/comm").read().strip()
    assert name == personality


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_graceful_stop(personality, run_server, run_proxy):
    """What runs ends well, nothing new is taken, and then the process is gone."""
    proxy, port, server = start(personality, run_server, run_proxy)
    idle = Client(port)
    assert idle.get("/idle").status == 200
    busy = Client(port)
    busy.send("GET /hold HTTP/1.1\r\nHost: t\r\n\r\n")
    wire.wait_until(lambda: server.recorder.count() == 2)
    os.kill(proxy.pid, GRACEFUL[personality])
    assert wire.wait_until(lambda: refuses(port), 3.0), "still accepts"
    assert proxy.process.poll() is None
    server.release()
    answer = busy.read_response()
    assert answer.status == 200 and answer.body == b"a GET /hold\n"
    idle.close()
    busy.close()
    assert wire.wait_until(lambda: proxy.process.poll() is not None, 5.0)
    assert proxy.process.returncode in (0, 143)


def test_what_waits_to_be_accepted_is_served_before_the_stop(run_proxy):
    """Answers that are over at once, while the worker still walks its listeners."""
    skip_anchor("nginx")
    port = free_port()
    proxy = run_proxy("nginx", f"""
        worker_processes 1;
        events {{ }}
        http {{ server {{ listen 127.0.0.1:{port}; return 200 "here\\n"; }} }}
        """, ports=[port])
    worker = proxy.workers()[0]
    os.kill(worker, signal.SIGSTOP)
    clients = [Client(port) for _ in range(20)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
    os.kill(proxy.pid, signal.SIGQUIT)
    time.sleep(0.3)   # until the master has told its worker
    os.kill(worker, signal.SIGCONT)
    for client in clients:
        assert client.read_response().body == b"here\n"
        client.close()
    assert wire.wait_until(lambda: proxy.process.poll() is not None, 5.0)


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_fast_stop_cuts(personality, run_server, run_proxy):
    proxy, port, server = start(personality, run_server, run_proxy)
    busy = Client(port)
    busy.send("GET /hold HTTP/1.1\r\nHost: t\r\n\r\n")
    wire.wait_until(lambda: server.recorder.count() == 1)
    began = time.monotonic()
    assert not proxy.stop()
    assert time.monotonic() - began < 2.0
    assert busy.is_closed(1.0)


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_time_limit_of_a_graceful_stop(personality, run_server, run_proxy):
    """worker_shutdown_timeout and hard-stop-after end what does not end by itself."""
    main = "hard-stop-after 1s" if personality == "haproxy" \
        else "worker_processes 2; worker_shutdown_timeout 1s;"
    proxy, port, _ = start(personality, run_server, run_proxy, main=main)
    client = WebSocketClient(port)
    assert client.is_open and client.echo("x") == "w:x"
    began = time.monotonic()
    os.kill(proxy.pid, GRACEFUL[personality])
    time.sleep(0.4)
    assert client.echo("still") == "w:still"
    assert wire.wait_until(lambda: proxy.process.poll() is not None, 5.0)
    assert 0.8 < time.monotonic() - began < 3.5


@pytest.mark.parametrize("personality", ["nginx", "weir"])
@pytest.mark.parametrize("how", ["signal", "verb"])
def test_logs_are_reopened(personality, how, folder, run_server, run_proxy):
    log = folder / "access.log"
    proxy, port, _ = start(personality, run_server, run_proxy, access_log=str(log))
    with Client(port) as client:
        assert client.get("/before").status == 200
        assert wire.wait_until(lambda: "/before" in log.read_text(), 2.0)
        log.rename(folder / "access.log.1")
        if how == "signal":
            os.kill(proxy.pid, signal.SIGUSR1)
        else:
            done = subprocess.run(proxy.command("-s", "reopen"), capture_output=True,
                                  timeout=20, cwd=folder, check=False)
            assert done.returncode == 0, done.stderr
        assert wire.wait_until(log.exists, 3.0)
        time.sleep(0.2)
        assert client.get("/after").status == 200
    assert wire.wait_until(lambda: "/after" in log.read_text(), 2.0)
    assert "/after" not in (folder / "access.log.1").read_text()


@pytest.mark.parametrize("personality", ["nginx", "weir"])
@pytest.mark.parametrize("verb", ["stop", "quit"])
def test_stop_verbs(personality, verb, run_server, run_proxy):
    proxy, _, _ = start(personality, run_server, run_proxy)
    done = subprocess.run(proxy.command("-s", verb), capture_output=True, timeout=20,
                          cwd=proxy.folder, check=False)
    assert done.returncode == 0, done.stderr
    assert wire.wait_until(lambda: proxy.process.poll() is not None, 5.0)
    assert proxy.process.returncode == 0


@pytest.mark.parametrize("personality", ["haproxy", "weir"])
def test_systemd_is_told(personality, folder, run_server, run_proxy):
    """READY=1 once it listens, for units of Type=notify."""
    skip_anchor(personality)
    path = str(folder / "notify.sock")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    listener.settimeout(5)
    port, server = free_port(), run_server(HttpServer("a"))
    run_proxy(personality, make_config(personality, port, [server]), ports=[port],
              env={"NOTIFY_SOCKET": path}, extra=["-Ws"] if personality == "haproxy" else [])
    told = b""
    while b"READY=1" not in told:
        told += listener.recv(4096)
    listener.close()
