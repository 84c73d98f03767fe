# SPDX-License-Identifier: Apache-2.0
"""What is measured: for each case the requests, what has to come back, and the same proxy set up in
both languages: one worker, logs off, server connections kept alive, otherwise the defaults. The
"tuned" cases give both anchors the best settings found for them. weir gets exactly the same two
texts."""

import subprocess
from dataclasses import dataclass, field
from typing import Callable, Optional

SMALL = 1024
BIG = 1 << 20
JSON = 32768
JSON_KINDS = 4096   # that differ
POOLS = 10
CLIENTS = 100_000   # distinct addresses of the limits
IDLE_CONNECTIONS = 5000
IDLE_TLS_CONNECTIONS = 2000
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
BROTLI_MODULE = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"


@dataclass(frozen=True)
class Request:
    """The bytes to send, and the back-end port (by index) that has to answer."""

    text: bytes
    backend: int = 0
    body: bytes = b""

    @property
    def bytes(self):
        return self.text + self.body


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    limit: float  # of weir's cost, as a share of the better anchor's (idle: KB)
    kind: str = "traffic"  # traffic | idle | check
    unit: str = "request"  # what the CPU is counted per
    connections: int = 50
    close: bool = False
    size: int = SMALL
    tls: bool = False
    resumed: bool = False  # each connection resumes the session of one before
    coding: str = ""  # what the answer is compressed by
    streams: int = 0  # HTTP/2 from the client, with so many requests at one time on a connection
    grpc: bool = False  # the server is a gRPC server, each request a unary call
    requests: tuple = ()
    compared: int = 0  # so many of the requests are compared byte by byte before; 0: all
    nginx: Optional[Callable] = None  # (port, back-end ports) -> configuration text
    haproxy: Optional[Callable] = None
    floor: Optional[str] = None  # how the bare relay moves bytes, where it can do the case
    lacks: dict = field(default_factory=dict)  # language -> why it has no such case


def get(path, backend=0, close=False, coding=""):
    last = "Connection: close\r\n" if close else ""
    last += f"Accept-Encoding: {coding}\r\n" if coding else ""
    head = (
        f"GET {path} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: weir-bench/1\r\n"
        f"Accept: */*\r\nAccept-Language: en\r\nCookie: session=0123456789abcdef\r\n{last}\r\n"
    )
    return Request(head.encode(), backend)


def from_many_clients(path):
    """One request for each address; the tables are keyed by a field, as one machine has one address."""
    return tuple(
        Request((f"GET {path} HTTP/1.1\r\nHost: bench.example\r\nX-Client: 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\r\n"
                 "User-Agent: weir-bench/1\r\nAccept: */*\r\n\r\n").encode())
        for i in range(CLIENTS))


def post(path, size):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: weir-bench/1\r\n"
        f"Accept: */*\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
    )
    return Request(head.encode(), body=bytes(i * 31 % 251 for i in range(size)))


# The path has an ending for the server, which takes its answers from files.
CALL = "/bench.Echo/Unary.grpc"
CALL_SIZE = 128


def grpc_message(size):
    """One uncompressed message of gRPC: a flag, the length, the bytes."""
    return b"\0" + (size - 5).to_bytes(4, "big") + bytes(i % 251 for i in range(size - 5))


def call():
    head = f"POST {CALL} HTTP/2\r\nContent-Type: application/grpc\r\nTE: trailers\r\n\r\n"
    return Request(head.encode(), body=grpc_message(CALL_SIZE))


# ---- nginx's language ----

NGINX_HEAD = """\
worker_processes 1;
pid nginx.pid;
events { worker_connections 16384; }
"""

NGINX_FORWARD = """\
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
"""

# For large bodies: hand on what came at once, in larger pieces.
NGINX_TUNED = """\
        proxy_buffering off;
        proxy_buffer_size 64k;
        proxy_buffers 4 64k;
        proxy_busy_buffers_size 64k;
"""


def nginx_upstream(name, port):
    return (
        f"    upstream {name} {{\n        server 127.0.0.1:{port};\n        keepalive 64;\n"
        "        keepalive_requests 1000000;\n    }\n"
    )


