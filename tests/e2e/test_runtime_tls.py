# SPDX-License-Identifier: Apache-2.0
# Certificates, authorities and servers over the runtime socket: the answers are HAProxy's, every worker
# has what was committed, and what does not fit changes nothing.
import os
import re
import signal
import socket
import time

import pytest

from support import certificates, client_tls, wire
from support.client import Client
from support.ports import free_port
from support.proxy import Proxy
from support.servers import Answer, HttpServer

from .haproxy_socket import ask, head, program_of
from .setups import skip_anchor

CONFIG = """
frontend web
    bind 127.0.0.1:{web} ssl crt {here}/good.both.pem crt-list {list}
    default_backend app
backend app
    server a {a}
listen strict
    bind 127.0.0.1:{strict} ssl crt {here}/good.both.pem ca-file {here}/ca.pem verify required
    server a {a}
"""


@pytest.fixture
def setup(folder, run_server):
    a = run_server(HttpServer("a", answers=[Answer(body="a")]))

    def make(which="weir"):
        web, strict = free_port(), free_port()
        here = certificates.folder()
        path = f"{folder}/{which}.sock"
        names = folder / "names.list"
        names.write_text(f"# names\n{here}/other.both.pem [alpn http/1.1] listed.example !not.example\n")
        config = head(path) + CONFIG.format(web=web, strict=strict, a=a.address, here=here, list=names)
        proxy = Proxy(program_of(which), "haproxy", config, folder=folder, ports=[web, strict])
        proxy.socket, proxy.web, proxy.strict, proxy.names, proxy.server = path, web, strict, names, a
        return proxy
    return make


def payload(command, *files):
    """A command with files behind it; an empty line would be their end."""
    lines = [line for file in files for line in file.read_text().splitlines() if line]
    return [command + " <<", *lines, ""]


