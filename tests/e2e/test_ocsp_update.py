# SPDX-License-Identifier: Apache-2.0
# HAProxy's ocsp-update: openssl(1) is the responder; what it says is stapled, shown, told to the logs,
# and renewed by itself or when somebody says so.
import http.server
import socket
import subprocess
import threading

import pytest

from support import certificates, proc
from support.ports import free_port

from .test_ocsp import stapled, wait_for
from .haproxy_socket import ask

CONFIG = """
global
    stats socket {folder}/stats.sock mode 600 level admin
    log 127.0.0.1:{log} local0 notice
    nbthread 2
    {lines}
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 2s
frontend web
    bind 127.0.0.1:{port} ssl {crt}
    http-request return status 200
"""


class Authority:
    """A certificate that names a responder, the index of its authority, and the responder itself."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.ca = certificates.folder() / "ca.pem"
        self.path = certificates.make(folder, "site", "subjectAltName=DNS:site.example",
                                      f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}")
        (folder / "site.pem.issuer").write_text(self.ca.read_text())
        self.serial = certificates.openssl("x509", "-in", self.path, "-noout", "-serial").strip().split("=")[1]
        self.index = folder / "index.txt"
        self.set("V")

    def set(self, state):
        revoked = "200101000000Z" if state == "R" else ""
        self.index.write_text(f"{state}\t491231235959Z\t{revoked}\t{self.serial}\tunknown\t/CN=site\n")

    def words(self):
        return ["openssl", "ocsp", "-index", self.index, "-CA", self.ca, "-rsigner", self.ca,
                "-rkey", certificates.folder() / "ca.key", "-ndays", "1"]

    def answer(self, request):
        """What the responder says to a request, without a connection to it."""
        asks, says = self.folder / "asks.der", self.folder / "says.der"
        asks.write_bytes(request)
        certificates.openssl(*self.words()[1:], "-reqin", asks, "-respout", says)
        return says.read_bytes()

    def put_response(self):
        """A response beside the certificate."""
        asks = self.folder / "request.der"
        certificates.openssl("ocsp", "-issuer", self.ca, "-cert", self.path, "-no_nonce", "-reqout", asks)
        (self.folder / "site.pem.ocsp").write_bytes(self.answer(asks.read_bytes()))

    def start(self):
        self.process = subprocess.Popen([*map(str, self.words()), "-port", str(self.port)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_for(lambda: self.port in proc.tcp_listening())

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


class Log:
    """A log server: the texts of lines that came."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port, self.seen = self.sock.getsockname()[1], []

    def lines(self):
        try:
            while True:
                self.seen.append(self.sock.recv(65536).decode().rstrip())
        except BlockingIOError:
            pass
        return [line for line in self.seen if "<OCSP-UPDATE>" in line]


@pytest.fixture
def authority(folder):
    made = Authority(folder)
    yield made
    made.stop()


@pytest.fixture
def log():
    made = Log()
    yield made
    made.sock.close()


@pytest.fixture
def run(run_proxy, folder, log):
    def start(crt, lines=""):
        port = free_port()
        proxy = run_proxy("haproxy", CONFIG.format(folder=folder, log=log.port, port=port, crt=crt, lines=lines),
                          ports=[port])
        proxy.tls = port
        return proxy
    return start


def rows(folder):
    """show ssl ocsp-updates, cut at its bars."""
    lines = ask(folder / "stats.sock", "show ssl ocsp-updates").strip().splitlines()
    assert lines[0].startswith("OCSP Certid | Path | Next Update | Last Update | Successes | Failures | ")
    return [line.split(" | ") for line in lines[1:]]


def test_what_is_fetched_is_stapled_shown_and_told(run, folder, authority, log):
    authority.start()
    (folder / "site.list").write_text(f"{authority.path} [ocsp-update on]\n")
    proxy = run(f"crt-list {folder}/site.list")
    assert wait_for(log.lines)
    assert log.lines()[0].endswith(f'<OCSP-UPDATE> {authority.path} 1 "Update successful" 0 1')
    assert all(stapled(proxy.tls) == "good" for _ in range(4))   # every worker has it
    (row,) = rows(folder)
    assert row[1] == str(authority.path) and row[3] != "-" and row[4:] == ["1", "0", "1", "Update successful"]
    listed = ask(folder / "stats.sock", "show ssl ocsp-response")
    assert f"Certificate ID key : {row[0]}" in listed and f"Serial Number: {authority.serial}" in listed
    for name in (row[0], authority.path):
        assert "Cert Status: good" in ask(folder / "stats.sock", f"show ssl ocsp-response {name}")
    assert "Cert Status: good" in ask(folder / "stats.sock", f"show ssl cert {authority.path}.ocsp")
    # A reload keeps it, and asks nobody.
    proxy.reload()
    assert wait_for(lambda: "configuration is live" in proxy.output())
    assert stapled(proxy.tls) == "good" and rows(folder)[0][3:] == row[3:] and len(log.lines()) == 1


