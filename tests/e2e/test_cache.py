# SPDX-License-Identifier: Apache-2.0
# The cache under faults, reloads and with several workers: the answer always goes out, a file is
# whole or not looked at, and all workers see one index.
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import skip_anchor

KILLED = ["exited on signal 9", "killed", "signal 9", "exited with code 137"]
CONFIG = """
worker_processes {workers};
error_log stderr notice;
events {{ }}
http {{
    proxy_cache_path {folder} levels=1:2 keys_zone=one:1m use_temp_path=off {path};
    server {{
        listen 127.0.0.1:{port};
        add_header X-Cache $upstream_cache_status always;
        add_header X-Config {mark};
        proxy_cache one;
        proxy_cache_valid any 1h;
        {inside}
        location / {{ proxy_pass http://{server}; }}
    }}
}}
"""
BIG = "0123456789abcdef" * 65536   # 1 MB


@pytest.fixture
def server(run_server):
    return run_server(HttpServer("a", answers=[
        Answer(match="/big", body=BIG), Answer(match="/held", body="held\n", hold=True)]))


class Setup:
    def __init__(self, run_proxy, folder, server, personality="nginx", workers=1, **options):
        self.port, self.folder, self.server = free_port(), folder / options.pop("place", "cache"), server
        self.options = {"workers": workers, "mark": "A", "path": "", "inside": "", **options}
        self.allow = self.options.pop("allow", ())
        self.proxy = run_proxy(personality, self.config(), ports=[self.port], allow=self.allow)

    def config(self, **changes):
        return CONFIG.format(port=self.port, folder=changes.pop("folder", self.folder),
                             server=self.server.address, **{**self.options, **changes})

    def get(self, path="/a", **options):
        return get(self.port, path, **options)

    def status(self, path="/a"):
        return self.get(path).get("x-cache")

    def files(self):
        return sorted(p for p in self.folder.rglob("*") if p.is_file())

    def reload(self, **changes):
        self.proxy.write_config(self.config(**changes))
        code, text = self.proxy.reload()
        assert code == 0, text
        assert wire.wait_until(lambda: self.get("/mark").get("x-config") == changes["mark"], 3.0)


def test_all_workers_see_one_cache(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, workers=4)
    assert setup.status() == "MISS"
    assert {setup.status() for _ in range(40)} == {"HIT"}


def test_reloads_keep_the_index(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, workers=2)
    assert setup.status() == "MISS"
    for i in range(3):
        setup.reload(mark=f"m{i}")
        assert setup.status() == "HIT"


def test_a_restart_finds_the_files(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server)
    assert setup.status() == "MISS"
    setup.proxy.close()
    setup.proxy.start()
    assert setup.status() == "HIT"


def test_files_lie_where_nginx_puts_them(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, inside="proxy_cache_key $uri;")
    setup.get("/a")
    digest = hashlib.md5(b"/a").hexdigest()
    place = setup.folder / digest[-1] / digest[-3:-1] / digest
    assert wire.wait_until(lambda: setup.files() == [place], 2.0)


@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "head", "zeros", "text"])
def test_damaged_files_are_misses(damage, server, run_proxy, folder):
    skip_anchor("nginx", "it serves some of them")
    setup = Setup(run_proxy, folder, server, allow=["cache file"])
    good = setup.get("/a")
    assert wire.wait_until(lambda: len(setup.files()) == 1, 2.0)
    file = setup.files()[0]
    data = file.read_bytes()
    changed = {"cut": data[:-1], "empty": b"", "longer": data + b"x", "zeros": bytes(len(data)),
               "head": data[:60] + bytes([data[60] ^ 1]) + data[61:], "text": b"hello\n"}[damage]
    file.write_bytes(changed)
    again = setup.get("/a")
    assert (again.status, again.body) == (200, good.body)
    assert again.get("x-cache") == "MISS"
    assert setup.get("/a").get("x-cache") == "HIT"
    assert "cache file" in setup.proxy.output()