def shown(port, name):
    """Common name of the certificate that a client gets for that name."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        with client_tls.Resumption().wrap(plain, {"sni": name}) as secure:
            return dict(part[0] for part in secure.getpeercert()["subject"])["commonName"]


def steps(here, names):
    good, ca = f"{here}/good.both.pem", f"{here}/ca.pem"
    return [
        ["show ssl cert"], [f"show ssl cert {good}"], ["show ssl cert none.pem"],
        ["set ssl cert none.pem <<", "x", ""], [f"commit ssl cert {good}"], [f"abort ssl cert {good}"],
        payload(f"set ssl cert {good}", here / "other.both.pem"), ["show ssl cert"], [f"show ssl cert *{good}"],
        payload(f"set ssl cert {good}", here / "other.both.pem"), [f"abort ssl cert {good}"],
        ["new ssl cert fresh.pem"], ["new ssl cert fresh.pem"], ["show ssl cert fresh.pem"],
        payload("set ssl cert fresh.pem", here / "longchain.both.pem"), ["commit ssl cert fresh.pem"],
        ["show ssl cert fresh.pem"], [f"del ssl cert {good}"], ["show ssl crt-list"],
        [f"show ssl crt-list {names}"], [f"show ssl crt-list -n {names}"], [f"add ssl crt-list {names} fresh.pem"],
        [f"show ssl crt-list -n {names}"], [f"del ssl crt-list {names} fresh.pem"], ["del ssl cert fresh.pem"],
        ["del ssl cert fresh.pem"], [f"add ssl crt-list {names} fresh.pem"], ["del ssl crt-list none fresh.pem"],
        ["show ssl ca-file"], [f"show ssl ca-file {ca}"], [f"show ssl ca-file {ca}:2"],
        payload(f"set ssl ca-file {ca}", here / "middle.pem"), ["show ssl ca-file"], [f"show ssl ca-file *{ca}"],
        [f"abort ssl ca-file {ca}"], [f"commit ssl ca-file {ca}"], ["new ssl ca-file fresh.pem"],
        ["show ssl ca-file"], ["del ssl ca-file fresh.pem"], [f"del ssl ca-file {ca}"],
        ["new ssl crl-file fresh.crl"], payload("set ssl crl-file fresh.crl", here / "ca.crl"),
        ["commit ssl crl-file fresh.crl"], ["show ssl crl-file"], ["show ssl crl-file fresh.crl"],
        ["del ssl crl-file fresh.crl"], ["show ssl providers"],
    ]


def tidy(answer):
    """Without what HAProxy 2.6 alone does: it prints no addresses of certificates, ends texts in lists with a
    NUL, puts lines without text behind errors, and lists the authorities of the system."""
    lines = answer.replace("\0", "").replace("IP Address:127.0.0.1", "").splitlines()
    return [line for line in lines if line and not line.startswith("@system-ca")]


def test_answers_are_haproxys(setup):
    answers = []
    for which in ("anchor", "weir"):
        with setup(which) as proxy:
            answers.append([(lines[0], tidy(ask(proxy.socket, *lines))) for lines in
                            steps(certificates.folder(), proxy.names)])
    for anchor, weir in zip(*answers):
        assert weir == anchor


def test_all_workers_get_what_is_committed(setup):
    skip_anchor("haproxy", "without -W it does not reload")
    here = certificates.folder()
    with setup() as proxy:
        assert {shown(proxy.web, "good.example") for _ in range(8)} == {"good"}
        ask(proxy.socket, *payload(f"set ssl cert {here}/good.both.pem", here / "longchain.both.pem"))
        assert {shown(proxy.web, "good.example") for _ in range(8)} == {"good"}
        assert "Success" in ask(proxy.socket, f"commit ssl cert {here}/good.both.pem")
        assert {shown(proxy.web, "good.example") for _ in range(8)} == {"longchain"}
        # As with HAProxy a reload reads the files again.
        proxy.reload()
        assert wire.wait_until(lambda: {shown(proxy.web, "good.example") for _ in range(8)} == {"good"}, 5.0)


def test_a_worker_that_dies_comes_back_with_it(setup):
    here = certificates.folder()
    skip_anchor("haproxy", "its workers are threads")
    with setup() as proxy:
        proxy.allow.append(re.compile("exited on signal 9"))
        ask(proxy.socket, *payload(f"set ssl cert {here}/good.both.pem", here / "longchain.both.pem"))
        ask(proxy.socket, f"commit ssl cert {here}/good.both.pem")
        os.kill(proxy.workers()[0], signal.SIGKILL)
        time.sleep(0.5)
        assert {shown(proxy.web, "good.example") for _ in range(8)} == {"longchain"}


def test_a_line_of_a_list_comes_and_goes(setup):
    here = certificates.folder()
    with setup() as proxy:
        assert shown(proxy.web, "listed.example") == "other"
        assert shown(proxy.web, "new.example") == "good"
        ask(proxy.socket, "new ssl cert fresh.pem")
        ask(proxy.socket, *payload("set ssl cert fresh.pem", here / "longchain.both.pem"))
        ask(proxy.socket, "commit ssl cert fresh.pem")
        answer = ask(proxy.socket, f"add ssl crt-list {proxy.names} <<", "fresh.pem [alpn http/1.1] new.example", "")
        assert "Success" in answer
        assert shown(proxy.web, "new.example") == "longchain"
        assert "deleted" in ask(proxy.socket, f"del ssl crt-list {proxy.names} fresh.pem")
        assert shown(proxy.web, "new.example") == "good"


def test_what_cannot_be_used_changes_nothing(setup):
    here = certificates.folder()
    with setup() as proxy:
        # A key of another certificate.
        ask(proxy.socket, *payload(f"set ssl cert {here}/good.both.pem", here / "other.pem", here / "client.key"))
        assert "Can't commit" in ask(proxy.socket, f"commit ssl cert {here}/good.both.pem")
        assert shown(proxy.web, "good.example") == "good"
        # What is configuration is no list.
        assert "does not exist" in ask(proxy.socket, f"add ssl crt-list {proxy.config_path} <<", "fresh.pem x", "")


def test_servers_come_and_go(setup):
    skip_anchor("haproxy", "its balance must be named")
    with setup() as proxy:
        def answer():
            wrap = client_tls.Resumption().wrap
            with Client(proxy.web, secure=lambda sock: wrap(sock, {"sni": "good.example"})) as client:
                return client.get("/").status
        assert answer() == 200
        assert "maintenance" in ask(proxy.socket, "del server app/a")
        ask(proxy.socket, "disable server app/a")
        assert answer() == 503
        assert "Server deleted." in ask(proxy.socket, "del server app/a")
        assert "No such server." in ask(proxy.socket, "enable server app/a")
        assert answer() == 503
        assert "New server registered." in ask(proxy.socket, f"add server app/fresh {proxy.server.address} weight 5")
        assert "Already exists" in ask(proxy.socket, f"add server app/fresh {proxy.server.address}")
        assert answer() == 503
        ask(proxy.socket, "enable server app/fresh")
        assert answer() == 200
        assert "no-such-option" in ask(proxy.socket, f"add server app/bad {proxy.server.address} no-such-option")
