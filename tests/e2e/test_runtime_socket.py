# SPDX-License-Identifier: Apache-2.0
# The runtime socket: what HAProxy answers to a command, weir answers, and what a command sets is what
# requests meet, through reloads and beside other workers.
import re
import socket
import time

import pytest

from support.client import get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer

from .haproxy_socket import ask, head, program_of

CONFIG = """
frontend web
    bind 127.0.0.1:{web}
    default_backend app
backend app
    server a {a}
    server b {b} weight 10
    server off {b} disabled
backend other
    server a {a} backup
"""


@pytest.fixture
def setup(folder, run_server):
    a = run_server(HttpServer("a", answers=[Answer(body="a")]))
    b = run_server(HttpServer("b", answers=[Answer(body="b")]))

    def make(which, level="admin"):
        web = free_port()
        path = f"{folder}/{which}.sock"
        config = head(path, level) + CONFIG.format(web=web, a=a.address, b=b.address)
        return path, web, Proxy(program_of(which), "haproxy", config, folder=folder, ports=[web])
    return make


# Commands whose answers must be equal, in this order: some change what later ones see.
COMMANDS = [
    "show backend", "set server app/b state drain", "set server app/zz state drain", "set server zz/b state drain",
    "set server app/b state zz", "set server app/b weight 300", "set server app/b weight 50%", "get weight app/b",
    "get weight app/zz", "set weight app/b 7", "get weight app/b", "disable server app/a", "enable server app/a",
    "enable server app", "disable server", "set maxconn server app/a 10", "show cli level", "clear counters",
    "clear counters all", "show servers state zz", "set server app/a health down", "operator",
]


def test_answers_are_haproxys(setup):
    answers = []
    for which in ("anchor", "weir"):
        path, _, proxy = setup(which)
        with proxy:
            answers.append({command: ask(path, command) for command in COMMANDS})
    assert answers[1] == answers[0]


def states(path, which="app"):
    """Server to (operational state, administrative state, weight)."""
    lines = ask(path, f"show servers state {which}").splitlines()
    names = lines[1].lstrip("# ").split()
    rows = [dict(zip(names, line.split())) for line in lines[2:] if line]
    return {row["srv_name"]: (row["srv_op_state"], row["srv_admin_state"], row["srv_uweight"]) for row in rows}


def test_states_are_those_of_haproxy(setup):
    seen = []
    for which in ("anchor", "weir"):
        path, _, proxy = setup(which)
        with proxy:
            ask(path, "set server app/b state drain;set server app/a state maint;set weight app/b 7")
            seen.append(states(path))
    assert seen[1] == seen[0]


def test_maintenance_reaches_all_workers_and_outlives_a_reload(setup):
    path, web, proxy = setup("weir")
    with proxy:
        ask(path, "disable server app/b")
        assert {get(web, "/").body for _ in range(40)} == {b"a"}
        proxy.reload()
        assert {get(web, "/").body for _ in range(40)} == {b"a"}
        ask(path, "enable server app/b;disable server app/a")
        assert {get(web, "/").body for _ in range(40)} == {b"b"}


def test_statistics_count_and_clear(setup):
    path, web, proxy = setup("weir")
    with proxy:
        for _ in range(6):
            get(web, "/")
        rows = ask(path, "show stat web 1 -1").splitlines()
        names = rows[0].lstrip("# ").split(",")
        assert dict(zip(names, rows[1].split(",")))["req_tot"] == "6"
        assert re.search(r"^CumReq: 6$", ask(path, "show info"), re.M)
        ask(path, "clear counters all")
        assert dict(zip(names, ask(path, "show stat web 1 -1").splitlines()[1].split(",")))["req_tot"] == "0"


def test_levels_and_unknown_commands(setup):
    path, _, proxy = setup("weir", level="operator")
    with proxy:
        assert ask(path, "set weight app/a 1") == "Permission denied\n\n"
        assert ask(path, "nonsense").startswith("Unknown command")
        assert "show stat" in ask(path, "help")


def test_one_connection_many_commands(setup):
    path, _, proxy = setup("weir")
    with proxy:
        assert ask(path, "show cli level;show version").count("\n\n") == 2
        got = ask(path, "prompt", "show cli level", "quit")
        assert got.startswith("\n> ") and "admin\n\n> " in got
        # Lines without an end, and peers that leave early, harm nobody.
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(path))
            silent.sendall(b"x" * 20000)
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as gone:
            gone.connect(str(path))
            gone.sendall(b"show stat\n")
        assert ask(path, "show cli level") == "admin\n\n"


def test_typed_values_are_those_of_haproxy(setup):
    """Column to what sort of value it is, in the rows of each kind."""
    seen = []
    for which in ("anchor", "weir"):
        path, web, proxy = setup(which)
        with proxy:
            get(web, "/")
            lines = ask(path, "show stat typed").strip().splitlines()
        found = {}
        for line in lines:
            place, tags, kind, _ = line.split(":", 3)
            letter, proxy_id, number, position, name, process = place.split(".")
            assert process == "1" and proxy_id.isdigit() and number.isdigit() and position.isdigit()
            # 2.6 does not say what is persistent.
            found[letter, name] = tags[:3], kind
        seen.append(found)
    anchor, weir = seen
    assert {name for _, name in weir} >= {"pxname", "status", "scur", "bin", "hrsp_2xx", "h1_spliced_bytes_in"}
    assert {key: value for key, value in weir.items() if key in anchor} == \
        {key: value for key, value in anchor.items() if key in weir}


def test_bytes_that_went_by_the_kernel_are_counted(setup, run_server):
    path, web, proxy = setup("weir")
    large = "x" * 1000000
    big = run_server(HttpServer("big", answers=[Answer(body=large)]))
    port = free_port()
    proxy.write_config(proxy.config_path.read_text() + f"listen big\n    bind 127.0.0.1:{port}\n    server one {big.address}\n")
    with proxy:
        assert get(port, "/").body == large.encode()
        typed = ask(path, "show stat typed")

    def value(letter, name):
        number = re.search(rf"^{letter}\.(\d+)\.0\.0\.pxname\.1:KNSV:str:big$", typed, re.M).group(1)
        return int(re.search(rf"^{letter}\.{number}\.0\.\d+\.h1_spliced_bytes_{name}\.1:MCPV:u64:(\d+)$", typed, re.M).group(1))
    assert value("F", "in") == 0 and 500000 < value("F", "out") <= len(large)
    assert 500000 < value("B", "in") <= len(large) and value("B", "out") == 0