def test_files_are_looked_at_each_time(server, run_proxy, folder):
    """A short file that is asked for often is kept in memory, and yet what happens to it shows at once."""
    setup = Setup(run_proxy, folder, server)
    setup.get("/a")
    assert wire.wait_until(lambda: len(setup.files()) == 1, 2.0)
    file = setup.files()[0]
    time.sleep(0.1)   # from then on it is old enough
    for _ in range(5):
        again = setup.get("/a")
        assert (again.get("x-cache"), again.body) == ("HIT", b"a GET /a\n"), again
    data = file.read_bytes()
    file.write_bytes(data[:-2] + b"b\n")
    assert [setup.get("/a").body for _ in range(2)] == [b"a GET /b\n"] * 2
    file.unlink()
    again = setup.get("/a")
    assert (again.get("x-cache"), again.body) == ("MISS", b"a GET /a\n")


def test_a_killed_worker_leaves_no_half_file(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, allow=KILLED, inside="proxy_cache_lock on;")
    with Client(setup.port) as client:
        client.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n")
        time.sleep(0.3)
        os.kill(setup.proxy.workers()[0], signal.SIGKILL)
    server.release()
    assert wire.wait_until(lambda: _status(setup, "/held") == "MISS", 8.0)
    assert setup.status("/held") == "HIT"


def _status(setup, path):
    try:
        return setup.status(path)
    except (ConnectionError, TimeoutError, wire.Closed):
        return None


def test_a_folder_that_cannot_be_written(server, run_proxy, folder):
    skip_anchor("nginx", "it does not start")
    (folder / "file").write_text("no folder")
    setup = Setup(run_proxy, folder, server, allow=["cannot be kept"])
    setup.reload(mark="B", folder=str(folder / "file" / "cache"))
    for _ in range(2):
        answer = setup.get("/b")
        assert (answer.status, answer.get("x-cache")) == (200, "MISS")
    assert "cannot be kept" in setup.proxy.output()


def test_a_full_disk(server, run_proxy, folder):
    skip_anchor("nginx", "it cuts the answer off")
    place = folder / "cache"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "none", str(place)],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        setup = Setup(run_proxy, folder, server, allow=["cannot be kept", "No space left"])
        for _ in range(2):
            answer = setup.get("/big")
            assert answer.status == 200 and answer.body == BIG.encode()
            assert answer.get("x-cache") == "MISS"
        assert wire.wait_until(lambda: not setup.files(), 2.0)
        assert setup.status("/small") == "MISS" and setup.status("/small") == "HIT"
        assert "No space left" in setup.proxy.output()
        setup.proxy.close()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_disk_that_turns_read_only(server, run_proxy, folder):
    skip_anchor("nginx", "it cuts the answer off")
    place = folder / "cache"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        setup = Setup(run_proxy, folder, server, allow=["cannot be kept", "Read-only"])
        assert setup.status("/kept") == "MISS"
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        assert [setup.status("/kept"), setup.status("/new"), setup.status("/new")] == ["HIT", "MISS", "MISS"]
        assert "Read-only file system" in setup.proxy.output()
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        assert [setup.status("/new"), setup.status("/new")] == ["MISS", "HIT"]
        setup.proxy.close()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


