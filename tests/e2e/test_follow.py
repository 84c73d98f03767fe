# SPDX-License-Identifier: Apache-2.0
# Certificates that are taken when their files change (ssl_certificate_follow, ssl-follow-certificates).
import time

import pytest

from support import certificates, client_tls, wire
from support.client import Client, get
from support.ports import free_port

from .setups import skip_anchor

LANGUAGES = ["nginx", "haproxy"]
SOON = 3.5   # a second of quiet, and the time to take it
NGINX = """
worker_processes 2;
error_log error.log notice;
events {{}}
http {{
    access_log off;
    {follow}
    ssl_session_cache shared:one:1m;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certs}/site.pem;
        ssl_certificate_key {certs}/site.key;
        {more}
        location / {{ return 200 "$ssl_session_reused\\n"; }}
    }}
    server {{
        listen 127.0.0.1:{other} ssl;
        ssl_certificate {here}/longchain.pem;
        ssl_certificate_key {here}/longchain.key;
        location / {{ return 200 "$ssl_session_reused\\n"; }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 2
    {follow}
defaults
    mode http
    timeout connect 5s
    timeout client 15s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} ssl crt {certs}/site.pem {more}
    bind 127.0.0.1:{other} ssl crt {here}/longchain.both.pem
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_is_resumed]\\n"
"""
FOLLOW = {"nginx": "ssl_certificate_follow on;", "haproxy": "ssl-follow-certificates"}
REUSED = {"nginx": "r", "haproxy": "1"}


def put(path, content):
    """As who is careful does: written beside its place, and renamed."""
    fresh = path.with_name(path.name + ".fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def bytes_of(name):
    return (certificates.folder() / name).read_bytes()


class Setup:
    def __init__(self, language, folder, run_proxy, follow=True, more="", at="certs"):
        skip_anchor(language, "weir's own")
        self.language, self.certs = language, folder / at
        self.certs.parent.mkdir(exist_ok=True, parents=True)
        self.port, self.other = free_port(), free_port()
        if not self.certs.exists():
            self.certs.mkdir()
            self.write("good")
        text = (NGINX if language == "nginx" else HAPROXY).format(
            port=self.port, other=self.other, certs=self.certs, here=certificates.folder(), more=more,
            follow=FOLLOW[language] if follow else "")
        self.proxy = run_proxy(language, text, ports=[self.port, self.other],
                               allow=["a changed file is not taken"])

    def write(self, certificate, key=None, write=put):
        """The pair as its language has it: nginx in two files, HAProxy with the key beside the certificate."""
        write(self.certs / "site.pem", bytes_of(f"{certificate}.pem"))
        ending = "key" if self.language == "nginx" else "pem.key"
        write(self.certs / f"site.{ending}", bytes_of(f"{key or certificate}.key"))

    def connect(self, port=None, resumption=None, spec=None):
        resumption = resumption or client_tls.Resumption()
        return Client(port or self.port, secure=lambda sock: resumption.wrap(sock, spec or {}))

    def shown(self):
        """What eight connections are shown, in whichever worker they are."""
        names = set()
        for _ in range(8):
            with self.connect() as client:
                names.add(client_tls.describe(client.sock).split(", ")[1].removeprefix("certificate "))
        return names

    def wait_for(self, name):
        assert wire.wait_until(lambda: self.shown() == {name}, SOON, 0.05), (self.shown(), self.proxy.output())

    def said(self, words, times=1):
        return wire.wait_until(lambda: self.proxy.output().count(words) >= times, SOON)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_changed_certificate_is_taken_without_a_reload(language, folder, run_proxy):
    setup = Setup(language, folder, run_proxy)
    processes = setup.proxy.processes()
    resumption, spec = client_tls.Resumption(), {"resume": "other"}
    with setup.connect() as kept, setup.connect(setup.other, resumption, spec) as client:
        assert client.get("/").status == 200
        resumption.keep(client.sock, spec)
        assert kept.get("/").status == 200
        assert setup.shown() == {"good"}
        setup.write("other")
        setup.wait_for("other")
        assert kept.get("/").status == 200, "a connection was dropped"
    with setup.connect(setup.other, resumption, spec) as client:
        assert client.get("/").body.decode().strip() == REUSED[language], "a session was lost"
    assert setup.proxy.processes() == processes
    assert setup.said("taken as they changed: ")
    assert "reload" not in setup.proxy.output()
    # In place, too; and what is there stays when all is read again.
    setup.write("longchain", write=lambda path, content: path.write_bytes(content))
    setup.wait_for("longchain")
    setup.write("other")
    setup.wait_for("other")
    assert setup.proxy.reload()[0] == 0
    assert setup.said("the new configuration is live")
    assert setup.shown() == {"other"}
    setup.write("good")
    setup.wait_for("good")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_word_nothing_is_taken(language, folder, run_proxy):
    setup = Setup(language, folder, run_proxy, follow=False)
    setup.write("other")
    time.sleep(2.5)
    assert setup.shown() == {"good"}
    assert setup.proxy.reload()[0] == 0
    setup.wait_for("other")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pair_that_does_not_fit_changes_nothing_until_it_does(language, folder, run_proxy):
    setup = Setup(language, folder, run_proxy)
    setup.write("other", key="good")
    assert setup.said("a changed file is not taken: the key")
    assert setup.shown() == {"good"}
    # Half of a certificate, then none at all.
    put(setup.certs / "site.pem", bytes_of("other.pem")[:200])
    assert setup.said("a changed file is not taken: cannot load certificate")
    (setup.certs / "site.pem").unlink()
    assert setup.said("No such file or directory")
    assert setup.shown() == {"good"}
    # The key was there before the certificate came.
    setup.write("other", write=lambda path, content: path.suffix == ".key" and put(path, content))
    assert setup.said("No such file or directory", 2)
    setup.write("other")
    setup.wait_for("other")


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_certificates_do_not_wait_for_one_that_is_bad(language, folder, run_proxy):
    """nginx: a second pair of the same server; HAProxy: a second certificate of the same line."""
    second = folder / "second"
    second.mkdir()
    suffix = {"nginx": "key", "haproxy": "pem.key"}[language]
    key, made = second / "rsa.key", second / "rsa.pem"
    certificates.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa", "-days", "3",
                         "-keyout", key, "-out", made)
    put(second / "two.pem", made.read_bytes())
    put(second / f"two.{suffix}", key.read_bytes())
    more = {"nginx": f"ssl_certificate {second}/two.pem; ssl_certificate_key {second}/two.key;",
            "haproxy": f"crt {second}/two.pem"}[language]
    setup = Setup(language, folder, run_proxy, more=more)
    put(second / "two.pem", b"nothing\n")
    setup.write("other")
    setup.wait_for("other")
    assert setup.said("cannot load certificate")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", ["certbot", "kubernetes"])
