# SPDX-License-Identifier: Apache-2.0
# The two configurations that weir began with run as they stand: in a network namespace that has their
# addresses, names and certificates, with servers behind them, and curl and Chromium
# in front.
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import binary

HERE = Path(__file__).parent / "seeds"
NGINX = [f"10.9.0.{i}:3000" for i in (1, 2, 3, 4)]
HAPROXY = [f"10.0.1.{i}:3000" for i in (10, 11, 12)] + ["10.0.2.10:3000"] + \
          [f"10.0.1.{i}:3001" for i in (20, 21, 22)] + [f"10.0.1.{i}:3002" for i in (30, 31)] + \
          ["127.0.0.1:8080"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None,
                                reason="network namespaces need root and iproute2")


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def make_certificate(folder):
    """Where the seeds look for it: ip-netns lays /etc/netns/NAME over /etc."""
    (folder / "ssl/certs").mkdir(parents=True)
    (folder / "ssl/private").mkdir()
    certificate, key = folder / "ssl/certs/example.com.crt", folder / "ssl/private/example.com.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=api.example.com")
    (folder / "ssl/certs/example.com.pem").write_text(certificate.read_text() + key.read_text())
    (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
        f"{address.partition(':')[0]} app{i}.internal\n" for i, address in enumerate(NGINX, 1)))


@pytest.fixture
def namespace():
    name = f"weir-seeds-{os.getpid()}"
    etc = Path("/etc/netns") / name
    try:
        run("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace to be had: {error.stderr.decode()}")
    try:
        make_certificate(etc)
        try:
            run("ip", "-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            # In a root that is no mount point of its own, iproute2 cannot enter one.
            pytest.skip(f"the network namespace cannot be entered: {error.stderr.decode()}")
        for address in sorted({a.partition(":")[0] for a in NGINX + HAPROXY} - {"127.0.0.1"}):
            run("ip", "-n", name, "address", "add", f"{address}/32", "dev", "lo")
        yield name
    finally:
        run("ip", "netns", "delete", name)
        shutil.rmtree(etc, ignore_errors=True)


def drive(namespace, language, folder, addresses):
    # Folders of the system that the seeds name are this test's own there.
    prepare = "mkdir -p /run/haproxy /var/lib/haproxy /var/cache/nginx && " \
              "mount -t tmpfs none /run/haproxy && mount -t tmpfs none /var/lib/haproxy && " \
              "mount -t tmpfs none /var/cache/nginx && exec \"$@\""
    suffix = "conf" if language == "nginx" else "cfg"
    words = ["ip", "netns", "exec", namespace, "unshare", "-m", "sh", "-c", prepare, "sh",
             sys.executable, HERE / "drive.py", language, binary.subject(language),
             HERE / f"{language}.{suffix}", folder, *addresses]
    (Path(folder) / "logs").mkdir()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=100,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_seed_of_nginx(namespace, folder):
    got = drive(namespace, "nginx", folder, NGINX)
    assert got["up"], got["said"]
    assert (got["redirect"]["status"], got["redirect"]["location"]) == (301, "https://api.example.com/a?b=c")
    assert (got["health"]["status"], got["health"]["version"], got["health"]["body"]) == (200, "2", "healthy\n")
    assert (got["health h1"]["status"], got["health h1"]["version"]) == (200, "1.1")
    assert got["api"]["status"] == 200 and got["api"]["body"].endswith(" /api/x https\n"), got["api"]
    assert got["static"]["status"] == 200
    assert got["websocket"] == "HTTP/1.1 101 Switching Protocols hi"
    assert "came by h2" in got["browser"], got["browser"]
    # 60 one after the other: 21 at once, and ten for each second that they took.
    assert 21 <= got["served"] <= 58 and got["served"] + got["refused"] == 60, got


def test_seed_of_haproxy(namespace, folder):
    got = drive(namespace, "haproxy", folder, HAPROXY)
    assert got["up"], got["said"]
    assert sorted(set(got["web"])) == ["10.0.1.10", "10.0.1.11", "10.0.1.12"]
    assert got["api"]["status"] == 200 and got["api"]["body"].startswith("10.0.1.2"), got["api"]
    assert got["plain"]["status"] == 200
    assert "strict-transport-security: max-age=31536000; includesubdomains; preload" in got["headers"].lower()
    assert got["health"]["body"].startswith("127.0.0.1 /health")
    assert got["websocket"] == "HTTP/1.1 101 Switching Protocols hi"
    assert "came by h2" in got["browser"], got["browser"]
    assert "web_backend,web1" in got["statistics"]["body"]
    assert got["many"] == 403   # over 100 requests in 10 s