def nginx_site(port, upstreams, inside):
    return (
        NGINX_HEAD + "http {\n    access_log off;\n    keepalive_requests 1000000;\n" + upstreams
        + f"    server {{\n        listen 127.0.0.1:{port};\n        server_name bench.example;\n"
        + inside + "    }\n}\n"
    )


def nginx_http(port, servers, settings=""):
    inside = settings + "        location / {\n            proxy_pass http://app;\n" + NGINX_FORWARD
    return nginx_site(port, nginx_upstream("app", servers[0]), inside + "        }\n")


def nginx_http2(port, servers):
    # As many kept connections to the server as there are streams.
    text = nginx_http(port, servers).replace("keepalive 64;", "keepalive 512;")
    return text.replace(f":{port};", f":{port} http2;")


def nginx_grpc(port, servers):
    inside = "        location / {\n            grpc_pass grpc://app;\n        }\n"
    text = nginx_site(port, nginx_upstream("app", servers[0]), inside)
    return text.replace("keepalive 64;", "keepalive 512;").replace(f":{port};", f":{port} http2;")


# Certificates with their keys, made for each run (make_certificates).
CERTIFICATES = {}


def make_certificates(folder):
    for name, kind in (("rsa", ["rsa:2048"]),
                       ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])):
        path = folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-keyout", path,
                        "-out", path.with_suffix(".crt"), "-days", "2", "-subj",
                        "/CN=bench.example"], check=True, capture_output=True)
        path.write_bytes(path.with_suffix(".crt").read_bytes() + path.read_bytes())
        path.chmod(0o644)
        CERTIFICATES[name] = path


def nginx_tls(key):
    def make(port, servers):
        path = CERTIFICATES[key]
        return nginx_http(port, servers).replace(
            f":{port};", f":{port} ssl;\n        ssl_certificate {path};\n"
            # 1.22 speaks no TLS 1.3 by default; the others do.
            f"        ssl_certificate_key {path};\n        ssl_protocols TLSv1.2 TLSv1.3;")

    return make


def nginx_http_tuned(port, servers):
    return nginx_http(port, servers, NGINX_TUNED)


def nginx_cache(port, servers):
    zone = "    proxy_cache_path cache levels=1:2 keys_zone=one:1m use_temp_path=off;\n"
    use = "        sendfile on;\n        proxy_cache one;\n        proxy_cache_valid any 1h;\n"
    inside = use + "        location / {\n            proxy_pass http://app;\n" + NGINX_FORWARD
    return nginx_site(port, zone + nginx_upstream("app", servers[0]), inside + "        }\n")


def nginx_limited(port, servers):
    return nginx_http(port, servers, "        limit_req zone=clients burst=1000 nodelay;\n").replace(
        "    access_log off;\n",
        "    access_log off;\n    limit_req_zone $http_x_client zone=clients:32m rate=1000r/s;\n", 1)


def nginx_compressed(settings, module=""):
    load = f"load_module {module};\n" if module else ""
    return lambda port, servers: load + nginx_http(port, servers, settings)


def nginx_routes(port, servers):
    upstreams = "".join(nginx_upstream(f"app{i}", servers[i]) for i in range(POOLS))
    inside = ""
    for match, pool in [("/", 0)] + [(f"/app{i}/", pool) for i, pool in prefixes()]:
        inside += f"        location {match} {{\n            proxy_pass http://app{pool};\n"
        inside += NGINX_FORWARD + "        }\n"
    for regex, pool, _ in regexes():
        inside += f"        location ~ {regex} {{\n            proxy_pass http://app{pool};\n"
        inside += NGINX_FORWARD + "        }\n"
    return nginx_site(port, upstreams, inside)


def nginx_stream(port, servers, settings=""):
    return (
        f"load_module {STREAM_MODULE};\n" + NGINX_HEAD + "stream {\n"
        f"    upstream app {{\n        server 127.0.0.1:{servers[0]};\n    }}\n"
        f"    server {{\n        listen 127.0.0.1:{port};\n        proxy_pass app;\n{settings}"
        "    }\n}\n"
    )


def nginx_stream_tuned(port, servers):
    return nginx_stream(port, servers, "        proxy_buffer_size 256k;\n")


