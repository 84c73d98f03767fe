# SPDX-License-Identifier: Apache-2.0
# Tables that all workers share: a limit is the same whatever their number, survives
# reloads, and what a dead worker counted is given back.
import os
import re
import signal
import socket
import threading
import time

import pytest

from support import binary, wire
from support.breakpoint import Breakpoint, NotThere
from support.client import Client, get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer

from .setups import skip_anchor

KILLED = ["exited on signal 9", "killed", "signal 9", "exited with code 137"]

NGINX = """
worker_processes {workers};
error_log stderr crit;
events {{ }}
http {{
    limit_req_zone $arg_k zone=rate:1m rate={rate};
    limit_conn_zone $arg_k zone=open:1m;
    server {{
        listen 127.0.0.1:{port};
        add_header X-Config {mark};
        keepalive_requests 1000000;
        location /rate {{ limit_req zone=rate burst={burst} nodelay; proxy_pass http://{server}; }}
        location /open {{ limit_conn open 1; proxy_pass http://{server}; }}
        location / {{ proxy_pass http://{server}; }}
    }}
}}
"""
HAPROXY = """
global
    nbthread {workers}
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend f
    bind 127.0.0.1:{port}
    http-request track-sc0 url_param(k) table rate if {{ path_beg /rate }}
    http-request deny deny_status 503 if {{ sc_http_req_rate(0) gt {most} }}
    http-request track-sc1 url_param(k) table open if {{ path_beg /open }}
    http-request deny deny_status 503 if {{ sc_conn_cur(1) gt 1 }}
    http-response set-header X-Config {mark}
    default_backend pool
backend pool
    server a {server}
backend rate
    stick-table type string size 1k store http_req_rate(600s)
backend open
    stick-table type string size 1k store conn_cur
"""


def config_of(personality, port, server, workers=4, mark="A", most=10, rate="1r/m"):
    text = HAPROXY if personality == "haproxy" else NGINX
    return text.format(port=port, server=server, workers=workers, mark=mark, most=most,
                       burst=most - 1, rate=rate)


@pytest.fixture
def server(run_server):
    return run_server(HttpServer("a", answers=[Answer(match="hold", hold=True)]))


def passed(port, path, count):
    return sum(get(port, path).status == 200 for _ in range(count))


@pytest.mark.parametrize("personality", ["nginx", "haproxy"])
@pytest.mark.parametrize("workers", [1, 4])
def test_one_limit_for_all_workers(personality, workers, server, run_proxy):
    port = free_port()
    run_proxy(personality, config_of(personality, port, server.address, workers), ports=[port])
    assert passed(port, "/rate?k=a", 40) == 10
    assert passed(port, "/rate?k=b", 10) == 10
    assert get(port, "/rate?k=b").status == 503


def test_reloads_keep_entries(server, run_proxy):
    skip_anchor("weir")
    port = free_port()
    proxy = run_proxy("nginx", config_of("nginx", port, server.address), ports=[port])
    assert passed(port, "/rate?k=a", 6) == 6
    for i in range(5):
        proxy.write_config(config_of("nginx", port, server.address, mark=f"m{i}"))
        status, text = proxy.reload()
        assert status == 0, text
        assert wire.wait_until(lambda i=i: get(port).get("x-config") == f"m{i}", 3.0)
    assert passed(port, "/rate?k=a", 10) == 4


def test_changed_table_takes_over_what_fits(server, run_proxy):
    skip_anchor("weir")
    port = free_port()
    text = config_of("haproxy", port, server.address)
    proxy = run_proxy("weir", text, ports=[port])
    assert passed(port, "/rate?k=a", 6) == 6
    text = text.replace("size 1k store http_req_rate(600s)", "size 5k store gpc0,http_req_rate(600s)")
    proxy.write_config(text.replace("X-Config A", "X-Config B"))
    status, said = proxy.reload()
    assert status == 0, said
    assert wire.wait_until(lambda: get(port).get("x-config") == "B", 3.0)
    assert passed(port, "/rate?k=a", 10) == 4


