# SPDX-License-Identifier: Apache-2.0
# Certificates for the tests, made with openssl(1) when first asked for: an authority
# and what it signs, and some that nobody should accept. Keys are P-256: quick to make.
import atexit
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

# Name of the files: what is wrong or special about the certificate.
KINDS = {
    "good": {"names": "DNS:good.example,DNS:*.wild.example,DNS:localhost,IP:127.0.0.1"},
    "other": {"names": "DNS:other.example"},
    "expired": {"names": "DNS:good.example", "expired": True},
    "selfsigned": {"names": "DNS:good.example", "self": True},
    "revoked": {"names": "DNS:good.example"},
    "client": {"names": "DNS:client.example", "purpose": "clientAuth"},
    "longchain": {"names": "DNS:good.example", "by": "middle"},
}
_folder = None


def openssl(*words, text=None):
    done = subprocess.run(["openssl", *map(str, words)], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def _key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    path.chmod(0o644)


def _authority(here, name, signer=None):
    key, request = here / f"{name}.key", here / f"{name}.csr"
    _key(key)
    extensions = here / f"{name}.ext"
    extensions.write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name} authority", "-out", request)
    how = (["-signkey", key] if signer is None else
           ["-CA", here / f"{signer}.pem", "-CAkey", here / f"{signer}.key", "-CAcreateserial"])
    openssl("x509", "-req", "-in", request, *how, "-days", "30", "-extfile", extensions,
            "-out", here / f"{name}.pem")


def _certificate(here, name, facts):
    key, request, extensions = (here / f"{name}.{ending}" for ending in ("key", "csr", "ext"))
    _key(key)
    extensions.write_text(f"subjectAltName={facts['names']}\nbasicConstraints=CA:FALSE\n"
                          f"extendedKeyUsage={facts.get('purpose', 'serverAuth')}\n")
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
    signer = facts.get("by", "ca")
    done = here / f"{name}.pem"
    if facts.get("expired"):
        # openssl x509 of Debian 12 signs for no days that are over; openssl ca does.
        openssl("ca", "-config", _ca_tool(here), "-batch", "-notext", "-in", request,
                "-startdate", "20200101000000Z", "-enddate", "20200201000000Z",
                "-extfile", extensions, "-out", done)
    else:
        how = (["-signkey", key] if facts.get("self") else
               ["-CA", here / f"{signer}.pem", "-CAkey", here / f"{signer}.key",
                "-CAcreateserial"])
        openssl("x509", "-req", "-in", request, *how, "-days", "30", "-extfile", extensions,
                "-out", done)
    if signer != "ca":
        done.write_text(done.read_text() + (here / f"{signer}.pem").read_text())
    both = here / f"{name}.both.pem"
    both.write_text(done.read_text() + key.read_text())


def _ca_tool(here):
    """The files that `openssl ca` wants."""
    (here / "index.txt").touch()
    (here / "index.txt.attr").write_text("unique_subject = no\n")
    for name in ("serial", "crlnumber"):
        if not (here / name).exists():
            (here / name).write_text("1000\n")
    conf = here / "ca.cnf"
    conf.write_text(f"""[ca]
default_ca = own
[own]
database = {here}/index.txt
serial = {here}/serial
crlnumber = {here}/crlnumber
new_certs_dir = {here}
certificate = {here}/ca.pem
private_key = {here}/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
[any]
commonName = supplied
""")
    return conf


def folder():
    """Where the files lie: ca.pem, good.pem, good.key, good.both.pem, ..., ca.crl."""
    global _folder
    if _folder:
        return _folder
    here = Path(tempfile.mkdtemp(prefix="weir-certificates-"))
    atexit.register(shutil.rmtree, here, ignore_errors=True)
    here.chmod(0o755)
    _authority(here, "ca")
    _authority(here, "middle", "ca")
    for name, facts in KINDS.items():
        _certificate(here, name, facts)
    conf = _ca_tool(here)
    openssl("ca", "-config", conf, "-revoke", here / "revoked.pem")
    openssl("ca", "-config", conf, "-gencrl", "-out", here / "ca.crl")
    for path in here.iterdir():
        path.chmod(0o644)
    _folder = here
    return here


def path(name):
    return str(folder() / name)


def server_context(kind="good", client=False, most=None, alpn=()):
    """For a server of the tests. `client`: wants a certificate of the CA; `most`: newest version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path(f"{kind}.pem"), path(f"{kind}.key"))
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(path("ca.pem"))
    if most:
        context.maximum_version = getattr(ssl.TLSVersion, most)
    if alpn:
        context.set_alpn_protocols(list(alpn))

    def note_name(sock, name, _):
        sock.asked_name = name

    context.sni_callback = note_name
    return context


def describe(sock):
    """What a server of the tests tells of a connection: version, name asked for, certificate."""
    shown = sock.getpeercert() or {}
    subject = dict(part[0] for part in shown.get("subject", ()))
    return (f"{sock.version()} name={getattr(sock, 'asked_name', None) or '-'} "
            f"certificate={subject.get('commonName', '-')} "
            f"alpn={sock.selected_alpn_protocol() or '-'}")


def make(where, name, *extensions):
    """A further one signed by the authority: name.key and name.pem (with its key) in the folder `where`."""
    here, key, request, more = folder(), where / f"{name}.key", where / f"{name}.csr", where / f"{name}.ext"
    _key(key)
    more.write_text("\n".join(("basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth", *extensions)) + "\n")
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
    done = where / f"{name}.pem"
    openssl("x509", "-req", "-in", request, "-CA", here / "ca.pem", "-CAkey", here / "ca.key", "-CAcreateserial",
            "-days", "30", "-extfile", more, "-out", done)
    done.write_text(done.read_text() + key.read_text())
    done.chmod(0o644)
    return done
