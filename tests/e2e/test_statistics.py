# SPDX-License-Identifier: Apache-2.0
# The statistics that dashboards read: the same traffic under HAProxy and under weir gives the same
# numbers in every column that both fill.
import csv
import io
import time

from support import binary
from support.client import Client, get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer

CONFIG = """
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 1s
    retries 2
frontend web
    bind 127.0.0.1:{web}
    http-request deny if {{ path /denied }}
    http-response deny if {{ status 418 }}
    use_backend broken if {{ path_beg /broken }}
    use_backend moving if {{ path_beg /moving }}
    default_backend app
frontend numbers
    bind 127.0.0.1:{numbers}
    stats enable
    stats uri /stats
backend app
    server a {a}
    server spare {b} backup
backend broken
    server dead {dead}
backend moving
    option redispatch 1
    balance first
    server dead {dead}
    server alive {b}
"""
# What both count alike; times, bytes and rates differ from run to run.
COLUMNS = """scur stot dreq dresp ereq econ eresp wretr wredis status weight act bck type
    hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other req_tot cli_abrt srv_abrt lbtot
    mode""".split()


def drive(port):
    with Client(port) as client:
        for target in ("/one", "/two", "/missing", "/boom", "/denied"):
            client.get(target)
    get(port, "/secret")
    get(port, "/broken")
    get(port, "/moving")
    get(port, "/slow")
    get(port, "/empty")
    with Client(port) as client:
        client.request("GET /\x01 HTTP/1.1\r\nHost: t\r\n\r\n")


def numbers(program, folder, servers):
    ports = {"web": free_port(), "numbers": free_port()}
    config = CONFIG.format(**ports, **servers)
    with Proxy(program, "haproxy", config, folder=folder, ports=list(ports.values())):
        drive(ports["web"])
        time.sleep(0.3)
        text = get(ports["numbers"], "/stats;csv").body.decode()
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    rows = [row for row in rows if row["pxname"] != "numbers"]
    # How many of them are new depends on when a kept one is back; the sum does not.
    taken = [f"{row['pxname']}/{row['svname']} taken = {int(row['connect']) + int(row['reuse'])}"
             for row in rows if row["connect"]]
    return taken + [f"{row['pxname']}/{row['svname']} {column} = {row[column]}"
                    for row in rows for column in COLUMNS]


def servers_of(run_server):
    app = run_server(HttpServer("a", answers=[
        Answer(match="missing", status=404), Answer(match="boom", status=500), Answer(match="secret", status=418),
        Answer(match="slow", hold=True), Answer(match="empty", drop=True)]))
    return {"a": app.address, "b": run_server(HttpServer("b")).address,
            "dead": f"127.0.0.1:{free_port()}"}


def test_same_numbers_as_haproxy(folder, run_server):
    expected = numbers(binary.anchor("haproxy"), folder, servers_of(run_server))
    got = numbers(binary.subject("haproxy"), folder, servers_of(run_server))
    wrong = [f"{want}, not {have.rpartition(' ')[2] or 'empty'}"
             for want, have in zip(expected, got) if want != have]
    assert len(expected) == len(got) and not wrong, "\n".join(wrong)
