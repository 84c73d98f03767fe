# SPDX-License-Identifier: Apache-2.0
# HAProxy's caches in memory: one for all workers, over reloads and deaths; what the runtime socket
# shows and takes out.
import os
import re
import signal
import socket
import time

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import skip_anchor

KILLED = ["exited on signal 9", "killed", "signal 9", "exited with code 137"]
BIG = "0123456789abcdef" * 20000   # 320 KB
CONFIG = """
global
    nbthread {workers}
    stats socket {folder}/stats level admin
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
cache one
    total-max-size {size}
    max-object-size 400000
    max-age 600
listen l
    bind 127.0.0.1:{port}
    http-request cache-use one
    http-response cache-store one
    http-response set-header X-Hit %[res.cache_hit]
    http-response set-header X-Config {mark}
    server a {server}
"""


@pytest.fixture
def server(run_server):
    fresh = ["Cache-Control: max-age=500"]
    return run_server(HttpServer("a", answers=[
        Answer(match="/big", body=BIG, headers=fresh), Answer(match="/held", body="held\n", hold=True, headers=fresh),
        Answer(headers=fresh)]))


class Setup:
    def __init__(self, run_proxy, folder, server, workers=1, size=1, allow=()):
        self.port, self.folder, self.server = free_port(), folder, server
        self.options = {"workers": workers, "size": size, "mark": "A"}
        self.proxy = run_proxy("haproxy", self.config(), ports=[self.port], allow=allow)

    def config(self, **changes):
        return CONFIG.format(port=self.port, folder=self.folder, server=self.server.address,
                             **{**self.options, **changes})

    def hit(self, path="/a", **options):
        answer = get(self.port, path, **options)
        assert answer.status == 200
        return answer.get("x-hit") == "1"

    def reload(self, **changes):
        self.proxy.write_config(self.config(**changes))
        code, text = self.proxy.reload()
        assert code == 0, text
        assert wire.wait_until(lambda: get(self.port, "/mark").get("x-config") == changes["mark"], 3.0)

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(f"{self.folder}/stats")
            link.sendall(line.encode() + b"\n")
            got = b""
            while part := link.recv(65536):
                got += part
        return got.decode()


def test_all_workers_see_one_cache(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, workers=4)
    assert not setup.hit()
    assert all(setup.hit() for _ in range(40))


def test_reloads_keep_what_is_there(server, run_proxy, folder):
    skip_anchor("haproxy", "a reload begins anew")
    setup = Setup(run_proxy, folder, server, workers=2)
    assert not setup.hit()
    for i in range(3):
        setup.reload(mark=f"m{i}")
        assert setup.hit()
    setup.reload(mark="larger", size=2)
    assert not setup.hit() and setup.hit()


def test_large_answers_come_back_whole(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server)
    for i in range(60):   # pieces of small ones lie between
        setup.hit(f"/small/{i}")
    assert not setup.hit("/big")
    for _ in range(3):
        answer = get(setup.port, "/big")
        assert (answer.get("x-hit"), answer.body) == ("1", BIG.encode())
    for path in ["/big/2", "/big/3", "/big/4"]:
        assert not setup.hit(path)
    assert setup.hit("/big/4") and setup.hit("/big/2")
    assert not setup.hit("/big")   # 1 MB holds three of them


def test_a_killed_worker_leaves_its_blocks(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, allow=KILLED)
    skip_anchor("haproxy", "its workers are threads")
    assert not setup.hit("/big") and setup.hit("/big")
    with Client(setup.port) as client, Client(setup.port) as other:
        client.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n")
        other.send("GET /big HTTP/1.1\r\nHost: test\r\n\r\n")   # and does not read it
        time.sleep(0.3)
        os.kill(setup.proxy.workers()[0], signal.SIGKILL)
    server.release()

    def works():
        try:
            return setup.hit("/held") is not None
        except (ConnectionError, TimeoutError, wire.Closed, AssertionError):
            return False
    assert wire.wait_until(works, 8.0)
    assert setup.hit("/held") and setup.hit("/big")
    assert "refcount:1" not in setup.command("show cache")