def nginx_many_servers(port, servers):
    text = NGINX_HEAD + "http {\n    access_log off;\n    server_names_hash_max_size 65536;\n"
    for pool in range(100):
        text += nginx_upstream(f"app{pool}", servers[pool % POOLS])
    for site in range(10000):
        text += (
            f"    server {{\n        listen 127.0.0.1:{port};\n"
            f"        server_name site{site}.example www.site{site}.example;\n"
            "        client_max_body_size 8m;\n"
            f"        location / {{\n            proxy_pass http://app{site % 100};\n"
            f"{NGINX_FORWARD}"
            "        }\n        location = /health {\n            return 204;\n        }\n    }\n"
        )
    return text + "}\n"


# ---- HAProxy's language ----

HAPROXY_HEAD = """\
global
    nbthread 1
    maxconn 6000
{tuning}
defaults
    mode {mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""

HAPROXY_HTTP = "    option forwardfor\n    http-reuse always\n"

# splice-auto of 2.6 hardly ever splices such answers; splice-response always does. Measured.
HAPROXY_SPLICE = "    option splice-response\n"


def haproxy_site(port, mode, settings, rules, pools, tuning=""):
    text = HAPROXY_HEAD.format(mode=mode, tuning=tuning) + settings
    text += f"\nfrontend web\n    bind 127.0.0.1:{port}\n{rules}"
    for name, server in pools:
        text += f"\nbackend {name}\n    server s1 127.0.0.1:{server}\n"
    return text


def haproxy_one(mode, settings, tuning=""):
    def make(port, servers):
        rules = "    default_backend app\n"
        return haproxy_site(port, mode, settings, rules, [("app", servers[0])], tuning)

    return make


haproxy_http = haproxy_one("http", HAPROXY_HTTP)
haproxy_http_tuned = haproxy_one("http", HAPROXY_HTTP + HAPROXY_SPLICE,
                                 "    tune.bufsize 65536\n    tune.pipesize 262144\n")
haproxy_tcp = haproxy_one("tcp", "")
haproxy_tcp_tuned = haproxy_one("tcp", HAPROXY_SPLICE, "    tune.pipesize 262144\n")


def haproxy_grpc(port, servers):
    return haproxy_http(port, servers).replace(f"127.0.0.1:{servers[0]}", f"127.0.0.1:{servers[0]} proto h2")


def haproxy_tls(key):
    def make(port, servers):
        return haproxy_http(port, servers).replace(
            f"bind 127.0.0.1:{port}", f"bind 127.0.0.1:{port} ssl crt {CERTIFICATES[key]}")

    return make


def haproxy_cache(port, servers):
    rules = ("    http-request cache-use one\n    http-response set-header Cache-Control max-age=3600\n"
             "    http-response cache-store one\n    default_backend app\n")
    return (haproxy_site(port, "http", HAPROXY_HTTP, rules, [("app", servers[0])])
            + "\ncache one\n    total-max-size 16\n    max-age 3600\n")


def haproxy_tracked(port, servers):
    rules = ("    stick-table type ip size 200k expire 10m store http_req_rate(10s)\n"
             "    http-request track-sc0 hdr_ip(x-client)\n"
             "    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000 }\n    default_backend app\n")
    return haproxy_site(port, "http", HAPROXY_HTTP, rules, [("app", servers[0])])


def haproxy_compressed(level):
    return haproxy_one("http", HAPROXY_HTTP + "    compression algo gzip\n    compression type application/json\n",
                       f"    tune.comp.maxlevel {level}\n")


def haproxy_routes(port, servers):
    rules = "".join(
        f"    use_backend app{pool} if {{ path_reg {regex} }}\n" for regex, pool, _ in regexes()
    )
    rules += "".join(
        f"    use_backend app{pool} if {{ path_beg /app{i}/ }}\n" for i, pool in prefixes()
    )
    pools = [(f"app{i}", servers[i]) for i in range(POOLS)]
    return haproxy_site(port, "http", HAPROXY_HTTP, rules + "    default_backend app0\n", pools)


def haproxy_many_backends(port, servers):
    pools = [(f"site{i}.example", servers[i % POOLS]) for i in range(33000)]
    rules = "    use_backend %[req.hdr(host)]\n    default_backend site0.example\n"
    return haproxy_site(port, "http", HAPROXY_HTTP, rules, pools)


# ---- routes: 100 prefixes and 20 regexes over 10 pools ----


def prefixes():
    return [(i, i % POOLS) for i in range(100)]


def regexes():
    """(regex, pool, a path that matches it and none before it)"""
    shapes = [
        (r"^/v{n}/users/[0-9]+/(profile|orders)$", "/v{n}/users/4711/orders"),
        (r"^/media{n}/.+\.(jpg|png|webp)$", "/media{n}/2026/01/picture.webp"),
        (r"^/(en|de|fr)/shop{n}/[a-z0-9-]+$", "/fr/shop{n}/blue-widget-12"),
        (r"^/api{n}/v[0-9]+/items/[0-9a-f]+/", "/api{n}/v2/items/0badcafe/parts"),
    ]
    return [
        (regex.replace("{n}", str(n)), (n * 3 + 1) % POOLS, path.replace("{n}", str(n)))
        for n in range(5)
        for regex, path in shapes
    ]


def route_requests():
    return tuple(
        [get(f"/app{i}/index.html", pool) for i, pool in prefixes()]
        + [get(path, pool) for _, pool, path in regexes()]
    )


NEW_BODIES = tuple(get(f"/json?{kind}", coding="gzip") for kind in range(JSON_KINDS))
MANY_CLIENTS = from_many_clients("/1k")

CASES = [
    Case("keepalive", "keep-alive, 1 KB", 1.0, requests=(get("/1k"),), nginx=nginx_http,
         haproxy=haproxy_http, floor="copy"),
    Case("post", "POST 4 KB", 1.0, requests=(post("/post", 4096),), nginx=nginx_http,
         haproxy=haproxy_http, floor="copy"),
    Case("connection", "connection per request", 1.0, close=True,
         requests=(get("/1k", close=True),), nginx=nginx_http, haproxy=haproxy_http),
    Case("body", "1 MB bodies", 0.8, unit="MB", connections=8, size=BIG, requests=(get("/big"),),
         nginx=nginx_http, haproxy=haproxy_http, floor="splice"),
    Case("body-tuned", "1 MB bodies, tuned", 1.0, unit="MB", connections=8, size=BIG,
         requests=(get("/big"),), nginx=nginx_http_tuned, haproxy=haproxy_http_tuned,
         floor="splice"),
    Case("routes", "100 routes + 20 regexes", 1.0, requests=route_requests(), nginx=nginx_routes,
         haproxy=haproxy_routes),
    Case("l4-keepalive", "L4 keep-alive, 1 KB", 1.0, requests=(get("/1k"),), nginx=nginx_stream,
         haproxy=haproxy_tcp, floor="copy"),
    Case("l4-connection", "L4 connection per request", 1.0, close=True,
         requests=(get("/1k", close=True),), nginx=nginx_stream, haproxy=haproxy_tcp, floor="copy"),
    Case("l4-body", "L4 1 MB", 0.8, unit="MB", connections=8, size=BIG, requests=(get("/big"),),
         nginx=nginx_stream, haproxy=haproxy_tcp, floor="splice"),
    Case("l4-body-tuned", "L4 1 MB, tuned", 1.0, unit="MB", connections=8, size=BIG,
         requests=(get("/big"),), nginx=nginx_stream_tuned, haproxy=haproxy_tcp_tuned,
         floor="splice"),
    Case("h2", "HTTP/2, 32 streams, 1 KB", 1.0, connections=8, streams=32, requests=(get("/1k"),),
         nginx=nginx_http2, haproxy=haproxy_http),
    Case("h2-body", "HTTP/2, 1 MB bodies", 1.0, unit="MB", connections=8, streams=4, size=BIG,
         requests=(get("/big"),), nginx=nginx_http2, haproxy=haproxy_http),
    Case("grpc", "gRPC, unary calls", 1.0, connections=8, streams=32, size=CALL_SIZE, grpc=True,
         requests=(call(),), nginx=nginx_grpc, haproxy=haproxy_grpc),
    Case("tls", "TLS keep-alive, 1 KB", 1.0, tls=True, requests=(get("/1k"),),
         nginx=nginx_tls("ec"), haproxy=haproxy_tls("ec")),
    Case("tls-rsa", "TLS handshake, RSA 2048", 1.0, tls=True, connections=16, close=True,
         requests=(get("/1k", close=True),), nginx=nginx_tls("rsa"), haproxy=haproxy_tls("rsa")),
    Case("tls-ec", "TLS handshake, P-256", 1.0, tls=True, connections=16, close=True,
         requests=(get("/1k", close=True),), nginx=nginx_tls("ec"), haproxy=haproxy_tls("ec")),
    Case("tls-resumed", "TLS handshake, resumed", 1.0, tls=True, resumed=True, connections=16,
         close=True, requests=(get("/1k", close=True),), nginx=nginx_tls("ec"),
         haproxy=haproxy_tls("ec")),
    Case("tls-body", "TLS, 1 MB bodies", 1.0, tls=True, unit="MB", connections=8, size=BIG,
         requests=(get("/big"),), nginx=nginx_tls("ec"), haproxy=haproxy_tls("ec")),
    Case("tls-idle", f"{IDLE_TLS_CONNECTIONS} idle TLS connections", 16.0, tls=True, kind="idle",
         unit="connection", connections=IDLE_TLS_CONNECTIONS, requests=(get("/1k"),),
         nginx=nginx_tls("ec"), haproxy=haproxy_tls("ec")),
    Case("cache", "cache hits, 1 KB", 1.0, requests=(get("/1k"),), nginx=nginx_cache,
         haproxy=haproxy_cache),
    Case("cache-body", "cache hits, 1 MB", 1.0, unit="MB", connections=8, size=BIG,
         requests=(get("/big"),), nginx=nginx_cache,
         lacks={"haproxy": "it keeps no file of 1 MB by default"}),
    Case("limit-req", "limit_req, 100,000 addresses", 1.0, requests=MANY_CLIENTS, compared=200,
         nginx=nginx_limited, lacks={"haproxy": "a case of nginx's language"}),
    Case("track-sc0", "track-sc0, 100,000 addresses", 1.0, requests=MANY_CLIENTS, compared=200,
         haproxy=haproxy_tracked, lacks={"nginx": "a case of HAProxy's language"}),
    Case("gzip-1", "gzip level 1, 32 KB JSON", 0.5, connections=16, size=JSON, coding="gzip",
         requests=(get("/json", coding="gzip"),), haproxy=haproxy_compressed(1),
         nginx=nginx_compressed("        gzip on;\n        gzip_types application/json;\n")),
    Case("gzip-1-new", "gzip level 1, each body new", 1.0, connections=16, size=JSON, coding="gzip",
         requests=NEW_BODIES, compared=20, haproxy=haproxy_compressed(1),
         nginx=nginx_compressed("        gzip on;\n        gzip_types application/json;\n")),
    Case("gzip-6", "gzip level 6, 32 KB JSON", 1.0, connections=16, size=JSON, coding="gzip",
         requests=(get("/json", coding="gzip"),),
         nginx=nginx_compressed("        gzip on;\n        gzip_comp_level 6;\n        gzip_types application/json;\n"),
         lacks={"haproxy": "Debian's HAProxy has no levels"}),
    Case("brotli", "brotli level 4, 32 KB JSON", 1.0, connections=16, size=JSON, coding="br",
         requests=(get("/json", coding="br"),),
         nginx=nginx_compressed("        brotli on;\n        brotli_comp_level 4;\n        brotli_types application/json;\n",
                                BROTLI_MODULE),
         lacks={"haproxy": "it has no brotli"}),
    Case("idle", f"{IDLE_CONNECTIONS} idle connections", 1.0, kind="idle", unit="connection",
         connections=IDLE_CONNECTIONS, requests=(get("/1k"),), nginx=nginx_http,
         haproxy=haproxy_http),
    Case("nginx-test", "test 10,000 nginx servers", 0.6, kind="check", unit="test",
         nginx=nginx_many_servers, lacks={"haproxy": "a case of nginx's language"}),
    Case("haproxy-test", "test 33,000 HAProxy backends", 0.6, kind="check", unit="test",
         haproxy=haproxy_many_backends, lacks={"nginx": "a case of HAProxy's language"}),
]
