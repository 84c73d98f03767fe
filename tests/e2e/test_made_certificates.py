# SPDX-License-Identifier: Apache-2.0
# generate-certificates: names without a certificate get one that the authority of the line signed.
import socket

from support import binary, certificates, client_tls
from support.ports import free_port
from support.proxy import Proxy

CONFIG = """
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} ssl crt {here}/good.both.pem generate-certificates ca-sign-file {signer}
    http-request return status 200
"""


def shown(port, name):
    """Common name, alternative names and serial number of what a client that checks the chain gets."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        with client_tls.Resumption().wrap(plain, {"sni": name}) as secure:
            facts = secure.getpeercert()
            subject = dict(part[0] for part in facts["subject"])
            return subject["commonName"], facts.get("subjectAltName"), facts["serialNumber"]


def test_names_get_their_own(folder):
    here, port = certificates.folder(), free_port()
    signer = folder / "signer.pem"
    signer.write_text((here / "ca.pem").read_text() + (here / "ca.key").read_text())
    config = CONFIG.format(port=port, here=here, signer=signer)
    with Proxy(binary.subject("haproxy"), "haproxy", config, folder=folder, ports=[port]):
        first = shown(port, "fresh.example")
        assert first[0] == "fresh.example"
        # The latest are kept.
        assert shown(port, "fresh.example") == first
        assert shown(port, "another.example")[0] == "another.example"
        # What has one gets that.
        assert shown(port, "good.example")[0] == "good"
        # A name that is none is not signed.
        assert shown(port, "a,b")[0] == "good"
        assert shown(port, None)[0] == "good"