def test_show_cache(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server)
    setup.hit("/a")
    setup.hit("/big")
    lines = setup.command("show cache").splitlines()
    head = re.fullmatch(r"0x[0-9a-f]+: one \(shctx:0x[0-9a-f]+, available blocks:(\d+)\)", lines[0])
    assert head and head.group(1) == "1024"   # what may be given up counts as free
    entries = [re.fullmatch(r"0x[0-9a-f]+ hash:\d+ vary:0x[0-9a-f]+ size:(\d+) \((\d+) blocks\), refcount:0, "
                            r"expire:(\d+), type:full", line) for line in lines[1:] if line]
    assert len(entries) == 2 and all(entries)
    assert max(int(entry.group(1)) for entry in entries) > len(BIG)
    assert all(490 <= int(entry.group(3)) <= 500 for entry in entries)


def test_clear_cache(server, run_proxy, folder):
    skip_anchor("haproxy", "it has no such command")
    setup = Setup(run_proxy, folder, server)
    paths = ["/a", "/a/b", "/a/c?d", "/b"]
    for path in paths:
        assert not setup.hit(path) and setup.hit(path)
    assert setup.command("clear cache one key test/a") == "1 removed.\n\n"
    assert setup.hit("/a/b") and not setup.hit("/a")
    assert setup.command("clear cache one prefix test/a/") == "2 removed.\n\n"
    assert [setup.hit(path) for path in paths] == [True, False, False, True]
    assert setup.command("clear cache one") == "4 removed.\n\n"
    assert not setup.hit("/b")
    assert setup.command("clear cache none") == "No such cache.\n\n"
    assert "Expected" in setup.command("clear cache one what")


def test_purges_by_rules(run_server, run_proxy, folder):
    skip_anchor("haproxy", "it has no such action")
    port, fresh = free_port(), "Cache-Control: max-age=500"
    tagged = run_server(HttpServer("a", answers=[
        Answer(match="/x", headers=[fresh, "Cache-Tag: red, blue"]), Answer(match="/v", headers=[fresh, "Vary: Origin"]),
        Answer(headers=[fresh])]))
    text = CONFIG.format(port=port, folder=folder, server=tagged.address, workers=2, size=1, mark="A")
    text = text.replace("    http-request cache-use", """\
    http-request cache-purge one if { method PURGE } { req.hdr(X-May) yes }
    http-request deny if { method PURGE }
    http-request cache-use""", 1).replace("    max-age 600", "    max-age 600\n    process-vary on")
    run_proxy("haproxy", text, ports=[port])

    def purge(path, *headers):
        with Client(port) as client:
            client.send("\r\n".join([f"PURGE {path} HTTP/1.1", "Host: test", *headers, "", ""]))
            return client.read_response().status

    def hits(*paths):
        return [get(port, path).get("x-hit") == "1" for path in paths]
    paths = ["/a", "/a/b", "/a/c?d", "/x/1", "/x/2", "/b"]
    assert hits(*paths) == [False] * 6 and hits(*paths) == [True] * 6
    assert purge("/a") == 403 and hits("/a") == [True]
    assert [purge("/a", "X-May: yes"), purge("/a", "X-May: yes")] == [204, 404]
    assert hits(*paths) == [False, True, True, True, True, True]
    assert purge("/a/*", "X-May: yes") == 204
    assert hits(*paths) == [True, False, False, True, True, True]
    assert purge("/", "X-May: yes", "Cache-Tag: green, blue") == 204
    assert hits(*paths) == [True, True, True, False, False, True]
    # All variants of a key go.
    for origin in ("p", "q"):
        assert [get(port, "/v", headers=[f"Origin: {origin}"]).get("x-hit") for _ in range(2)] == ["0", "1"]
    assert purge("/v", "X-May: yes") == 204
    assert [get(port, "/v", headers=[f"Origin: {origin}"]).get("x-hit") for origin in "pq"] == ["0", "0"]