def test_links_are_followed(language, way, folder, run_proxy):
    suffix = {"nginx": "key", "haproxy": "pem.key"}[language]
    names = ["site.pem", f"site.{suffix}"]

    def archive(number, name):
        """certbot: archive/site1.pem, live/site.pem -> ../archive/site1.pem.
        Kubernetes: live/..1/site.pem, live/..data -> ..1, live/site.pem -> ..data/site.pem."""
        at = folder / "archive" if way == "certbot" else folder / "live" / f"..{number}"
        at.mkdir(exist_ok=True, parents=True)
        for file, content in zip(names, (bytes_of(f"{name}.pem"), bytes_of(f"{name}.key"))):
            target = at / (f"{number}{file}" if way == "certbot" else file)
            target.write_bytes(content)
            link = folder / "live" / file
            if way == "certbot":
                link.unlink(missing_ok=True)
                link.symlink_to(f"../archive/{number}{file}")
            elif not link.is_symlink():
                link.symlink_to(f"..data/{file}")
        if way == "kubernetes":
            fresh = folder / "live" / "..fresh"
            fresh.symlink_to(f"..{number}")
            fresh.replace(folder / "live" / "..data")

    (folder / "live").mkdir()
    archive(1, "good")
    setup = Setup(language, folder, run_proxy, at="live")
    for number, name in ((2, "other"), (3, "good")):
        archive(number, name)
        setup.wait_for(name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_authorities_of_clients_are_followed(language, folder, run_proxy):
    authorities = folder / "authorities.pem"
    put(authorities, bytes_of("selfsigned.pem"))
    more = {"nginx": f"ssl_client_certificate {authorities}; ssl_verify_client on;",
            "haproxy": f"ca-file {authorities} verify required"}[language]
    setup = Setup(language, folder, run_proxy, more=more)

    def welcome():
        try:
            with setup.connect(spec={"cert": "client", "max": "TLSv1.2"}) as client:
                return client.get("/").status == 200
        except OSError:
            return False

    assert not welcome()
    put(authorities, b"nothing\n")
    assert setup.said("there is no certificate in it")
    put(authorities, bytes_of("ca.pem"))
    assert wire.wait_until(welcome, SOON, 0.05)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_for_servers_is_followed(language, folder, run_proxy):
    """What weir shows of itself: the server hears the name in it."""
    skip_anchor(language, "weir's own")
    certs, port, behind = folder / "certs", free_port(), free_port()
    certs.mkdir()

    def write(name):
        key, made = folder / f"{name}.key", folder / f"{name}.pem"
        certificates.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                             f"/CN={name}", "-days", "3", "-keyout", key, "-out", made)
        put(certs / "own.pem", made.read_bytes() + (b"" if language == "nginx" else key.read_bytes()))
        put(certs / "own.key", key.read_bytes())

    write("first")
    here = certificates.folder()
    server = (f"server {{ listen 127.0.0.1:{behind} ssl; ssl_certificate {here}/good.pem; "
              f"ssl_certificate_key {here}/good.key; ssl_client_certificate {here}/ca.pem; "
              'ssl_verify_client optional_no_ca; return 200 "$ssl_client_s_dn"; }')
    nginx = ("worker_processes 1; error_log error.log notice; events {} http { access_log off; %s %s }")
    front = (f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass https://127.0.0.1:{behind}; "
             f"proxy_ssl_certificate {certs}/own.pem; proxy_ssl_certificate_key {certs}/own.key; "
             "proxy_ssl_session_reuse off; proxy_ssl_certificate_follow on; } }")
    if language == "nginx":
        run_proxy("nginx", nginx % (server, front), ports=[port, behind])
    else:
        other = folder / "behind"
        other.mkdir()
        run_proxy("nginx", nginx % (server, ""), ports=[behind], folder=other)
        run_proxy("haproxy", "global\n    ssl-follow-certificates\ndefaults\n    mode http\n    timeout connect 5s\n"
                  "    timeout client 5s\n    timeout server 5s\n"
                  f"listen l\n    bind 127.0.0.1:{port}\n    http-reuse never\n"
                  f"    server s 127.0.0.1:{behind} ssl verify none no-ssl-reuse crt {certs}/own.pem\n", ports=[port])
    assert get(port).body.decode() == "CN=first"
    write("second")
    assert wire.wait_until(lambda: get(port).body.decode() == "CN=second", SOON, 0.05)
