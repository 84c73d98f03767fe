# SPDX-License-Identifier: Apache-2.0
# weir warm: asks for URLs, some at a time, and tells what it found.
import subprocess

import pytest

from support import binary
from support.ports import free_port
from support.servers import Answer, HttpServer

from .setups import skip_anchor

CONFIG = """
events {{ }}
http {{
    proxy_cache_path {folder}/cache keys_zone=one:1m use_temp_path=off;
    server {{
        listen 127.0.0.1:{port};
        add_header X-Cache $upstream_cache_status;
        location / {{ proxy_cache one; proxy_cache_valid 200 1h; proxy_pass http://{server}; }}
    }}
}}
"""


@pytest.fixture
def port(run_server, run_proxy, folder):
    skip_anchor("weir")
    server = run_server(HttpServer("a", answers=[Answer(match="/gone", status=404), Answer(match="/slow", delay=0.3),
                                                 Answer(match="/", body="x" * 1000)]))
    own = free_port()
    run_proxy("nginx", CONFIG.format(folder=folder, port=own, server=server.address), ports=[own])
    return own


def warm(*words, text=""):
    return subprocess.run([str(binary.subject("weir")), "warm", *words], input=text, capture_output=True, text=True,
                          timeout=20, check=False)


def test_what_it_finds(port, folder):
    urls = folder / "urls"
    urls.write_text(f"# pages\n\nhttp://127.0.0.1:{port}/a\n  http://127.0.0.1:{port}/b?c  \n")
    for says in ["MISS", "HIT"]:
        done = warm(str(urls))
        assert done.returncode == 0, done.stderr
        *lines, last = done.stdout.splitlines()
        assert sorted(line.split()[0] for line in lines) == ["200", "200"]
        assert all(" 1000 bytes " in line and f" ms {says} http://127.0.0.1:{port}/" in line for line in lines)
        assert last == "2 asked for, 0 failed, 2000 bytes"


def test_some_at_a_time(port):
    text = "".join(f"http://elsewhere.example/slow/{i}\n" for i in range(6))
    done = warm("-n", "6", "--to", f"127.0.0.1:{port}", "-", text=text)
    assert done.returncode == 0, done.stdout
    times = [int(line.split()[3]) for line in done.stdout.splitlines()[:-1]]
    assert len(times) == 6 and max(times) < 1500


def test_what_fails(port):
    text = f"http://127.0.0.1:{port}/gone\nftp://x/\nhttp://127.0.0.1:1/\n"
    done = warm("-", text=text)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("3 asked for, 3 failed")
    assert any(line.startswith("404 ") for line in lines)
    assert sum(line.startswith("--- ") for line in lines) == 2
    assert warm().returncode != 0 and warm("/no/such/file").returncode == 2