def test_global_mode_and_what_overrules_it(run, folder, authority, log):
    authority.start()
    proxy = run(f"crt {authority.path}", "ocsp-update.mode on")
    assert wait_for(lambda: stapled(proxy.tls) == "good")
    proxy.write_config(proxy.config_path.read_text().replace("mode on", "mode on\n    ocsp-update.disable"))
    proxy.reload()
    assert wait_for(lambda: rows(folder) == []) and stapled(proxy.tls) is None
    assert len(log.lines()) == 1


def test_a_response_beside_the_certificate_comes_first(run, folder, authority, log):
    authority.put_response()
    authority.set("R")
    authority.start()
    proxy = run(f"crt {authority.path}", "ocsp-update.mode on")
    (row,) = rows(folder)
    assert row[3:] == ["-", "0", "0", "0", "Unknown"]
    assert stapled(proxy.tls) == "good" and not log.lines()
    # Until somebody says so.
    assert "Cert Status: revoked" in ask(folder / "stats.sock", f"update ssl ocsp-response {authority.path}")
    assert all(stapled(proxy.tls) == "revoked" for _ in range(4))
    assert log.lines()[0].endswith(f'{authority.path} 1 "Update successful" 0 1')


def test_an_update_by_hand_asks_once(run, folder, authority, log):
    authority.put_response()
    authority.set("R")
    authority.start()
    proxy = run(f"crt {authority.path} crt {certificates.folder()}/good.both.pem")
    assert rows(folder) == []
    assert "Cert Status: revoked" in ask(folder / "stats.sock", f"update ssl ocsp-response {authority.path}")
    assert rows(folder) == [] and len(log.lines()) == 1 and stapled(proxy.tls) == "revoked"
    # What is set over the socket is newer.
    authority.set("V")
    authority.put_response()
    base64 = certificates.openssl("base64", "-A", "-in", f"{authority.path}.ocsp")
    assert "OCSP Response updated!" in ask(folder / "stats.sock", f"set ssl ocsp-response {base64}")
    assert all(stapled(proxy.tls) == "good" for _ in range(4))
    assert "Cert Status: good" in ask(folder / "stats.sock", f"show ssl ocsp-response {authority.path}")
    # Who never had one gets none, and a responder that is gone changes nothing.
    none = f"update ssl ocsp-response {certificates.folder()}/good.both.pem"
    assert "already have a known OCSP response" in ask(folder / "stats.sock", none)
    authority.stop()
    assert "Connection refused" in ask(folder / "stats.sock", f"update ssl ocsp-response {authority.path}")
    assert stapled(proxy.tls) == "good"


def test_failures_are_told(run, folder, authority, log):
    proxy = run(f"crt {authority.path}", "ocsp-update.mode on")
    assert wait_for(log.lines)
    assert log.lines()[0].endswith(f'{authority.path} 2 "HTTP error" 1 0')
    (row,) = rows(folder)
    assert row[3:] == ["-", "0", "1", "2", "HTTP error"]
    assert stapled(proxy.tls) is None


def test_an_answer_about_another_certificate_does_not_count(run, folder, authority, log):
    authority.serial = "77"
    authority.set("V")
    authority.start()
    proxy = run(f"crt {authority.path}", "ocsp-update.mode on")
    assert wait_for(log.lines)
    assert f'{authority.path} 4 "OCSP response check failure (' in log.lines()[0]
    assert rows(folder)[0][6:] == ["4", "OCSP response check failure"]
    assert stapled(proxy.tls) is None


def test_lines_of_a_list_come_and_go(run, folder, authority):
    authority.put_response()
    authority.start()
    names = folder / "names.list"
    names.write_text(f"{certificates.folder()}/good.both.pem\n{authority.path} [ocsp-update on] site.example\n")
    run(f"crt-list {names}")
    assert len(rows(folder)) == 1
    assert "deleted" in ask(folder / "stats.sock", f"del ssl crt-list {names} {authority.path}")
    # It is asked about no more, and what was known stays.
    assert rows(folder) == []
    assert "Cert Status: good" in ask(folder / "stats.sock", f"show ssl ocsp-response {authority.path}")
    add = [f"add ssl crt-list {names} <<", f"{authority.path} [ocsp-update on] site.example", ""]
    assert "Success" in ask(folder / "stats.sock", *add)
    assert len(rows(folder)) == 1
    add[1] = f"{authority.path} other.example"
    assert "different parameter 'ocsp-update'" in ask(folder / "stats.sock", *add)


def test_a_proxy_asks_for_the_whole_url(run, folder, authority, log):
    lines = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            lines.append((self.path, self.headers["Host"]))
            with socket.create_connection(("127.0.0.1", authority.port), 5) as responder:
                path = self.path.split(str(authority.port), 1)[1]
                responder.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                while piece := responder.recv(65536):
                    self.wfile.write(piece)

        def log_message(self, *words):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    authority.start()
    try:
        web = run(f"crt {authority.path}", f"ocsp-update.mode on\n    ocsp-update.httpproxy 127.0.0.1:{proxy.server_port}")
        assert wait_for(lambda: stapled(web.tls) == "good")
    finally:
        proxy.shutdown()
        proxy.server_close()
    ((path, host),) = lines
    assert path.startswith(f"http://127.0.0.1:{authority.port}/M") and host == f"127.0.0.1:{authority.port}"
    assert len(log.lines()) == 1