def test_counters_of_show_stat(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server)
    for _ in range(3):
        setup.hit()
    rows = [line.split(",") for line in setup.command("show stat").splitlines() if line]
    lookups, hits = rows[0].index("cache_lookups"), rows[0].index("cache_hits")
    sums = {tuple(row[:2]): (row[lookups], row[hits]) for row in rows[1:]}
    assert ("3", "2") in sums.values()


HINTS_CONFIG = """
global
    stats socket {folder}/stats level admin
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
cache one
    total-max-size 1
    max-age 600
    max-object-size 400000
    early-hints {hints}
frontend f
    bind 127.0.0.1:{port}
    http-request early-hint Link "<%[path].js>; rel=preload" if {{ path_beg /rule }}
    http-request return status 204 if {{ path /rule/own }}
    http-request cache-use one no-early-hints if {{ path_beg /quiet }}
    use_backend b
backend b
    http-request cache-use one unless {{ path_beg /quiet }}
    http-response cache-store one
    server a {server}
"""


def exchange(port, path, version="HTTP/1.1"):
    """Statuses in their order, and the Link fields of the 103."""
    with Client(port) as client:
        client.send(f"GET {path} {version}\r\nHost: test\r\n\r\n")
        answers = client.read_final()
    return [one.status for one in answers], [link for one in answers[:-1] for link in one.all("link")]


@pytest.fixture
def linked(run_server):
    fresh = ["Cache-Control: max-age=1", "Link: </x.css>; rel=preload, </y>; rel=next", "Link: </z>; rel=prefetch"]
    long = ["Cache-Control: max-age=500"] + fresh[1:]
    return run_server(HttpServer("a", answers=[
        Answer(match="/short", headers=fresh), Answer(match="/quiet", headers=fresh),
        Answer(match="/none", headers=fresh[:1]), Answer(match="/big", body=BIG, headers=long), Answer(headers=long)]))


def start_hints(run_proxy, folder, server, hints):
    skip_anchor("haproxy", "newer than 3.4")
    port = free_port()
    run_proxy("haproxy", HINTS_CONFIG.format(folder=folder, port=port, hints=hints, server=server.address), ports=[port])
    return port


HINTED = ([103, 200], ["</x.css>; rel=preload", "</z>; rel=prefetch"])


def test_hints_of_what_expired(linked, run_proxy, folder):
    port = start_hints(run_proxy, folder, linked, "on")
    for path in ["/short", "/quiet", "/none"]:
        assert exchange(port, path) == ([200], [])
    time.sleep(2.1)
    assert exchange(port, "/short", "HTTP/1.0") == ([200], [])
    assert exchange(port, "/quiet") == ([200], [])
    assert exchange(port, "/none") == ([200], [])
    assert exchange(port, "/other") == ([200], [])
    assert exchange(port, "/short") == HINTED
    assert exchange(port, "/short") == ([200], [])   # a new one is kept


def test_hints_of_what_was_given_up(linked, run_proxy, folder):
    port = start_hints(run_proxy, folder, linked, "on ratio 1")
    for i in range(15):
        assert exchange(port, f"/big/{i}") == ([200], [])
    assert exchange(port, "/big/14") == ([200], [])
    assert exchange(port, "/big/0") == ([200], [])       # no room for so many hints
    assert exchange(port, "/big/9") == HINTED
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(f"{folder}/stats")
        link.sendall(b"show cache\n")
        text = link.makefile().read()
    assert (text.count("type:hints"), text.count("type:full")) == (10, 3)


def test_hints_alone_are_kept(linked, run_proxy, folder):
    port = start_hints(run_proxy, folder, linked, "only")
    assert exchange(port, "/big") == ([200], [])
    for _ in range(3):
        assert exchange(port, "/big") == HINTED
    assert exchange(port, "/none") == exchange(port, "/none") == ([200], [])


def test_hints_of_a_rule(linked, run_proxy, folder):
    port = start_hints(run_proxy, folder, linked, "off")
    assert exchange(port, "/rule/a") == ([103, 200], ["</rule/a.js>; rel=preload"])
    assert exchange(port, "/rule/own") == ([103, 204], ["</rule/own.js>; rel=preload"])
    assert exchange(port, "/rule/a", "HTTP/1.0") == ([200], [])