class Slow(Setup):
    """One worker, and a location without the cache: whoever blocks the worker shows there."""

    def __init__(self, run_proxy, folder, server):
        skip_anchor("nginx", "its worker waits for the disk")
        plain = f"location /plain {{ proxy_cache off; proxy_pass http://{server.address}; }}"
        super().__init__(run_proxy, folder, server, inside=plain, allow=["too long"], place="disk")
        self.answers = []

    def ask(self, *paths):
        def one(path):
            started = time.monotonic()
            answer = self.get(path)
            self.answers.append((answer.status, answer.get("x-cache"), len(answer.body), time.monotonic() - started))
        threads = [threading.Thread(target=one, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        return threads

    def slowest_of_others(self, seconds=None, threads=()):
        """How long the slowest of requests took that ask for nothing on the disk."""
        end, slowest = time.monotonic() + (seconds or 60), 0.0
        while time.monotonic() < end and (seconds or any(thread.is_alive() for thread in threads)):
            started = time.monotonic()
            assert self.get("/plain").status == 200
            slowest = max(slowest, time.monotonic() - started)
        return slowest


def test_a_slow_disk(server, run_proxy, folder, slow_disk):
    setup = Slow(run_proxy, folder, server)
    slow_disk.delay = 0.01
    for wanted in ("MISS", "HIT", "HIT"):
        threads = setup.ask("/big")
        assert setup.slowest_of_others(threads=threads) < 0.25
        assert setup.answers.pop()[:3] == (200, wanted, len(BIG))
    slow_disk.delay = 0.0
    assert setup.get("/big").body == BIG.encode()
    setup.proxy.close()


def test_a_disk_that_does_not_answer(server, run_proxy, folder, slow_disk):
    setup = Slow(run_proxy, folder, server)
    assert [setup.status("/kept"), setup.status("/kept")] == ["MISS", "HIT"]
    slow_disk.hold()
    threads = setup.ask("/kept", "/new/1", "/new/2", "/big/1", "/big/2", "/kept")
    assert setup.slowest_of_others(seconds=2.0) < 0.25
    for thread in threads:
        thread.join()
    # They had their answers from the server.
    assert slow_disk.waiting
    assert {status for status, *_ in setup.answers} == {200}
    assert max(took for *_, took in setup.answers) < 1.9
    started = time.monotonic()
    assert [setup.status("/kept"), setup.status("/new/1")] == ["BYPASS", "BYPASS"]
    assert time.monotonic() - started < 0.25
    setup.reload(mark="B")
    slow_disk.release()
    assert wire.wait_until(lambda: setup.status("/kept") == "HIT", 5.0)
    assert setup.status("/new/3") == "MISS" and setup.status("/new/3") == "HIT"
    assert wire.wait_until(lambda: not any(name.endswith(".new") for name in slow_disk.files()), 5.0)
    setup.proxy.close()


def test_the_client_leaves_and_the_answer_is_kept(server, run_proxy, folder):
    skip_anchor("nginx", "it wants a client until the head went out")
    setup = Setup(run_proxy, folder, server)
    with Client(setup.port) as client:
        client.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n")
        time.sleep(0.2)
    server.release()
    assert wire.wait_until(lambda: len(setup.files()) == 1, 3.0)
    assert setup.status("/held") == "HIT"


def test_one_of_many_asks(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, workers=2, inside="proxy_cache_lock on;")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(setup.get("/held").get("x-cache")))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    server.release()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["HIT"] * 11 + ["MISS"]


def test_what_nobody_asks_for_goes(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, path="inactive=1s")
    setup.get("/a")
    assert wire.wait_until(lambda: len(setup.files()) == 1, 2.0)
    skip_anchor("nginx", "its manager comes by every ten seconds")
    assert wire.wait_until(lambda: not setup.files(), 6.0)
    assert setup.status() == "MISS"


def test_too_much_goes(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server, path="max_size=2500k")
    for i in range(5):
        setup.get(f"/big/{i}")
    skip_anchor("nginx", "its manager comes by every ten seconds")
    assert wire.wait_until(lambda: len(setup.files()) == 2, 6.0)
    assert setup.status("/big/4") == "HIT"
    assert setup.status("/big/0") == "MISS"


def test_large_answers_come_back_whole(server, run_proxy, folder):
    setup = Setup(run_proxy, folder, server)
    for wanted in ("MISS", "HIT", "HIT"):
        answer = setup.get("/big")
        assert answer.body == BIG.encode() and answer.get("x-cache") == wanted
    part = setup.get("/big", headers=["Range: bytes=1000000-1000009"])
    assert (part.status, len(part.body)) in [(206, 10), (200, len(BIG))]


def test_a_test_run_makes_no_folder(server, folder):
    skip_anchor("weir")
    from support import binary
    config = folder / "t.conf"
    config.write_text(CONFIG.format(port=free_port(), folder=folder / "none", server=server.address,
                                    workers=1, mark="A", path="", inside=""))
    done = subprocess.run([binary.subject("nginx"), "-t", "-c", str(config), "-p", str(folder)],
                          capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    assert not Path(folder / "none").exists()


PURGING = """
        proxy_cache_key $uri;
        proxy_cache_purge $purges;
        location /guarded {{ limit_except GET {{ deny all; }} proxy_pass http://{server}; }}
        location /status {{ cache_status; }}
"""


@pytest.fixture
def tagged(run_server):
    return run_server(HttpServer("a", answers=[
        Answer(match="/x/", headers=["Cache-Tag: red, blue"]), Answer(match="/y/", headers=["Surrogate-Key: blue green"]),
        Answer(match="/v", headers=["Vary: X-V"]), Answer()]))


class Purging(Setup):
    def __init__(self, run_proxy, folder, server, **options):
        skip_anchor("nginx", "only its commercial version purges")
        super().__init__(run_proxy, folder, server, inside=PURGING.format(server=server.address), **options)

    def config(self, **changes):
        return super().config(**changes).replace(
            "    server {", "    map $request_method $purges { PURGE 1; default 0; }\n    server {", 1)

    def purge(self, path, *headers):
        with Client(self.port) as client:
            client.send("\r\n".join([f"PURGE {path} HTTP/1.1", "Host: test", *headers, "", ""]))
            return client.read_response().status

    def statuses(self, *paths):
        return [self.status(path) for path in paths]


def test_purge_of_one_key(tagged, run_proxy, folder):
    setup = Purging(run_proxy, folder, tagged, workers=2)
    assert setup.statuses("/a", "/a", "/b") == ["MISS", "HIT", "MISS"]
    assert setup.purge("/a") == 204
    assert setup.purge("/a") == 404
    assert len(setup.files()) == 1
    assert setup.statuses("/a", "/a", "/b") == ["MISS", "HIT", "HIT"]


def test_purge_of_variants(tagged, run_proxy, folder):
    setup = Purging(run_proxy, folder, tagged)

    def ask(value):
        return setup.get("/v", headers=[f"X-V: {value}"]).get("x-cache")
    assert [ask(value) for value in "1221"] == ["MISS", "MISS", "HIT", "HIT"]
    assert setup.purge("/v") == 204
    assert [ask(value) for value in "2112"] == ["MISS", "MISS", "HIT", "HIT"]


def test_purge_of_keys_that_begin_so(tagged, run_proxy, folder):
    setup = Purging(run_proxy, folder, tagged, workers=2, allow=["purged"])
    paths = ["/n/1", "/n/2", "/m/1"]
    assert setup.statuses(*paths) == ["MISS"] * 3
    assert setup.purge("/n/*") == 204
    assert setup.statuses(*paths) == ["MISS", "MISS", "HIT"]
    assert setup.statuses(*paths) == ["HIT"] * 3
    assert setup.purge("/*") == 204
    assert wire.wait_until(lambda: not setup.files(), 5.0)
    assert setup.statuses(*paths) == ["MISS"] * 3


def test_purge_by_tags(tagged, run_proxy, folder):
    setup = Purging(run_proxy, folder, tagged)
    paths = ["/x/1", "/x/2", "/y/1", "/z"]
    setup.statuses(*paths)
    assert setup.purge("/", "Cache-Tag: green") == 204
    assert setup.statuses(*paths) == ["HIT", "HIT", "MISS", "HIT"]
    assert setup.purge("/", "Surrogate-Key: red none") == 204
    assert setup.statuses(*paths) == ["MISS", "MISS", "HIT", "HIT"]
    assert setup.purge("/", "Cache-Tag: blue") == 204
    assert setup.statuses(*paths) == ["MISS", "MISS", "MISS", "HIT"]


def test_purges_are_guarded(tagged, run_proxy, folder):
    setup = Purging(run_proxy, folder, tagged, allow=["access forbidden"])
    assert setup.statuses("/guarded/a", "/guarded/a") == ["MISS", "HIT"]
    assert setup.purge("/guarded/a") == 403
    assert setup.status("/guarded/a") == "HIT"


def test_numbers_of_a_cache(tagged, run_proxy, folder):
    setup = Purging(run_proxy, folder, tagged, workers=2)
    assert setup.statuses("/a", "/a", "/a", "/b") == ["MISS", "HIT", "HIT", "MISS"]

    def numbers():
        answer = setup.get("/status")
        assert answer.get("content-type") == "application/json"
        return json.loads(answer.body)["one"]
    assert wire.wait_until(lambda: numbers()["entries"] == 2, 4.0)
    seen = numbers()
    assert (seen["hit"], seen["miss"], seen["stale"]) == ({"responses": 2}, {"responses": 2}, {"responses": 0})
    assert seen["hit_ratio"] == 0.5 and not seen["cold"]
    assert seen["size"] == sum(path.stat().st_size for path in setup.files())
    assert seen["bytes_from_cache"] == seen["bytes_from_servers"] > 0
