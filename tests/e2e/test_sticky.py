# SPDX-License-Identifier: Apache-2.0
# sticky of upstreams (nginx since 1.29.3; Debian's does not have it): a client stays where it is, whatever
# worker it meets, over reloads, and while its server is drained.
import re
import time

from support import wire
from support.client import Client
from support.ports import free_port
from support.servers import Answer, HttpServer

CONFIG = """
user root;
worker_processes 2;
events {{ }}
http {{
    upstream cookie {{
        server 127.0.0.1:{a} {a_is};
        server 127.0.0.1:{b};
        sticky cookie id expires=1h path=/ domain=$host httponly secure samesite=$arg_mode;
    }}
    upstream route {{
        server 127.0.0.1:{a} route=a {a_is};
        server 127.0.0.1:{b} route=b;
        sticky route $cookie_where $arg_where;
    }}
    upstream learn {{
        server 127.0.0.1:{a};
        server 127.0.0.1:{b};
        sticky learn create=$upstream_cookie_session lookup=$cookie_session zone=sessions:64k timeout=1h;
    }}
    upstream short {{
        server 127.0.0.1:{a};
        server 127.0.0.1:{b};
        sticky learn create=$arg_session lookup=$arg_session zone=short:64k timeout=1s;
    }}
    server {{
        listen 127.0.0.1:{port};
        location /cookie {{ proxy_pass http://cookie; }}
        location /route {{ proxy_pass http://route; }}
        location /learn {{ proxy_pass http://learn; }}
        location /short {{ proxy_pass http://short; }}
    }}
}}
"""


class World:
    def __init__(self, run_server, run_proxy):
        self.port = free_port()
        self.a, self.b = (run_server(HttpServer(name, answers=[
            Answer(match="begin", headers=["Set-Cookie: session=one", f"X-By: {name}"]),
            Answer(headers=[f"X-By: {name}"])])) for name in "ab")
        self.proxy = run_proxy("nginx", self.config(), ports=[self.port])

    def config(self, a_is=""):
        return CONFIG.format(port=self.port, a=self.a.port, b=self.b.port, a_is=a_is)

    def reload(self, **options):
        self.proxy.write_config(self.config(**options))
        status, text = self.proxy.reload()
        assert status == 0, text

    def ask(self, path, cookie=None):
        """On a connection of its own: any worker may get it."""
        with Client(self.port) as client:
            line = f"Cookie: {cookie}\r\n" if cookie else ""
            client.send(f"GET {path} HTTP/1.1\r\nHost: here\r\n{line}Connection: close\r\n\r\n")
            return wire.read_response(client.reader, "GET")

    def served(self, path, cookie=None, times=6):
        return {self.ask(path, cookie).get("x-by") for _ in range(times)}


def test_a_cookie_names_the_server(run_server, run_proxy):
    world = World(run_server, run_proxy)
    first = world.ask("/cookie?mode=lax")
    field = first.get("set-cookie")
    name = re.fullmatch(r"id=([0-9a-f]{32}); expires=\w{3}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT; max-age=3600; "
                        r"domain=here; path=/; secure; httponly; samesite=lax", field)
    assert name, field
    assert world.served("/cookie", f"id={name[1]}") == {first.get("x-by")}
    assert "samesite" not in world.ask("/cookie").get("set-cookie")
    assert world.ask("/cookie?mode=odd").get("set-cookie").endswith("; samesite=strict")
    assert world.served("/cookie", "id=unknown", 12) == {"a", "b"}


def test_routes_and_drained_servers(run_server, run_proxy):
    world = World(run_server, run_proxy)
    assert world.ask("/route").get("set-cookie") is None
    assert world.served("/route?where=a") == {"a"}
    assert world.served("/route?where=a", "where=b") == {"b"}
    assert world.served("/route?where=c", times=12) == {"a", "b"}
    world.reload(a_is="drain")
    assert world.served("/route?where=a") == {"a"}
    assert world.served("/route") == {"b"}
    world.reload(a_is="down")
    assert world.served("/route?where=a") == {"b"}


def test_sessions_are_learned_by_all_workers(run_server, run_proxy):
    world = World(run_server, run_proxy)
    server = world.ask("/learn/begin").get("x-by")
    assert world.served("/learn", "session=one", 12) == {server}
    world.reload()
    assert world.served("/learn", "session=one", 12) == {server}
    assert world.served("/learn", "session=two", 12) == {"a", "b"}


def test_sessions_expire(run_server, run_proxy):
    world = World(run_server, run_proxy)
    seen = set()
    for _ in range(8):     # forgotten after a second, it takes its turn
        first = world.ask("/short?session=x").get("x-by")
        assert world.served("/short?session=x", times=3) == {first}
        seen.add(first)
        if len(seen) == 2:
            return
        time.sleep(1.2)
    raise AssertionError("the session was never forgotten")
