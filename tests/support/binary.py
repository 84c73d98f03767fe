# SPDX-License-Identifier: Apache-2.0
# Which programs the tests run: Debian's nginx and haproxy as anchors, and weir
# under any of its names. WEIR_BIN names the binary; WEIR_BIN=anchor runs the
# anchors against themselves, which checks the tests rather than weir.
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = ("build/debug/weir", "build/release/weir")
ANCHORS = {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy"}
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
NGINX_MODULES = {  # what the tests load, and the package that holds it
    STREAM_MODULE: "libnginx-mod-stream",
    "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so": "libnginx-mod-http-brotli-filter",
    "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so": "libnginx-mod-http-brotli-static",
}


class MissingBinary(Exception):
    pass


def subject_is_anchor():
    return os.environ.get("WEIR_BIN") == "anchor"


def find_weir():
    """Path of the weir binary: $WEIR_BIN, or the newest build of this checkout."""
    named = os.environ.get("WEIR_BIN")
    if named:
        path = Path(named).resolve()
        if not os.access(path, os.X_OK):
            raise MissingBinary(f"WEIR_BIN={named} is not an executable file")
        return path
    built = [ROOT / name for name in DEFAULTS if os.access(ROOT / name, os.X_OK)]
    if not built:
        raise MissingBinary("no weir binary: build one (" + " or ".join(DEFAULTS)
                            + ") or set WEIR_BIN")
    return max(built, key=lambda path: path.stat().st_mtime)


def check_binaries():
    """Raise MissingBinary with what to do when a program is not there."""
    for name, path in ANCHORS.items():
        if not os.access(path, os.X_OK):
            raise MissingBinary(f"{path} is missing: apt-get install {name}")
    for path, package in NGINX_MODULES.items():
        if not os.path.exists(path):
            raise MissingBinary(f"apt-get install {package}")
    if not subject_is_anchor():
        find_weir()


_links = None


def subject(personality):
    """Path of the program under test, named so that it takes that personality."""
    global _links
    if subject_is_anchor():
        return Path(ANCHORS[personality])
    if _links is None:
        _links = Path(tempfile.mkdtemp(prefix="weir-e2e-bin-"))
        _links.chmod(0o755)
        for name in ("nginx", "haproxy", "weir"):
            (_links / name).symlink_to(find_weir())
    return _links / personality


def anchor(personality):
    return Path(ANCHORS[personality])


def remove_links():
    if _links is not None:
        shutil.rmtree(_links, ignore_errors=True)


def has_sanitizer(path):
    """True for builds with ASan: their memory says nothing about weir's."""
    with open(Path(path).resolve(), "rb") as file:
        return b"__asan_init" in file.read()
