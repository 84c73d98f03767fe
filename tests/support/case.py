# SPDX-License-Identifier: Apache-2.0
# Reads one differential case: a TOML file that holds a configuration, the servers
# behind it and the steps to take. README.md beside the cases explains the keys.
# A key that nobody knows is an error, so a slip can't turn a check off in silence.
import os
import re
import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from support import certificates
from support.gateways import FastcgiServer, ScgiServer, UwsgiServer
from support.ports import free_port
from support.servers import EchoServer, HttpServer, Recorder, Syslog, UdpServer
from support.websocket import WebSocketServer

NAME = re.compile(r"@([a-z][a-z0-9_]*)(\.port|\.path)?@")
FILE_DATE = 1577934245   # Thu, 02 Jan 2020 03:04:05 GMT
CASE_KEYS = {"about", "config", "files", "servers", "step", "logs", "scrub", "connections",
             "newest", "allow", "log_lines", "unordered", "distinct",
             "refused", "fresh"}
STEP_KEYS = {
    "about", "to", "times", "conn", "source", "arrivals", "timeout",
    "get", "method", "target", "host", "headers", "body", "chunks", "version", "keep",
    "raw", "parts", "responses", "half_close", "linger", "hold", "finish",
    "tcp", "read", "udp", "replies", "ws", "tls",
    "stop", "start", "release", "close", "sleep", "poll", "status", "text", "ignore_arrivals"}
KINDS = {"http": HttpServer, "echo": EchoServer, "websocket": WebSocketServer,
         "fastcgi": FastcgiServer, "scgi": ScgiServer, "uwsgi": UwsgiServer}


@dataclass
class Case:
    path: Path
    language: str
    config: str
    steps: list
    servers: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    logs: list = field(default_factory=list)
    log_lines: str = ""
    scrub: list = field(default_factory=list)
    newest: list = field(default_factory=list)
    allow: list = field(default_factory=list)
    connections: bool = False
    unordered: bool = False
    distinct: bool = False
    refused: list = field(default_factory=list)
    fresh: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.language}/{self.path.stem}"


def load_case(path):
    with open(path, "rb") as file:
        raw = tomllib.load(file)
    unknown = set(raw) - CASE_KEYS
    for step in raw.get("step", []):
        unknown |= set(step) - STEP_KEYS
    if unknown:
        raise ValueError(f"{path}: unknown keys {sorted(unknown)}")
    if not raw.get("about") or not raw.get("step"):
        raise ValueError(f"{path}: a case needs `about` and at least one step")
    for note in raw.get("newest", []):
        if set(note) != {"reason", "from", "to"}:
            raise ValueError(f"{path}: [[newest]] needs reason, from and to")
    return Case(path, path.parent.name, raw["config"], raw["step"],
                **{key: raw[key] for key in CASE_KEYS & set(raw)
                   - {"about", "config", "step"}})


def newest_behavior(case, lines):
    """The anchor's transcript, changed to what the newest release would answer."""
    for note in case.newest:
        changed = [line for line in (re.sub(note["from"], note["to"], line) for line in lines)
                   if line]
        if changed == lines:
            raise ValueError(f"[[newest]] {note['reason']}: matches nothing")
        lines = changed
    return lines


class Stage:
    """Servers, ports and folder of a case; the same for every program it runs under."""

    def __init__(self, case, folder):
        self.case, self.folder = case, Path(folder)
        self.recorder = Recorder()
        self.names = {}
        self.servers = {name: self._make_server(name, dict(spec))
                        for name, spec in case.servers.items()}
        self.down = {name for name, spec in case.servers.items() if spec.get("down")}
        self.syslog = Syslog().start() if "@syslog@" in case.config else None
        self.config = self.fill(case.config)

    def _make_server(self, name, spec):
        kind = spec.pop("kind", "http")
        spec.pop("down", None)
        if kind == "udp":
            return UdpServer(name, self.recorder, **spec)
        if spec.get("unix"):
            spec["unix"] = str(self.folder / f"{name}.sock")
        return KINDS[kind](name, self.recorder, **spec)

    def fill(self, text):
        """Put addresses in the place of @name@, @name.port@ and @name.path@."""
        return NAME.sub(self._value, text)

    def _value(self, match):
        name, part = match.group(1), match.group(2)
        if name == "tmp":
            return str(self.folder)
        if name == "syslog":
            return self.syslog.address
        if name == "certificates":
            return str(certificates.folder())
        if name in self.servers:
            server = self.servers[name]
            if part == ".port":
                return str(server.port)
            return server.unix if part == ".path" else server.address
        if name.startswith(("listen", "udp", "closed")):
            port = self.names.setdefault(name, None) or free_port()
            self.names[name] = port
            return str(port) if part == ".port" else f"127.0.0.1:{port}"
        if name.startswith("unix"):
            path = str(self.folder / f"{name}.sock")
            self.names[name] = path
            return path if part == ".path" else f"unix:{path}"
        if name == "certificates":
            return str(certificates.folder())
        if name == "http11":
            return 'proxy_http_version 1.1; proxy_set_header Connection "";'
        raise ValueError(f"{self.case.path}: @{name}@ names nothing")

    def default_listener(self):
        for name in self.names:
            if name.startswith(("listen", "unix")):
                return name
        return next(iter(self.names))

    def begin_run(self):
        """Same start for every run: all servers up but the `down` ones, counts at zero."""
        for name, server in self.servers.items():
            server.stop()
            server.reset_counts()
            if name not in self.down:
                server.start()
        if self.syslog:
            self.syslog.reset_counts()
        for name, text in self.case.files.items():
            self._write(self.folder / name, name.endswith("/"), self.fill(text))
        for name in self.case.fresh:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in self.case.logs:
            (self.folder / name).unlink(missing_ok=True)
        self.recorder.clear()

    def _write(self, path, is_folder, text):
        """A file with a fixed date; "name/" is a folder, a text "-> x" a link."""
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if is_folder:
            os.utime(path, (FILE_DATE, FILE_DATE))
            return
        if text.startswith("-> "):
            path.unlink(missing_ok=True)
            path.symlink_to(text[3:])
            os.utime(path, (FILE_DATE, FILE_DATE), follow_symlinks=False)
            return
        path.write_bytes(text.encode("latin-1"))
        os.utime(path, (FILE_DATE, FILE_DATE))

    def close(self):
        for server in self.servers.values():
            server.stop()
        if self.syslog:
            self.syslog.stop()
