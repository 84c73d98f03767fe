# SPDX-License-Identifier: Apache-2.0
# Runs a proxy (an anchor, or weir under any of its names) in the foreground with
# the configuration of a test, and holds it to its duties: it listens in time,
# stops in time, leaves no process behind, and logs no alert or sanitizer report.
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from support import proc, wire
from support.binary import ANCHORS, STREAM_MODULE

STOP_LIMIT = 5.0
START_LIMIT = 10.0
SANITIZER = re.compile(
    r"(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error:|WEIR_(CHECK|ASSERT)")
CRASH = re.compile(r"exited on signal|exited with code 1(3[1-9])|core dumped|Segmentation fault")
ALERT = re.compile(r"\[(alert|emerg)\]")


class ProxyError(AssertionError):
    pass


class Proxy:
    """One running proxy. Use as a context manager; leaving it checks everything."""

    def __init__(self, binary, personality, config, *, ports=(), udp_ports=(), unix=(),
                 folder=None, allow=(), files_limit=4096, env=None, extra=(), one_cpu=False):
        self.binary, self.personality = Path(binary), personality
        self.ports, self.udp_ports, self.unix = list(ports), list(udp_ports), list(unix)
        self.allow = [re.compile(pattern) for pattern in allow]
        self.files_limit, self.env, self.extra = files_limit, env or {}, list(extra)
        self.one_cpu = one_cpu
        self._own_folder = folder is None
        self.folder = Path(folder or make_folder())
        self.config_path = self.folder / ("haproxy.cfg" if personality == "haproxy"
                                          else "nginx.conf")
        self.pid_path = self.folder / f"{personality}.pid"
        self.stderr_path = self.folder / "stderr"
        self.error_log = self.folder / "error.log"
        self.process = None
        self.write_config(config)

    def write_config(self, text):
        """Replace the configuration file at once, as an editor would."""
        fresh = self.config_path.with_suffix(".new")
        fresh.write_bytes(text.encode("latin-1"))
        fresh.replace(self.config_path)

    @property
    def is_real_nginx(self):
        return str(self.binary) == ANCHORS["nginx"]

    @property
    def is_anchor(self):
        return str(self.binary) in ANCHORS.values()

    def command(self, *more):
        """The command line that names this instance, plus `more`."""
        if self.personality == "haproxy":
            return [str(self.binary), "-W", "-db", "-f", str(self.config_path),
                    "-p", str(self.pid_path), *self.extra, *more]
        words = [str(self.binary), "-p", f"{self.folder}/", "-c", str(self.config_path)]
        words += ["-e", str(self.error_log)]
        if self.personality == "nginx":
            globals_ = f"daemon off; pid {self.pid_path};"
            if self.is_real_nginx and re.search(rb"\bstream\s*\{", self.config_path.read_bytes()):
                globals_ = f"load_module {STREAM_MODULE}; " + globals_
            words += ["-g", globals_]
        return words + self.extra + list(more)

    # -- life ---------------------------------------------------------------

    def start(self):
        for name in ("body", "proxy", "logs", "html"):
            (self.folder / name).mkdir(exist_ok=True)
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                cwd=self.folder, start_new_session=True, preexec_fn=self._limit,
                env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                     **self.env})
        if not wire.wait_until(self._is_up, START_LIMIT):
            text = self.output()
            self.kill()
            raise ProxyError(f"{self.personality} did not come up:\n{text}\n"
                             + self.config_path.read_text("latin-1"))
        return self

    def _limit(self):
        """A modest limit: HAProxy sizes its tables by it, at every start. And how many CPUs there are."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.files_limit, self.files_limit))
        if self.one_cpu:
            cpus = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cpus[os.getpid() % len(cpus)]})

    def _is_up(self):
        if self.process.poll() is not None:
            raise ProxyError(f"{self.personality} ended with {self.process.returncode}:\n"
                             f"{self.output()}\n" + self.config_path.read_text("latin-1"))
        if self.ports and not set(self.ports) <= proc.tcp_listening():
            return False
        if self.udp_ports and not set(self.udp_ports) <= proc.udp_bound():
            return False
        if not all(os.path.exists(path) for path in self.unix):
            return False
        children = proc.children(self.pid)
        if self.is_anchor:
            return bool(children)
        # The last process that weir starts: all workers are there.
        return any("warden" in proc.cmdline(pid) for pid in children)

    def stop(self, how=signal.SIGTERM):
        """Stop as an init script does; return what it did wrong as a list."""
        if self.process is None:
            return []
        wrong = []
        began = time.monotonic()
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            wrong.append(f"still running {STOP_LIMIT} s after the stop signal")
        if not wire.wait_until(lambda: not proc.session_members(self.pid),
                               max(0.2, STOP_LIMIT - (time.monotonic() - began))):
            left = [f"{pid} {proc.cmdline(pid)}" for pid in proc.session_members(self.pid)]
            wrong.append("processes left behind: " + "; ".join(left))
        code = self.process.poll()
        if code is not None and code not in (0, 143, -signal.SIGTERM, -how):
            wrong.append(f"exit status {code}")
        self.kill()
        return wrong

    def kill(self):
        """End whatever is left of this proxy, without asking."""
        if self.process is None:
            return
        for pid in proc.session_members(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def close(self):
        wrong = self.stop() + self.bad_lines()
        text = self.output()
        self.process = None
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        if wrong:
            raise ProxyError(f"{self.personality}: " + "\n".join(wrong) + "\n--- output\n" + text)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.close()
            return
        text = self.output()
        self.kill()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        if hasattr(value, "add_note"):
            value.add_note("--- output of the proxy\n" + text[-4000:])

    # -- looking at it --------------------------------------------------------

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        parts = []
        for path in (self.stderr_path, self.error_log):
            if path.exists():
                parts.append(path.read_text("latin-1"))
        return "".join(parts)

    def bad_lines(self):
        wrong = []
        for line in self.output().splitlines():
            if any(pattern.search(line) for pattern in self.allow):
                continue
            if SANITIZER.search(line) or ALERT.search(line) or CRASH.search(line):
                wrong.append(line)
        return wrong

    def processes(self):
        return proc.session_members(self.pid)

    def warden(self):
        return [pid for pid in proc.children(self.pid) if "warden" in proc.cmdline(pid)]

    def workers(self):
        """Children of the master that carry traffic."""
        return [pid for pid in proc.children(self.pid) if "warden" not in proc.cmdline(pid)]

    def memory_kb(self):
        return sum(proc.memory_kb(pid) for pid in self.processes())

    # -- telling it things ----------------------------------------------------

    def reload(self):
        """Reload as operators of this personality do; returns (status, output)."""
        if self.personality == "haproxy":
            if self.is_anchor:
                time.sleep(0.3)     # the anchor loses a signal that comes while it loads
            os.kill(self.pid, signal.SIGUSR2)
            return 0, ""
        done = subprocess.run(self.command("-s", "reload"), capture_output=True, text=True,
                              timeout=30, cwd=self.folder, check=False)
        return done.returncode, done.stdout + done.stderr

    def run(self, *words, timeout=30):
        """Run the same binary once, with its own words (-t, -c, -v ...)."""
        return subprocess.run([str(self.binary), *words], capture_output=True, text=True,
                              timeout=timeout, cwd=self.folder, check=False)


def make_folder():
    """A fresh folder that an unprivileged worker may enter."""
    folder = Path(tempfile.mkdtemp(prefix="weir-e2e-"))
    folder.chmod(0o755)
    return folder
