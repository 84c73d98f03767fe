# SPDX-License-Identifier: Apache-2.0
# The clients people have, over TLS: curl with its own certificate, openssl's s_client and s_time,
# nghttp and h2load, and Debian's nginx and HAProxy as clients of weir. Chromium: test_seeds.py, gRPC:
# test_grpc.py.
import re
import subprocess

import pytest

from support import binary, certificates
from support.client import get
from support.ports import free_port
from support.proxy import Proxy
from support.servers import HttpServer

LANGUAGES = ["nginx", "haproxy"]
BIG = 300_000
NGINX = """
worker_processes 2;
events {{}}
http {{
    access_log off;
    http2 on;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {here}/good.pem;
        ssl_certificate_key {here}/good.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:one:1m;
        ssl_client_certificate {here}/ca.pem;
        ssl_verify_client optional;
        location / {{ proxy_pass http://{target}; }}
        location /me {{
            return 200 "$ssl_protocol $server_protocol $ssl_client_verify $ssl_client_s_dn $ssl_server_name\\n";
        }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} ssl crt {here}/good.both.pem alpn h2,http/1.1 ca-file {here}/ca.pem verify optional
    http-request set-var(txn.seen) str(NONE) if !{{ ssl_c_used }}
    http-request set-var(txn.seen) str(SUCCESS) if {{ ssl_c_used }} {{ ssl_c_verify 0 }}
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_protocol] HTTP/%[req.ver] %[var(txn.seen)] %{{+Q}}[ssl_c_s_dn] %[ssl_fc_sni]\\n" if {{ path /me }}
    default_backend b
backend b
    server a {target}
"""


@pytest.fixture(params=LANGUAGES)
def site(request, run_proxy, run_server):
    port, server = free_port(), run_server(HttpServer("a"))
    text = {"nginx": NGINX, "haproxy": HAPROXY}[request.param]
    run_proxy(request.param, text.format(port=port, target=server.address, here=certificates.folder()),
              ports=[port], allow=["SSL"])
    return port


def run(*words, text="", status=0):
    done = subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == status, done
    return done.stdout


def curl(port, path, *words):
    return run("curl", "-sS", "-m", "10", "--cacert", certificates.path("ca.pem"), "--resolve",
               f"good.example:{port}:127.0.0.1", *words, f"https://good.example:{port}{path}")


@pytest.mark.parametrize("http", ["1.1", "2"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_curl_with_and_without_a_certificate(site, http, tls):
    how = [f"--http{http}", f"--tlsv{tls}", "--tls-max", tls]
    said = curl(site, "/me", *how).split()
    assert said[:3] == [f"TLSv{tls}", "HTTP/2.0" if http == "2" else "HTTP/1.1", "NONE"]
    assert said[-1] == "good.example"
    own = ["--cert", certificates.path("client.pem"), "--key", certificates.path("client.key")]
    said = curl(site, "/me", *how, *own)
    assert "SUCCESS" in said and "client" in said


def s_client(port, *words, ask="GET /me HTTP/1.0\r\nHost: good.example\r\n\r\n", status=0):
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "good.example",
               "-CAfile", certificates.path("ca.pem"), "-ign_eof", *words, text=ask, status=status)


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_s_client(site, version):
    said = s_client(site, f"-{version}", "-verify_return_error", "-alpn", "http/1.1")
    assert "Verify return code: 0 (ok)" in said
    assert "ALPN protocol: http/1.1" in said
    assert version.replace("tls1_", "TLSv1.") + " HTTP/1.0 NONE" in said


def test_s_client_resumes(site, tmp_path):
    kept = tmp_path / "session"
    s_client(site, "-tls1_3", "-sess_out", kept)
    assert "Reused, TLSv1.3" in s_client(site, "-tls1_3", "-sess_in", kept)


@pytest.mark.parametrize("how", ["-new", "-reuse"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_time(site, how, version):
    said = run("openssl", "s_time", "-connect", f"127.0.0.1:{site}", "-www", "/me", "-time", "1", how, version)
    counts = re.findall(r"(\d+) connections in \d+ real seconds, (\d+) bytes read per connection", said)
    assert counts and int(counts[-1][0]) > 10 and int(counts[-1][1]) > 50, said


def test_nghttp(site):
    said = run("nghttp", "-v", "-H", ":authority: good.example", f"https://127.0.0.1:{site}/me")
    assert "The negotiated protocol: h2" in said and ":status: 200" in said
    assert "HTTP/2.0 NONE" in said


@pytest.mark.parametrize("path", ["/me", "/big"])
def test_h2load(site, run_server, path):
    said = run("h2load", "-n", "400", "-c", "4", "-m", "16", f"https://127.0.0.1:{site}{path}")
    assert "400 succeeded, 0 failed, 0 errored" in said
    assert "Application protocol: h2" in said


# -- the anchors before weir ------------------------------------------------------------

NGINX_CLIENT = """
worker_processes 1;
events {{ }}
http {{
    access_log off;
    upstream weir {{ server 127.0.0.1:{target}; keepalive 4; }}
    upstream own {{ server 127.0.0.1:{target}; }}
    proxy_set_header Host good.example;
    proxy_ssl_verify on;
    proxy_ssl_name good.example;
    proxy_ssl_server_name on;
    proxy_ssl_trusted_certificate {here}/ca.pem;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_http_version 1.1;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass https://weir;
            proxy_set_header Host good.example;
            proxy_set_header Connection "";
        }}
        location /own/ {{
            proxy_pass https://own/;
            proxy_ssl_certificate {here}/client.pem;
            proxy_ssl_certificate_key {here}/client.key;
        }}
    }}
}}
"""
HAPROXY_CLIENT = """
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
    http-request set-header Host good.example
    use_backend own if {{ path_beg /own/ }}
    default_backend plain
backend plain
    server w 127.0.0.1:{target} ssl verify required ca-file {here}/ca.pem sni str(good.example) alpn {alpn}
backend own
    http-request replace-path /own(/.*) \\1
    server w 127.0.0.1:{target} ssl verify required ca-file {here}/ca.pem sni str(good.example) alpn {alpn} crt {here}/client.both.pem
"""


@pytest.mark.parametrize("before, alpn", [("nginx", "http/1.1"), ("haproxy", "http/1.1"), ("haproxy", "h2")])
def test_anchors_as_clients(site, before, alpn):
    port = free_port()
    text = {"nginx": NGINX_CLIENT, "haproxy": HAPROXY_CLIENT}[before]
    with Proxy(binary.anchor(before), before,
               text.format(port=port, target=site, here=certificates.folder(), alpn=alpn), ports=[port]):
        version = "HTTP/2.0" if alpn == "h2" else "HTTP/1.1"
        for _ in range(5):
            said = get(port, "/me").body.decode().split()
            assert said[:3] == ["TLSv1.3", version, "NONE"] and said[-1] == "good.example"
        assert b"SUCCESS" in get(port, "/own/me").body
        body = bytes(i % 251 for i in range(BIG))
        done = subprocess.run(["curl", "-sS", "-m", "10", "--data-binary", "@-", "-o", "/dev/null", "-w", "%{http_code}",
                               f"http://127.0.0.1:{port}/echo"], input=body, capture_output=True, check=False)
        assert done.stdout == b"200", done
