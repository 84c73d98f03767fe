# SPDX-License-Identifier: Apache-2.0
# Early data of TLS 1.3 (RFC 8446 section 2.3) with openssl s_client: it is answered before the handshake
# is over, is told apart, and is not taken where nothing allows it.
import re
import subprocess

import pytest

from support import binary, certificates
from support.ports import free_port
from support.proxy import Proxy

NGINX = """
events {{}}
http {{
    access_log off;
    ssl_certificate {here}/good.pem;
    ssl_certificate_key {here}/good.key;
    ssl_protocols TLSv1.3;
    {allow}
    server {{
        listen 127.0.0.1:{port} ssl;
        location / {{ return 200 "early=$ssl_early_data\\n"; }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} ssl crt {here}/good.both.pem alpn http/1.1 ssl-min-ver TLSv1.3 {allow}
    http-request wait-for-handshake if {{ path /wait }}
    http-request return status 200 content-type text/plain lf-string "early=%[ssl_fc_has_early] was=%[ssl_fc_early_rcvd] mark=%[req.hdr(early-data)]\\n" if {{ path /wait }}
    http-request deny deny_status 425 if {{ path /late }} {{ ssl_fc_has_early }}
    http-request return status 200 content-type text/plain lf-string "early=%[ssl_fc_has_early]\\n"
"""
ALLOW = {"nginx": "ssl_early_data on;", "haproxy": "allow-0rtt"}


def ask(folder, port, path="/", early=True):
    """What the second connection of a client gets, and what s_client says about its early data."""
    session, request = folder / "session", folder / "request"
    request.write_text(f"GET {path} HTTP/1.1\r\nHost: good.example\r\nConnection: close\r\n\r\n")
    common = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "good.example", "-tls1_3",
              "-alpn", "http/1.1"]
    first = subprocess.run([*common, "-ign_eof", "-sess_out", session], input=request.read_text(), capture_output=True,
                           text=True, timeout=10, check=False)
    assert session.exists(), first.stdout
    more = ["-early_data", request] if early else []
    done = subprocess.run([*common, "-sess_in", session, *more, "-ign_eof"], input="" if early else request.read_text(),
                          capture_output=True, text=True, timeout=10, check=False)
    verdict = re.search(r"Early data was ([a-z ]+)", done.stdout)
    return done.stdout, verdict and verdict.group(1)


@pytest.fixture(params=["nginx", "haproxy"])
def language(request):
    return request.param


def run(folder, language, allow):
    port = free_port()
    config = (HAPROXY if language == "haproxy" else NGINX).format(
        port=port, here=certificates.folder(), allow=ALLOW[language] if allow else "")
    proxy = Proxy(binary.subject(language), language, config, folder=folder, ports=[port])
    proxy.port = port
    return proxy


def test_it_is_answered(folder, language):
    with run(folder, language, allow=True) as proxy:
        answer, verdict = ask(folder, proxy.port)
        assert verdict == "accepted"
        assert "early=1" in answer
        answer, verdict = ask(folder, proxy.port, early=False)
        assert verdict == "not sent"
        assert "early=1" not in answer


def test_it_is_not_taken_unasked(folder, language):
    with run(folder, language, allow=False) as proxy:
        _, verdict = ask(folder, proxy.port, early=False)
        assert verdict == "not sent"


def test_rules_wait_or_refuse(folder):
    with run(folder, "haproxy", allow=True) as proxy:
        answer, verdict = ask(folder, proxy.port, "/wait")
        assert verdict == "accepted"
        assert "early=0 was=1" in answer
        answer, _ = ask(folder, proxy.port, "/late")
        assert "425" in answer
