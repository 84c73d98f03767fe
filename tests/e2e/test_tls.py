# SPDX-License-Identifier: Apache-2.0
# TLS to clients with real clients: curl, openssl s_client, Python. What the differential cases cannot
# show: several workers, reloads, slow and hostile handshakes, what an idle connection costs.
import concurrent.futures
import os
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from support import binary, certificates, client_tls, proc, wire
from support.client import Client
from support.ports import free_port
from support.servers import HttpServer

from .setups import skip_anchor

LANGUAGES = ["nginx", "haproxy"]
NGINX = """
worker_processes {workers};
error_log error.log info;
events {{}}
http {{
    access_log off;
    client_header_timeout {timeout};
    ssl_certificate {here}/{kind}.pem;
    ssl_certificate_key {here}/{kind}.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:one:1m;
    server {{
        listen 127.0.0.1:{port} ssl {options};
        {server}
        location / {{ proxy_pass http://{target}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
        location /me {{ return 200 "$ssl_protocol $ssl_session_reused $pid $remote_addr\\n"; }}
    }}
}}
"""
HAPROXY = """
global
    nbthread {workers}
defaults
    mode http
    timeout connect 5s
    timeout client {timeout}
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} ssl crt {here}/{kind}.both.pem {options}
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_protocol] %[ssl_fc_is_resumed] %pid %[src]\\n" if {{ path /me }}
    {server}
    default_backend b
backend b
    server a {target}
"""


def config(language, port, target="127.0.0.1:1", *, workers=1, kind="good", options="", server="", timeout="5s"):
    text = HAPROXY if language == "haproxy" else NGINX
    return text.format(port=port, target=target, workers=workers, kind=kind, options=options, server=server,
                       timeout=timeout, here=certificates.folder())


def connect(port, spec=None, resumption=None):
    resumption = resumption or client_tls.Resumption()
    return Client(port, secure=lambda sock: resumption.wrap(sock, spec or {}))


def ask(port, spec=None, resumption=None, path="/me"):
    """One request; the words of the answer."""
    resumption = resumption or client_tls.Resumption()
    with connect(port, spec, resumption) as client:
        answer = client.get(path)
        resumption.keep(client.sock, spec or {})
        return answer.body.decode().split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_curl(language, run_proxy, run_server):
    port, server = free_port(), run_server(HttpServer("a"))
    run_proxy(language, config(language, port, server.address), ports=[port])
    for words in (["--tlsv1.3"], ["--tls-max", "1.2"]):
        done = subprocess.run(
            ["curl", "-sS", "--http1.1", "--cacert", certificates.path("ca.pem"), *words, "--resolve",
             f"good.example:{port}:127.0.0.1", f"https://good.example:{port}/x", "-o", "/dev/null",
             "-w", "%{http_code} %{ssl_verify_result} %{num_connects}",
             f"https://good.example:{port}/y", "-o", "/dev/null"],
            capture_output=True, text=True, timeout=20, check=False)
        assert done.stdout == "200 0 1200 0 0", done


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_bodies_both_ways(language, version, run_proxy, run_server):
    port, server = free_port(), run_server(HttpServer("a"))
    run_proxy(language, config(language, port, server.address), ports=[port])
    with connect(port, {"max": version}) as client:
        for size in (0, 1, 16383, 16384, 16385, 300000):
            body = bytes(i % 251 for i in range(size))
            client.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % size + body)
            answer = client.read_final("POST")[-1]
            assert answer.status == 200
            got = [a.message for a in server.recorder.since(0) if a.message][-1]
            assert got.body == body


def ask_often(port, times):
    for _ in range(times):
        ask(port, {}, client_tls.Resumption())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_tickets_hold_in_every_worker_and_over_a_reload(language, version, run_proxy):
    skip_anchor(language, "HAProxy's and nginx's own keys end with a reload")
    port = free_port()
    proxy = run_proxy(language, config(language, port, workers=2), ports=[port])
    resumption, spec = client_tls.Resumption(), {"min": version, "max": version, "resume": "a"}
    reused = {"nginx": "r", "haproxy": "1"}[language]
    ask(port, spec, resumption)
    for round_ in range(2):
        seen = set()
        # Idle workers are woken in order: without others at work the first one would answer all.
        with concurrent.futures.ThreadPoolExecutor(8) as others:
            busy = [others.submit(ask_often, port, 60) for _ in range(8)]
            while len(seen) < 2 and not all(one.done() for one in busy):
                answer = ask(port, spec, resumption)
                assert answer[1] == reused, (round_, answer)
                seen.add(answer[2])
        assert len(seen) == 2, "only one worker answered"
        if round_ == 0:
            status, text = proxy.reload()
            assert status == 0, text
            time.sleep(0.3)


