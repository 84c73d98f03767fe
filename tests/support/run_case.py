# SPDX-License-Identifier: Apache-2.0
# Runs one differential case under one program and returns its transcript.
import re
import ssl
import time
from pathlib import Path

from support import client_tls, wire
from support.client import Client, methods_of, udp_exchange
from support.proxy import Proxy
from support.transcript import scrub_log, show_arrival, show_response
from support.websocket import WebSocketClient

STEP_TIMEOUT = 8.0


class Run:
    def __init__(self, stage, binary):
        self.stage, self.case = stage, stage.case
        self.lines = []
        self.connections = {}
        self.resumption = client_tls.Resumption()
        listeners = {name: port for name, port in stage.names.items()
                     if not name.startswith("closed")}
        # One worker, one thread: whose turn it is with round robin is kept by each of weir's workers,
        # and seldom but sometimes another one takes a connection.
        self.proxy = Proxy(
            binary, self.case.language, stage.config, folder=stage.folder,
            allow=self.case.allow, one_cpu=True,
            ports=[v for k, v in listeners.items() if k.startswith("listen")],
            udp_ports=[v for k, v in listeners.items() if k.startswith("udp")],
            unix=[v for k, v in listeners.items() if k.startswith("unix")])

    def execute(self):
        self.stage.begin_run()
        for path in (self.proxy.stderr_path, self.proxy.error_log, *self.proxy.unix):
            Path(path).unlink(missing_ok=True)
        self.proxy.start()
        try:
            for number, step in enumerate(self.case.steps, 1):
                for _ in range(step.get("times", 1)):
                    self.take_step(number, step)
        except BaseException:
            self.proxy.kill()
            raise
        finally:
            for client in self.connections.values():
                client.close()
        self.proxy.close()
        wire.wait_until(lambda: not any(s.open_connections() for s in
                                        self.stage.servers.values()
                                        if hasattr(s, "open_connections")), 1.0)
        self.add_streams()
        self.add_logs()
        return [self.scrub(line) for line in self.lines]

    def scrub(self, line):
        for pattern, text in self.case.scrub:
            line = re.sub(pattern, text, line)
        return line

    # -- steps ----------------------------------------------------------------

    def take_step(self, number, step):
        if any(key in step for key in ("stop", "start", "release", "close", "sleep", "poll")):
            self.control(step)
            return
        self.lines.append(f"step {number}: {step.get('about', describe(step))}")
        before = self.stage.recorder.count()
        try:
            if "udp" in step:
                self.step_udp(step)
            elif "ws" in step:
                self.step_ws(step)
            elif "tcp" in step:
                self.step_tcp(step)
            else:
                self.step_http(step, before)
        except ssl.SSLError as error:
            self.lines.append(f"  no TLS: {error.reason}")
        except wire.Closed:
            self.lines.append("  connection closed without a response")
        except TimeoutError:
            self.lines.append("  no response in time")
        except ConnectionRefusedError:
            self.lines.append("  connection refused")
        except ConnectionError:
            self.lines.append("  connection closed without a response")
        if step.get("arrivals"):
            wire.wait_until(
                lambda: self.stage.recorder.count() - before >= step["arrivals"], 3.0)
        if not step.get("ignore_arrivals"):
            self.add_arrivals(before)

    def add_arrivals(self, before):
        got = [a for a in self.stage.recorder.since(before) if a.message]
        if self.case.unordered:
            got.sort(key=lambda a: (a.server, a.message.start))
        for arrival in got:
            self.lines += show_arrival(arrival, self.case.connections)

    def control(self, step):
        servers = self.stage.servers
        if "stop" in step:
            servers[step["stop"]].stop()
        if "start" in step:
            servers[step["start"]].start()
        if "release" in step:
            servers[step["release"]].release()
        if "close" in step:
            self.connections.pop(step["close"]).close()
        if "sleep" in step:
            time.sleep(step["sleep"])
        if "poll" in step:
            self.poll(step)

    def poll(self, step):
        """Ask until the answer is the awaited one; leaves no trace in the transcript."""
        def asked():
            try:
                with Client(self.target(step), 2.0) as client:
                    answer = client.get(self.fill(step["poll"]), keep=False)
            except (OSError, wire.Closed):
                return False
            return (answer.status == step.get("status", 200)
                    and step.get("text", "") in answer.body.decode("latin-1"))
        if not wire.wait_until(asked, 8.0, 0.05):
            self.lines.append(f"  never came: {step['poll']} {step.get('text', '')}")

    def fill(self, text):
        return self.stage.fill(text)

    def target(self, step):
        return self.stage.names[step.get("to", self.stage.default_listener())]

    def client(self, step):
        name = step.get("conn")
        if name in self.connections:
            return self.connections[name], True
        tls = step.get("tls")
        client = Client(self.target(step), step.get("timeout", STEP_TIMEOUT),
                        source=step.get("source"),
                        secure=tls is not None and (lambda sock: self.resumption.wrap(sock, tls)))
        if tls is not None:
            self.lines.append("  " + client_tls.describe(client.sock))
        if name:
            self.connections[name] = client
        return client, bool(name)

    def step_http(self, step, before):
        if "finish" in step:
            client, data = self.connections[step["finish"]], None
            methods = [step.get("method", "GET")] * step.get("responses", 1)
        else:
            client, _ = self.client(step)
            data = self.request_bytes(step)
            methods = methods_of(data) or ["GET"]
            if "responses" in step:
                methods = (methods + ["GET"] * step["responses"])[:step["responses"]]
            self.send(client, data, step)
        if step.get("hold"):
            self.wait_for_arrival(step, before)
            return
        try:
            for method in methods:
                for message in client.read_final(method):
                    self.lines += show_response(message, method)
            if "tls" in step:
                self.resumption.keep(client.sock, step["tls"])
            if not step.get("linger"):
                self.note_end(client, message if methods else None)
        finally:
            if not step.get("conn") and "finish" not in step:
                client.close()

    def send(self, client, data, step):
        client.send(data)
        for part in step.get("parts", []):
            time.sleep(0.05)
            client.send(self.fill(part))
        if step.get("half_close"):
            client.finish_sending()

    def wait_for_arrival(self, step, before):
        held = step["hold"] if isinstance(step["hold"], float) else 3.0
        wire.wait_until(lambda: self.stage.recorder.count() > before, held)

    def note_end(self, client, message):
        closing = message is None or "close" in (message.get("connection") or "").lower() \
            or message.framing == "close"
        closed = client.is_closed(2.0 if closing else 0.02)
        self.lines.append("  connection closed" if closed else "  connection open")

    def request_bytes(self, step):
        if "raw" in step:
            return self.fill(step["raw"]).encode("latin-1")
        method, target = step.get("method", "GET"), step.get("get", step.get("target", "/"))
        lines = [f"{method} {target} HTTP/{step.get('version', '1.1')}"]
        if step.get("host", "test"):
            lines.append(f"Host: {step.get('host', 'test')}")
        lines += step.get("headers", [])
        if not step.get("keep", bool(step.get("conn"))):
            lines.append("Connection: close")
        body = step.get("body", "")
        if "chunks" in step:
            lines.append("Transfer-Encoding: chunked")
            body = "".join(f"{len(c):x}\r\n{c}\r\n" for c in step["chunks"]) + "0\r\n\r\n"
        elif "body" in step:
            lines.append(f"Content-Length: {len(body)}")
        return self.fill("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")

    def step_tcp(self, step):
        try:
            self.exchange_bytes(step)
        except ConnectionRefusedError:
            raise
        except ConnectionError:     # closed before connect() or send() was through
            self.lines += ["  received ''", "  connection closed"]

    def exchange_bytes(self, step):
        client, kept = self.client(step)
        client.send(self.fill(step["tcp"]))
        if step.get("half_close"):
            client.finish_sending()
        want = step.get("read", "close")
        if want == "close":
            data = client.reader.rest()
            end = "  connection closed"
        else:
            data = client.reader.exactly(want)
            end = "  connection closed" if client.is_closed() else "  connection open"
        self.lines.append(f"  received {data.decode('latin-1')!r}")
        self.lines.append(end)
        if not kept:
            client.close()

    def step_udp(self, step):
        got = udp_exchange(self.target(step), self.fill(step["udp"]).encode("latin-1"),
                           step.get("replies", 1), step.get("timeout", 2.0))
        self.lines += [f"  datagram {data.decode('latin-1')!r}" for data in got]

    def step_ws(self, step):
        client = WebSocketClient(self.target(step), step.get("target", "/ws"),
                                 step.get("host", "test"), step.get("headers", []))
        client.response.fields = [(name, "KEY" if name.lower() == "sec-websocket-accept"
                                   else value) for name, value in client.response.fields]
        self.lines += show_response(client.response)
        if client.response.status == 101:
            self.lines += [f"  message {client.echo(text)!r}" for text in step["ws"]]
            client.say_goodbye()
        client.close()

    # -- after the run ----------------------------------------------------------

    def add_streams(self):
        streams = [a for a in self.stage.recorder.since() if a.message is None]
        streams.sort(key=lambda a: (a.server, a.payload))  # noted at their end, in any order
        if self.case.distinct:
            self.lines.append("distinct requests at the servers")
            shown = {"\n".join(show_arrival(a, False)) for a in self.stage.recorder.since()
                     if a.message}
            self.lines += "\n".join(sorted(shown)).split("\n")
        if streams:
            self.lines.append("bytes at the servers")
        for arrival in streams:
            self.lines += show_arrival(arrival, self.case.connections)

    def add_logs(self):
        keep = re.compile(self.case.log_lines or "")
        for name in self.case.logs:
            path = self.stage.folder / name
            text = path.read_text("latin-1") if path.exists() else "<no such log>\n"
            self.lines.append(f"log {name}")
            self.lines += ["  " + line for line in text.splitlines() if keep.search(line)]
        if self.stage.syslog:
            self.stage.syslog.settle()
            keep = re.compile(self.case.log_lines or r"\[\d\d/\w{3}/\d{4}:")
            self.lines.append("syslog")
            lines = [scrub_log(line) for line in self.stage.syslog.lines if keep.search(line)]
            # Threads and workers log when a stream ends; the next may have begun by then. What is
            # scrubbed must not decide the order.
            self.lines += ["  " + line for line in sorted(self.scrub(line) for line in lines)]


def describe(step):
    if "raw" in step:
        return repr(step["raw"].split("\r\n")[0][:70])
    for key in ("tcp", "udp", "ws", "finish"):
        if key in step:
            return f"{key} {step[key]!r}"[:70]
    target = step.get("get", step.get("target", "/"))
    return f"{step.get('method', 'GET')} {target}"[:70]


def run_case(stage, binary):
    return Run(stage, binary).execute()
