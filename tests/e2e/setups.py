# SPDX-License-Identifier: Apache-2.0
# One and the same setup in both languages, for tests that are about processes and
# failures rather than about directives: a listener, servers, WebSockets under /ws.
# The mark shows in X-Config, so a test sees which configuration answered.
import pytest

from support import binary

PERSONALITIES = ["nginx", "haproxy", "weir"]

NGINX = """
{main}
events {{ }}
http {{
    access_log {access_log};
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    upstream pool {{ {servers} keepalive 16; {pool} }}
    upstream sockets {{ {sockets} }}
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 10000000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        add_header X-Config {mark};
        location / {{ proxy_pass http://pool; {location} }}
        location /ws {{
            proxy_pass http://sockets;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 120s;
        }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 2
    {main}
defaults
    mode http
    timeout connect 2s
    timeout client 120s
    timeout server 120s
    {defaults}
frontend f
    bind 127.0.0.1:{port}
    acl counted path /count
    http-request return status 200 content-type text/plain lf-string "%[nbsrv(pool)]" if counted
    http-response set-header X-Config {mark}
    use_backend sockets if {{ path_beg /ws }}
    default_backend pool
backend pool
    balance roundrobin
    {pool}
    {servers}
backend sockets
    {sockets}
"""


def make_config(personality, port, servers, *, sockets=None, mark="A", main=None, pool="",
                location="", defaults="", access_log="off", options=""):
    """The setup as text; weir's own personality reads nginx's language here."""
    sockets = sockets or servers[0].address
    addresses = [s if isinstance(s, str) else s.address for s in servers]
    if personality == "haproxy":
        lines = "\n    ".join(f"server s{i} {a} {options}" for i, a in enumerate(addresses))
        return HAPROXY.format(main=main or "", port=port, mark=mark, pool=pool, servers=lines,
                              sockets=f"server w {sockets}", defaults=defaults)
    lines = " ".join(f"server {address} {options};" for address in addresses)
    return NGINX.format(main=main or "worker_processes 2;", port=port, mark=mark, pool=pool,
                        servers=lines, sockets=f"server {sockets};", location=location,
                        access_log=access_log)


def skip_anchor(personality, why=None, only=None):
    """Skip where WEIR_BIN=anchor can't do what weir must: `why` says what."""
    if not binary.subject_is_anchor():
        return
    if personality == "weir":
        pytest.skip("the anchors have no such personality")
    if why and only in (None, personality):
        pytest.skip(f"anchor: {why}")