@pytest.mark.parametrize("language, options, count", [
    ("nginx", "", 1), ("nginx", "ssl_conf_command NumTickets 3;", 3), ("nginx", "ssl_session_tickets off;", 1),
    ("haproxy", "", 1)])
def test_a_handshake_gives_one_ticket(language, options, count, run_proxy):
    skip_anchor(language, "OpenSSL's own number is two")
    port = free_port()
    run_proxy(language, config(language, port, server=options), ports=[port])
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-ign_eof"],
                          input="GET /me HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", capture_output=True,
                          text=True, timeout=20, check=False)
    assert "HTTP/1.1 200" in done.stdout, done
    assert done.stdout.count("New Session Ticket arrived") == count


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_of_each_type(language, run_proxy, folder):
    """RSA beside ECDSA: the client's ciphers decide."""
    key, made, both = (Path(folder) / f"rsa.{end}" for end in ("key", "pem", "both.pem"))
    certificates.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa", "-days", "3",
                         "-addext", "subjectAltName=DNS:good.example", "-keyout", key, "-out", made)
    both.write_text(made.read_text() + key.read_text())
    port = free_port()
    more = (f"ssl_certificate {certificates.path('good.pem')}; ssl_certificate_key {certificates.path('good.key')}; "
            f"ssl_certificate {made}; ssl_certificate_key {key};")
    run_proxy(language, config(language, port, options=f"crt {both}" if language == "haproxy" else "",
                               server="" if language == "haproxy" else more), ports=[port])
    for kind in ("ECDSA", "RSA"):
        with connect(port, {"max": "TLSv1.2", "ciphers": f"ECDHE-{kind}-AES128-GCM-SHA256", "sni": "good.example",
                            "verify": False}) as client:
            assert client.get("/me").status == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reload_shows_the_new_certificate(language, run_proxy):
    port = free_port()
    proxy = run_proxy(language, config(language, port), ports=[port])

    def shown():
        with connect(port) as client:
            return client_tls.describe(client.sock).split(", ")[1]

    assert shown() == "certificate good"
    proxy.write_config(config(language, port, kind="other"))
    assert proxy.reload()[0] == 0
    assert wire.wait_until(lambda: shown() == "certificate other", 5.0)