@pytest.mark.parametrize("personality", ["nginx", "haproxy"])
def test_what_a_dead_worker_held_is_given_back(personality, server, run_proxy):
    skip_anchor(personality, "nginx keeps it", only="nginx")
    skip_anchor(personality, "the master ends with its worker", only="haproxy")
    port = free_port()
    proxy = run_proxy(personality, config_of(personality, port, server.address, workers=1),
                      ports=[port], allow=KILLED)
    with Client(port) as held:
        held.send("GET /open/hold?k=a HTTP/1.1\r\nHost: test\r\n\r\n")
        assert wire.wait_until(lambda: get(port, "/open?k=a").status == 503, 3.0)
        os.kill(proxy.workers()[0], signal.SIGKILL)
    server.release()
    assert wire.wait_until(lambda: get(port, "/open?k=a").status == 200, 3.0)


def count_passing(port, seconds, clients=4, path="/rate?k=a"):
    """How many of the requests of so many clients, which ask as fast as they can, got 200."""
    end, counts = time.monotonic() + seconds, []

    def ask():
        good = 0
        with Client(port) as client:
            while time.monotonic() < end:
                good += client.get(path).status == 200
        counts.append(good)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def seconds_of_load(few):
    return 60.0 if os.environ.get("WEIR_LONG_TESTS") else few


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_rate_that_is_allowed(workers, server, run_proxy):
    """As many pass as the rate lets, within 2 percent, whatever the number of workers."""
    port = free_port()
    run_proxy("nginx", config_of("nginx", port, server.address, workers=workers, most=5, rate="100r/s"), ports=[port])
    seconds = seconds_of_load(4.0)
    expected = 100 * seconds + 5
    assert 0.98 * expected <= count_passing(port, seconds) <= 1.02 * expected + 1


def test_the_rate_over_reloads(server, run_proxy):
    skip_anchor("weir")
    port = free_port()
    options = {"workers": 2, "most": 5, "rate": "100r/s"}
    proxy = run_proxy("nginx", config_of("nginx", port, server.address, **options), ports=[port])
    seconds = seconds_of_load(6.0)
    counted = []
    load = threading.Thread(target=lambda: counted.append(count_passing(port, seconds)))
    load.start()
    for i in range(20):
        proxy.write_config(config_of("nginx", port, server.address, mark=f"m{i}", **options))
        status, text = proxy.reload()
        assert status == 0, text
        time.sleep(seconds / 40)
    load.join()
    expected = 100 * seconds + 5
    assert 0.98 * expected <= counted[0] <= 1.02 * expected + 1


def test_workers_that_die_under_load_leave_the_table_whole(server, run_proxy, folder):
    skip_anchor("weir")
    port = free_port()
    text = config_of("haproxy", port, server.address, workers=2, most=1000000).replace(
        "global", f"global\n    stats socket {folder}/stats level admin")
    text = text.replace("size 1k store http_req_rate(600s)", "size 50 store http_req_rate(600s),gpc(20)")
    proxy = run_proxy("weir", text, ports=[port], allow=KILLED)
    over = threading.Event()

    def ask(number):
        n = 0
        while not over.is_set():
            try:
                with Client(port) as client:
                    for _ in range(50):
                        n += 1
                        client.get(f"/rate?k={number}-{n % 97}")
            except (OSError, wire.Closed):
                pass

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        time.sleep(0.3)
        os.kill(proxy.workers()[0], signal.SIGKILL)
    over.set()
    for thread in threads:
        thread.join()
    check_whole(folder, "last", port)


MANY = """
global
    stats socket {folder}/stats level admin
defaults
    mode http
    timeout client 30s
frontend f
    bind 127.0.0.1:{port}
    http-request track-sc0 url_param(k) table rate
    http-request return status 200
backend rate
    stick-table type string len 64 size 10k store gpc(60),gpt(40),http_req_rate(10s),conn_cnt
"""


