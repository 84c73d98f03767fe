# SPDX-License-Identifier: Apache-2.0
# Tables that all workers share: a limit is the same whatever their number, survives
# reloads, and what a dead worker counted is given back.
import os
import signal
import threading
import time

import pytest

from support import wire
from support.client import Client, get
from support.ports import free_port
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


def test_the_rate_that_is_allowed(server, run_proxy):
    """Two workers under load of four clients: as many pass as the rate lets."""
    port = free_port()
    run_proxy("nginx", config_of("nginx", port, server.address, workers=2, most=5, rate="40r/s"),
              ports=[port])
    seconds, counts = 3.0, []
    end = time.monotonic() + seconds

    def ask():
        good = 0
        with Client(port) as client:
            while time.monotonic() < end:
                good += client.get("/rate?k=a").status == 200
        counts.append(good)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = 40 * seconds + 5
    assert 0.95 * expected <= sum(counts) <= 1.03 * expected + 1
