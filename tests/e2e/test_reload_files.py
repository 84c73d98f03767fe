# SPDX-License-Identifier: Apache-2.0
# Reloads with many certificates read only those that changed.
import ctypes
import os
import struct

import pytest

from support import certificates, wire
from support.ports import free_port

from .setups import skip_anchor

LANGUAGES = ["nginx", "haproxy"]
IN_OPEN = 0x20


class Opens:
    """Names of the files in a folder that somebody opens, by inotify(7)."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self.fd, str(folder).encode(), IN_OPEN) >= 0

    def take(self):
        names = set()
        while True:
            try:
                block = os.read(self.fd, 1 << 20)
            except BlockingIOError:
                return names
            at = 0
            while at < len(block):
                _, _, _, size = struct.unpack_from("iIII", block, at)
                names.add(block[at + 16:at + 16 + size].rstrip(b"\0").decode())
                at += 16 + size

    def close(self):
        os.close(self.fd)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reload_opens_only_what_changed(language, folder, run_proxy):
    skip_anchor(language, "HAProxy reads all of them again")
    certs, port, many = folder / "certs", free_port(), 300
    certs.mkdir()
    good = (certificates.folder() / "good.both.pem").read_bytes()
    for number in range(many):
        (certs / f"{number}.pem").write_bytes(good)
    if language == "haproxy":
        text = ("defaults\n    mode http\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n"
                f"listen l\n    bind 127.0.0.1:{port} ssl crt {certs}\n    http-request return status 200\n")
    else:
        servers = "".join(f"server {{ listen 127.0.0.1:{port} ssl; server_name n{number}.example; "
                          f"ssl_certificate {certs}/{number}.pem; ssl_certificate_key {certs}/{number}.pem; }}\n"
                          for number in range(many))
        text = f"error_log error.log notice;\nevents {{}}\nhttp {{\n{servers}}}\n"
    proxy = run_proxy(language, text, ports=[port])
    opens = Opens(certs)

    def reload(times):
        opens.take()
        assert proxy.reload()[0] == 0
        assert wire.wait_until(lambda: proxy.output().count("the new configuration is live") >= times, 10.0)
        # The folder itself is listed (its name is empty).
        return opens.take() - {""}

    assert reload(1) == set()
    for number in (3, 4):
        fresh = certs / "fresh"
        fresh.write_bytes((certificates.folder() / "other.both.pem").read_bytes())
        fresh.replace(certs / f"{number}.pem")
    assert reload(2) == {"3.pem", "4.pem"}
    assert reload(3) == set()
    opens.close()
