# SPDX-License-Identifier: Apache-2.0
# OCSP with a responder that answers by openssl(1): what is stapled, and what becomes of
# clients whose certificates are revoked.
import base64
import http.server
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

from support import certificates, client_tls, wire
from support.ports import free_port

NGINX = """
worker_processes 2;
error_log {folder}/error.log info;
events {{}}
{outer} {{
    ssl_certificate {here}/good.pem;
    ssl_certificate_key {here}/good.key;
    {lines}
    server {{
        listen 127.0.0.1:{port} ssl;
        {server}
    }}
    server {{
        listen 127.0.0.1:{other} ssl;
        ssl_verify_client off;
        return 200 fine;
    }}
}}
"""


class Responder:
    """Answers as the index of the authority says; counts the questions."""

    def __init__(self, folder, port):
        self.folder, self.port, self.asked = Path(folder), port, 0
        self.index = self.folder / "ocsp.index"
        self.states = {}
        self.delay = 0
        self.httpd = None

    def set(self, name, state):
        self.states[name] = state
        lines = []
        for each, how in self.states.items():
            serial = certificates.openssl("x509", "-in", certificates.folder() / f"{each}.pem", "-noout",
                                          "-serial").strip().split("=")[1]
            revoked = "200101000000Z" if how == "R" else ""
            lines.append(f"{how}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN={each}\n")
        self.index.write_text("".join(lines))

    def answer(self, request):
        here, asks, says = certificates.folder(), self.folder / "asks.der", self.folder / "says.der"
        asks.write_bytes(request)
        certificates.openssl("ocsp", "-index", self.index, "-CA", here / "ca.pem", "-rsigner", here / "ca.pem",
                             "-rkey", here / "ca.key", "-ndays", "1", "-reqin", asks, "-respout", says)
        return says.read_bytes()

    def start(self):
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                responder.asked += 1
                time.sleep(responder.delay)
                path = urllib.parse.unquote(self.path).split("/ask/", 1)[1]
                body = responder.answer(base64.b64decode(path))
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def stop(self):
        if self.httpd:
            self.httpd.shutdown()
            self.httpd.server_close()


@pytest.fixture
def responder(folder):
    made = Responder(folder, free_port())
    made.set("good", "V")
    made.set("client", "V")
    yield made
    made.stop()


def config(folder, port, other, lines, server="return 200 $ssl_client_verify;", outer="http"):
    return NGINX.format(folder=folder, here=certificates.folder(), port=port, other=other, lines=lines,
                        server=server, outer=outer)


def stapled(port):
    """What openssl s_client says about the status that came with the certificate."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-status"], input="",
                          capture_output=True, text=True, timeout=10, check=False)
    if "OCSP response: no response sent" in done.stdout:
        return None
    return done.stdout.split("Cert Status: ", 1)[1].split()[0]


def wait_for(what, limit=15):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.2)
    return False


def ask(port, name="client"):
    """Status and body of one request with the client's certificate."""
    here = certificates.folder()
    context = client_tls.context_of({})
    if name:
        context.load_cert_chain(here / f"{name}.pem", here / f"{name}.key")
    with socket.create_connection(("127.0.0.1", port), 10) as sock, context.wrap_socket(sock) as secure:
        secure.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        answer = wire.read_response(wire.Reader(secure), "GET")
    return answer.status, answer.body.decode()


@pytest.mark.parametrize("outer", ["http", "stream"])
def test_what_a_responder_says_is_stapled(outer, run_proxy, folder, responder):
    responder.start()
    port, other = free_port(), free_port()
    server = "return 200 a;" if outer == "http" else "return a;"
    text = config(folder, port, other, f"ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate "
                  f"{certificates.folder()}/ca.pem; ssl_stapling_responder http://127.0.0.1:{responder.port}/ask;",
                  server, outer)
    if outer == "stream":
        text = text.replace("return 200 fine;", "return fine;")
    proxy = run_proxy("nginx", text, ports=[port, other])
    assert wait_for(lambda: stapled(port) == "good")
    # One question for both servers and all workers; every connection has it from now on.
    assert responder.asked == 1
    assert all(stapled(one) == "good" for one in (port, other) * 4)
    # A reload keeps it, and asks nobody.
    proxy.reload()
    assert stapled(port) == "good" and responder.asked == 1


def test_failures_are_told_and_tried_again(run_proxy, folder, responder):
    port, other = free_port(), free_port()
    proxy = run_proxy("nginx", config(folder, port, other, "ssl_stapling on; ssl_trusted_certificate "
                      f"{certificates.folder()}/ca.pem; ssl_stapling_responder http://127.0.0.1:{responder.port}/ask;"),
                      ports=[port, other])
    assert wait_for(lambda: "Connection refused" in proxy.error_log.read_text())
    told = proxy.error_log.read_text()
    assert "while requesting certificate status, responder: http://127.0.0.1:" in told and "good.pem" in told
    assert stapled(port) is None
    responder.start()
    assert wait_for(lambda: stapled(port) == "good")


def test_a_revoked_certificate_has_no_staple(run_proxy, folder, responder):
    responder.set("good", "R")
    responder.start()
    port, other = free_port(), free_port()
    proxy = run_proxy("nginx", config(folder, port, other, "ssl_stapling on; ssl_trusted_certificate "
                      f"{certificates.folder()}/ca.pem; ssl_stapling_responder http://127.0.0.1:{responder.port}/ask;"),
                      ports=[port, other])
    assert wait_for(lambda: 'certificate status "revoked" in the OCSP response' in proxy.error_log.read_text())
    assert stapled(port) is None


def client_lines(responder, more=""):
    return (f"ssl_verify_client on; ssl_client_certificate {certificates.folder()}/ca.pem; ssl_ocsp leaf; "
            f"ssl_ocsp_responder http://127.0.0.1:{responder.port}/ask; {more}")


def test_clients_with_revoked_certificates_are_refused(run_proxy, folder, responder):
    responder.start()
    port, other = free_port(), free_port()
    run_proxy("nginx", config(folder, port, other, client_lines(responder)), ports=[port, other])
    assert ask(port) == (200, "SUCCESS")
    responder.set("client", "R")
    assert ask(port)[0] == 400
    responder.set("client", "V")
    assert ask(port) == (200, "SUCCESS")
    responder.stop()
    responder.httpd = None
    assert ask(port)[0] == 400   # nobody knows


def test_what_was_said_about_clients_is_kept_for_all_workers(run_proxy, folder, responder):
    responder.start()
    port, other = free_port(), free_port()
    run_proxy("nginx", config(folder, port, other, client_lines(responder, "ssl_ocsp_cache shared:kept:1m;")),
              ports=[port, other])
    assert all(ask(port) == (200, "SUCCESS") for _ in range(8))
    assert responder.asked == 1


def test_a_slow_responder_holds_up_nobody_else(run_proxy, folder, responder):
    responder.delay = 2
    responder.start()
    port, other = free_port(), free_port()
    text = config(folder, port, other, client_lines(responder)).replace("worker_processes 2", "worker_processes 1")
    run_proxy("nginx", text, ports=[port, other])
    result = []
    slow = threading.Thread(target=lambda: result.append(ask(port)))
    slow.start()
    time.sleep(0.3)
    begun = time.monotonic()
    assert ask(other, None) == (200, "fine")
    assert time.monotonic() - begun < 1 and not result
    slow.join()
    assert result == [(200, "SUCCESS")]
