# SPDX-License-Identifier: Apache-2.0
# The TLS of a test's client: what it asks for, and one line on what it got. Keys of `spec`: sni,
# cert (a name of certificates.py), min, max (TLSv1.2), ciphers, alpn (a list), resume (a name: the
# session of the last connection with it is offered again), verify (false: takes any certificate).
import ssl

from support import certificates

VERSIONS = {"TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1,
            "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
KEYS = {"sni", "cert", "min", "max", "ciphers", "alpn", "resume", "verify"}


def context_of(spec):
    if unknown := set(spec) - KEYS:
        raise ValueError(f"unknown keys of tls: {sorted(unknown)}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    here = certificates.folder()
    if spec.get("verify", True):
        context.load_verify_locations(here / "ca.pem")
    else:
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = VERSIONS[spec.get("min", "TLSv1.2")]
    context.maximum_version = VERSIONS[spec.get("max", "TLSv1.3")]
    if "ciphers" in spec:
        context.set_ciphers(spec["ciphers"])
    if "alpn" in spec:
        context.set_alpn_protocols(spec["alpn"])
    if "cert" in spec:
        context.load_cert_chain(here / f"{spec['cert']}.pem", here / f"{spec['cert']}.key")
    return context


class Resumption:
    """Contexts and sessions by name: a session is good for the context it came from only."""

    def __init__(self):
        self.known = {}

    def wrap(self, sock, spec):
        name = spec.get("resume")
        context, session = self.known.get(name, (None, None))
        context = context or context_of(spec)
        wrapped = context.wrap_socket(sock, server_hostname=spec.get("sni"), session=session)
        if name:
            self.known[name] = (context, session)
        return wrapped

    def keep(self, wrapped, spec):
        """After an answer: TLS 1.3 gives out its tickets behind the handshake."""
        name = spec.get("resume")
        if name and isinstance(wrapped, ssl.SSLSocket) and wrapped.session:
            self.known[name] = (self.known[name][0], wrapped.session)


def describe(sock):
    """TLSv1.3, certificate good, alpn http/1.1, resumed"""
    words = [sock.version()]
    subject = dict(part[0] for part in sock.getpeercert().get("subject", ()))
    if subject:
        words.append(f"certificate {subject['commonName']}")
    if sock.selected_alpn_protocol():
        words.append(f"alpn {sock.selected_alpn_protocol()}")
    if sock.session_reused:
        words.append("resumed")
    return ", ".join(words)
