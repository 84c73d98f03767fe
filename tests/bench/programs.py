# SPDX-License-Identifier: Apache-2.0
"""The proxies under test: how each is started on one core, found ready, and stopped."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import processes

NAMES = ("nginx", "haproxy", "weir-nginx", "weir-haproxy", "floor")
ANCHORS = ("nginx", "haproxy")


class ProgramError(Exception):
    """A program that cannot be measured, with what it said."""


@dataclass(frozen=True)
class Program:
    name: str
    language: str  # nginx | haproxy, or "" for the floor
    binary: str

    def text(self, case, port, servers):
        """The configuration for the case, or None when the language has none."""
        make = getattr(case, self.language) if self.language else None
        return make(port, servers) if make else None

    def can(self, case):
        if self.language:
            return getattr(case, self.language) is not None
        return case.floor is not None

    def serve_words(self, case, folder, port, servers):
        if not self.language:
            return [self.binary, str(port), str(servers[0]), case.floor]
        conf = folder / f"{self.language}.conf"
        if self.language == "nginx":
            log = str(folder / "error.log")
            return [self.binary, "-p", f"{folder}/", "-c", str(conf), "-e", log,
                    "-g", "daemon off;"]
        return [self.binary, "-f", str(conf), "-db"]

    def check_words(self, folder):
        conf = str(folder / f"{self.language}.conf")
        if self.language == "nginx":
            log = str(folder / "error.log")
            return [self.binary, "-t", "-q", "-p", f"{folder}/", "-c", conf, "-e", log]
        return [self.binary, "-c", "-q", "-f", conf]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    """True once someone listens there; False when the process ended or 10 s have passed."""
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.01)
    return False


def on_core(core):
    """For subprocess: what the child does before it becomes the program."""

    def prepare():
        os.sched_setaffinity(0, {core})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return prepare


class Running:
    """A started proxy; a context manager that ends it and every process it left."""

    def __init__(self, program, case, folder, servers, core):
        self.program = program
        self.port = free_port()
        self.output = folder / "output"
        text = program.text(case, self.port, servers)
        if text is not None:
            (folder / f"{program.language}.conf").write_text(text, encoding="ascii")
        words = program.serve_words(case, folder, self.port, servers)
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=on_core(core), start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        try:
            self.wait_until_ready()
        except ProgramError:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until_ready(self):
        if wait_for_port(self.port, self.process):
            return
        said = self.output.read_text(encoding="utf-8", errors="replace").strip()
        raise ProgramError(f"{self.program.name} does not serve: {said[-600:] or 'no output'}")

    def stop(self):
        family = processes.tree(self.pid)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in family[1:]:
            # A session of its own was started for the tree, so a reused number is not hit.
            try:
                if os.getsid(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


def find_programs(wanted, weir, relay, folder):
    """The programs to measure, and a notice for each that is not there."""
    found, notices = [], []
    links = folder / "as"
    links.mkdir()
    for name in wanted:
        language = name.rpartition("-")[2]
        if name == "floor":
            found.append(Program(name, "", str(relay)))
        elif name in ANCHORS:
            path = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
            if path is None:
                raise ProgramError(f"{name} is not installed")
            found.append(Program(name, language, path))
        elif not os.access(weir, os.X_OK):
            notices.append(f"{name} is left out: no program at {weir}")
        else:
            # By its own name the binary takes the anchor's command line.
            link = links / language
            link.symlink_to(Path(weir).resolve())
            found.append(Program(name, language, str(link)))
    return found, notices


def version_of(program):
    if not program.language:
        return "bare relay"
    said = subprocess.run([program.binary, "-v"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).strip().partition("\n")[0]