@pytest.mark.parametrize("inherits", ["on", "off"])
def test_a_reload_goes_by_the_time_of_certificate_files(inherits, run_proxy, folder):
    """ssl_object_cache_inheritable: what was written behind its back shows only where it is off."""
    port, here = free_port(), certificates.folder()
    for ending in ("pem", "key"):
        (Path(folder) / f"good.{ending}").write_bytes((here / f"good.{ending}").read_bytes())
    text = f"ssl_object_cache_inheritable {inherits};\n" + config("nginx", port).replace(f"{here}/", f"{folder}/")
    proxy = run_proxy("nginx", text, ports=[port])

    def shown():
        with connect(port, {"verify": False}) as client:
            return subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"], capture_output=True,
                                  input=client.sock.getpeercert(True), check=True).stdout.split()[-1].decode()

    def rewrite(name, keep_time):
        for ending in ("pem", "key"):
            path = Path(folder) / f"good.{ending}"
            old = path.stat()
            path.write_bytes((here / f"{name}.{ending}").read_bytes())
            os.utime(path, (old.st_atime, old.st_mtime if keep_time else old.st_mtime + 10))
        assert proxy.reload()[0] == 0

    assert shown() == "good"
    rewrite("other", True)
    assert shown() == ("good" if inherits == "on" else "other")
    rewrite("expired", False)
    assert shown() == "expired"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_session_of_a_site_without_certificate_opens_no_other(language, run_proxy):
    """CVE-2025-23419: what is resumed has met the rules of the site that is asked for."""
    if language == "haproxy":
        pytest.skip("the site is the frontend there: tls_client_certificates.toml")
    port = free_port()
    extra = (f"listen 127.0.0.1:{port} ssl; server_name secret.test; ssl_verify_client on; "
             f"ssl_client_certificate {certificates.folder()}/ca.pem; return 200 in; ")
    text = config(language, port, server="server_name open.test;").replace(
        "\n    server {", f"\n    server {{ {extra} }}\n    server {{", 1)
    run_proxy(language, text, ports=[port])
    for version in ("TLSv1.2", "TLSv1.3"):
        resumption = client_tls.Resumption()
        spec = {"min": version, "max": version, "resume": "a", "sni": "open.test"}
        with connect(port, spec, resumption) as client:
            assert client.get("/me", host="open.test").status == 200
            resumption.keep(client.sock, spec)
        spec["sni"] = "secret.test"
        with connect(port, spec, resumption) as client:
            assert client.get("/", host="secret.test").status == 400
            assert not client.sock.session_reused


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("first", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_half_a_handshake_ends_in_time(language, first, run_proxy):
    port = free_port()
    run_proxy(language, config(language, port, timeout="1s"), ports=[port])
    begun = time.monotonic()
    with Client(port) as client:
        client.send(first)
        assert client.is_closed(5.0)
    assert 0.7 < time.monotonic() - begun < 3.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_slow_handshakes_disturb_nobody(language, run_proxy):
    port = free_port()
    run_proxy(language, config(language, port), ports=[port])
    idle = [Client(port) for _ in range(50)]
    for client in idle:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    begun = time.monotonic()
    for _ in range(5):
        assert ask(port)[0] == "TLSv1.3"
    assert time.monotonic() - begun < 3.0
    for client in idle:
        client.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("junk", [b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x80\x2e\x01\x00\x02" + b"\0" * 60,
                                  b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", bytes(range(256)) * 40])
def test_what_is_no_hello_ends_the_connection(language, junk, run_proxy):
    port = free_port()
    run_proxy(language, config(language, port), ports=[port])
    with Client(port) as client:
        client.send(junk)
        assert client.is_closed(3.0)
    assert ask(port)[0] == "TLSv1.3"


@pytest.mark.parametrize("language", LANGUAGES)
def test_renegotiation_is_refused(language, run_proxy):
    port = free_port()
    run_proxy(language, config(language, port), ports=[port])
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-legacy_renegotiation"],
                          input="R\nGET /me HTTP/1.1\r\n\r\n", capture_output=True, text=True, timeout=10, check=False)
    assert "RENEGOTIATING" in done.stdout + done.stderr
    assert "TLSv1.2 " not in done.stdout.split("RENEGOTIATING")[-1]
    assert ask(port)[0] == "TLSv1.3"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_proxy_header_stands_before_the_handshake(language, run_proxy):
    port = free_port()
    options = "accept-proxy" if language == "haproxy" else "proxy_protocol"
    server = "" if language == "haproxy" else "set_real_ip_from 127.0.0.0/8; real_ip_header proxy_protocol;"
    if language == "nginx":
        server = ""
    run_proxy(language, config(language, port, options=options, server=server), ports=[port])
    sock = socket.create_connection(("127.0.0.1", port), 10)
    sock.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n")
    secure = client_tls.context_of({}).wrap_socket(sock)
    secure.sendall(b"GET /me HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
    answer = wire.read_response(wire.Reader(secure), "GET")
    assert answer.status == 200
    if language == "haproxy":
        assert answer.body.split()[-1] == b"192.0.2.7"
    secure.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_ocsp_response_in_a_file_is_stapled(language, run_proxy, folder):
    here, response = certificates.folder(), Path(folder) / "good.ocsp"
    index = Path(folder) / "index.txt"
    serial = certificates.openssl("x509", "-in", here / "good.pem", "-noout", "-serial").strip().split("=")[1]
    index.write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=good\n")
    certificates.openssl("ocsp", "-issuer", here / "ca.pem", "-cert", here / "good.pem", "-index", index,
                         "-CA", here / "ca.pem", "-rsigner", here / "ca.pem", "-rkey", here / "ca.key",
                         "-ndays", "3", "-respout", response)
    both = Path(folder) / "good.both.pem"
    both.write_text((here / "good.both.pem").read_text())
    (Path(folder) / "good.both.pem.ocsp").write_bytes(response.read_bytes())
    port = free_port()
    text = config(language, port, server="" if language == "haproxy" else
                  f"ssl_stapling on; ssl_stapling_file {response};")
    if language == "haproxy":
        text = text.replace(str(here / "good.both.pem"), str(both))
    run_proxy(language, text, ports=[port])
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-status", "-servername", "good.example"],
                          input="", capture_output=True, text=True, timeout=10, check=False)
    assert "OCSP Response Status: successful" in done.stdout, done.stdout[:2000]


def test_test_tells_what_is_wrong(folder):
    from support import binary
    here = certificates.folder()
    cases = {"a": (f"{here}/good.pem", f"{here}/other.key", "key values mismatch"),
             "b": (f"{here}/good.key", f"{here}/good.key", "cannot load certificate"),
             "c": (f"{here}/none.pem", f"{here}/good.key", "No such file or directory"),
             "d": (f"{here}/good.pem", f"{here}/good.pem", "cannot load certificate key")}
    skip_anchor("weir")
    for name, (certificate, key, words) in cases.items():
        path = Path(folder) / f"{name}.conf"
        path.write_text("events {}\nhttp {\n    server {\n        listen 127.0.0.1:8443 ssl;\n"
                        f"        ssl_certificate {certificate};\n        ssl_certificate_key {key};\n    }}\n}}\n")
        done = subprocess.run([binary.subject("weir"), "-t", "-c", str(path)], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == 1
        assert words in done.stdout + done.stderr, done
        assert f"{name}.conf:" in done.stdout + done.stderr
        offline = subprocess.run([binary.subject("weir"), "-t", "--offline", "-c", str(path)], capture_output=True,
                                 text=True, timeout=20, check=False)
        assert offline.returncode == 0, offline


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_idle_connection_holds_little(language, run_proxy, run_server):
    skip_anchor(language, "a bound of weir's own")
    if binary.has_sanitizer(binary.subject("weir")):
        pytest.skip("memory says nothing under a sanitizer")
    port, server = free_port(), run_server(HttpServer("a"))
    proxy = run_proxy(language, config(language, port, server.address, timeout="60s"), ports=[port])
    context = client_tls.context_of({})

    def open_one():
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))
        sock.sendall(b"GET /me HTTP/1.1\r\nHost: t\r\n\r\n")
        sock.recv(65536)
        return sock

    kept = [open_one() for _ in range(50)]
    before = sum(proc.memory_kb(pid) for pid in proxy.workers())
    kept += [open_one() for _ in range(300)]
    grown = sum(proc.memory_kb(pid) for pid in proxy.workers()) - before
    for sock in kept:
        sock.close()
    assert grown / 300 <= 16, f"{grown / 300:.1f} KB for each idle connection"


def test_servers_of_a_stream_are_chosen_by_name(run_proxy):
    skip_anchor("nginx", "newer than Debian's: 1.25.5")
    port, here = free_port(), certificates.folder()
    run_proxy("nginx", f"""
        events {{}}
        stream {{
            ssl_certificate {here}/good.pem;
            ssl_certificate_key {here}/good.key;
            server {{ listen 127.0.0.1:{port} ssl; server_name first.test; return "$server_name"; }}
            server {{ listen 127.0.0.1:{port}; server_name *.two.test; return "$server_name"; }}
            server {{ listen 127.0.0.1:{port}; server_name ~^(?<who>[a-z]+)\\.three\\.test$; return "$who"; }}
        }}
        """, ports=[port])
    context = client_tls.context_of({})
    for name, answer in (("first.test", b"first.test"), ("A.two.test", b"*.two.test"), ("me.three.test", b"me"),
                         ("none.test", b"first.test"), (None, b"first.test")):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=name) as sock:
            assert sock.recv(100) == answer, name