def test_more_keys_than_there_is_room_for(run_proxy, folder):
    """Entries of 1 KB: what comes when all are taken costs no more, and no memory. Ten million of them, and
    HAProxy, too, with WEIR_LONG_TESTS=1."""
    port, block = free_port(), 500
    proxy = run_proxy("haproxy", MANY.format(port=port, folder=folder), ports=[port])
    blocks = (10_000_000 if os.environ.get("WEIR_LONG_TESTS") else 60_000) // block
    times, before = [], None
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for number in range(blocks):
            started = time.monotonic()
            client.sendall("".join(f"GET /?k={number}-{i} HTTP/1.1\r\nHost: t\r\n\r\n" for i in range(block)).encode())
            got, seen = 0, b""
            while got < block:
                data = seen + client.recv(1 << 18)
                got += data.count(b"HTTP/1.1 200")
                seen = data[-len("HTTP/1.1 200") + 1:]
            times.append(time.monotonic() - started)
            if number == 10_500 // block:
                before = proxy.memory_kb()
    filling, full = sorted(times[:20]), sorted(times[25:])
    assert full[len(full) // 2] < 2 * filling[len(filling) // 2]
    assert full[-1] < 1.0
    assert proxy.memory_kb() - before < 4096
    head = runtime_command(folder, "show table rate key 0-0") + runtime_command(folder, "show table")
    assert "key=0-0" not in head
    assert int(head.rsplit("used:", 1)[1].split()[0]) <= 10_240


# Where an entry is in the chain of its key and not in the order of all yet; else anywhere with the lock held.
INSIDE = ["_ZN4weir4zone5Table11link_newestEjj", "_ZN4weir4zone5Table6accessEjjb", "_ZN4weir4zone5Table8new_slotEjl"]


def test_a_worker_dies_inside_an_update(server, run_proxy, folder):
    skip_anchor("weir")
    port = free_port()
    text = config_of("haproxy", port, server.address, workers=2, most=1000000).replace(
        "global", f"global\n    stats socket {folder}/stats level admin")
    text = text.replace("size 1k store http_req_rate(600s)", "size 50 store http_req_rate(600s),gpc(100)")
    proxy = run_proxy("weir", text, ports=[port], allow=[*KILLED, "exited on signal"])
    victim = proxy.workers()[0]
    try:
        inside = Breakpoint(victim, INSIDE)
    except NotThere:
        pytest.skip("the program does not tell where its functions are")
    over = threading.Event()

    def ask(number):
        n = 0
        while not over.is_set():
            n += 1
            try:
                with Client(port) as client:
                    client.get(f"/rate?k={number}-{n % 40}")
            except (OSError, wire.Closed):
                pass

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert inside.wait(10.0)
        time.sleep(0.3)   # the other worker runs into the lock meanwhile
        inside.kill()
        started = time.monotonic()
        assert wire.wait_until(lambda: get(port, "/rate?k=after").status == 200, 5.0)
        assert time.monotonic() - started < 1.0
        time.sleep(0.5)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    check_whole(folder, "after", port)


def check_whole(folder, last, port):
    """The table of 50 has each key once, what it says of itself is true, and it can be used."""
    assert wire.wait_until(lambda: get(port, f"/rate?k={last}").status == 200, 5.0)
    lines = runtime_command(folder, "show table rate").splitlines()
    entries = [line for line in lines if " key=" in line]
    assert f"used:{len(entries)}" in lines[0] and len(entries) <= 50
    assert len({line.split(" key=")[1].split()[0] for line in entries}) == len(entries)
    assert all(" use=0 " in line for line in entries)
    assert any(f" key={last} " in line for line in entries)
    assert runtime_command(folder, "clear table rate").strip() == ""
    assert "used:0" in runtime_command(folder, "show table rate")


def runtime_command(folder, line):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(f"{folder}/stats")
        link.sendall(line.encode() + b"\n")
        return link.makefile().read()


def test_rate_fields(server, run_proxy):
    skip_anchor("nginx", "they are weir's own")
    port = free_port()
    text = config_of("nginx", port, server.address, most=5, rate="6r/m").replace(
        "    server {", "    limit_req_fields on;\n    server {", 1)
    run_proxy("nginx", text, ports=[port])
    seen = [get(port, "/rate?k=a") for _ in range(6)]
    assert [one.status for one in seen] == [200] * 5 + [503]
    assert {one.get("ratelimit-policy") for one in seen} == {'"rate";q=5;w=50'}
    assert [one.get("ratelimit").split(";t=")[0] for one in seen] == [f'"rate";r={left}' for left in [4, 3, 2, 1, 0, 0]]
    assert 47 <= int(seen[5].get("ratelimit").split(";t=")[1]) <= 50
    assert get(port, "/").get("ratelimit") is None


def test_rate_fields_of_a_counter(server, run_proxy):
    skip_anchor("haproxy", "they are weir's own")
    port = free_port()
    text = config_of("haproxy", port, server.address, most=3).replace(
        "    default_backend pool", "    http-after-response rate-limit-fields(0) 3 requests\n    default_backend pool")
    run_proxy("haproxy", text, ports=[port])
    seen = [get(port, "/rate?k=a") for _ in range(4)]
    assert [one.status for one in seen] == [200, 200, 200, 503]
    assert {one.get("ratelimit-policy") for one in seen} == {'"requests";q=3;w=600'}
    assert [one.get("ratelimit").split(";t=")[0] for one in seen] == [f'"requests";r={left}' for left in [2, 1, 0, 0]]
    assert get(port, "/").get("ratelimit") is None


PEERS = """
global
    localpeer {name}
    stats socket {folder}/{name} level admin
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
peers mine
    peer one 127.0.0.1:{one}
    peer two 127.0.0.1:{two}
    table seen type string size 100 expire 1h store http_req_cnt,gpc(2),gpt0
frontend f
    bind 127.0.0.1:{port}
    http-request track-sc0 url_param(k) table mine/seen
    http-request sc-inc-gpc(1,0) if {{ path_beg /gpc }}
    http-request return status 200 hdr X-Count %[sc_http_req_cnt(0)]
"""


@pytest.mark.parametrize("other", ["same", "HAProxy"])
def test_peers_tell_each_other(other, run_proxy, folder):
    ports = {"one": free_port(), "two": free_port()}
    fronts = {name: free_port() for name in ports}
    anchors = []

    def start(name):
        where = folder / f"of-{name}"
        where.mkdir(mode=0o777)
        text = PEERS.format(name=name, folder=folder, port=fronts[name], **ports)
        if name == "two" and other == "HAProxy":
            anchors.append(Proxy(binary.anchor("haproxy"), "haproxy", text, ports=[fronts[name]], folder=where))
            anchors[0].start()
        else:
            run_proxy("haproxy", text, ports=[fronts[name]], folder=where)

    def show(name, command="show table mine/seen"):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(f"{folder}/{name}")
            link.sendall(command.encode() + b"\n")
            return link.makefile().read()
    try:
        tell_each_other(start, show, fronts)
    finally:
        for anchor in anchors:
            anchor.close()


def tell_each_other(start, show, fronts):
    start("one")
    for _ in range(3):
        assert get(fronts["one"], "/gpc?k=a").status == 200
    start("two")
    # What was there before the other one came.
    assert wire.wait_until(lambda: "key=a " in show("two") and "http_req_cnt=3" in show("two"), 8.0)
    assert "gpc0=0 gpc1=3" in show("two")
    # The other way, and on from there.
    assert get(fronts["two"], "/gpc?k=a").get("x-count") == "4"
    get(fronts["two"], "/?k=b")
    assert wire.wait_until(lambda: "http_req_cnt=4" in show("one") and "key=b " in show("one"), 5.0)
    assert "gpc0=0 gpc1=4" in show("one")
    shown = show("one", "show peers mine")
    assert re.search(r"id=mine state=0 .*\n.* id=one\(local\) .*\n.* id=two\(remote\) .* status=ESTA ", shown)
    assert re.search(r" id=\S*seen local_id=1 ", shown)
    assert show("one", "show peers none") == "No such peers\n\n"
