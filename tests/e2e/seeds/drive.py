# SPDX-License-Identifier: Apache-2.0
"""Runs inside a network namespace (see test_seeds.py): origin servers on the addresses that a seed
names, the proxy with the seed as it stands, and curl. Prints what came back as JSON.

    drive.py nginx|haproxy PROGRAM CONFIGURATION FOLDER ADDRESS:PORT..."""
import base64
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

language, program, configuration, folder, *addresses = sys.argv[1:]


class Origin(http.server.BaseHTTPRequestHandler):
    """Tells its own address; echoes one WebSocket text frame."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.wfile.write(self.rfile.read(4))
            self.close_connection = True
            return
        if self.path.endswith("/page"):
            return self.send_page()
        body = f"{self.server.server_address[0]} {self.path} {self.headers.get('X-Forwarded-Proto', '-')}\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def send_page(self):
        """Its script tells by which protocol the browser got it."""
        page = (b"<!doctype html><title>page</title><script>"
                b"document.write('came by ' + performance.getEntriesByType('navigation')[0].nextHopProtocol)"
                b"</script>")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def curl(*words):
    """Status, protocol, and the body, of one request."""
    form = "\n%{http_code} %{http_version} %{redirect_url}"
    done = subprocess.run(["curl", "-sk", "--max-time", "10", "-w", form, *words],
                          capture_output=True, text=True, check=False)
    body, _, facts = done.stdout.rpartition("\n")
    status, version, *location = facts.split(" ")
    return {"status": int(status), "version": version, "location": "".join(location), "body": body}


def many(count, url, *words):
    """The statuses of so many requests on one connection, as fast as they are answered."""
    done = subprocess.run(["curl", "-sk", "--max-time", "30", "-o", "/dev/null", "-w", "%{http_code}\n", *words,
                           f"{url}?[1-{count}]"], capture_output=True, text=True, check=False)
    return [int(status) for status in done.stdout.split()]


def websocket(path, tls):
    """The echo of four bytes after the switch."""
    import ssl
    peer = socket.create_connection(("127.0.0.1", 443 if tls else 80), timeout=10)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        peer = context.wrap_socket(peer, server_hostname="api.example.com")
    key = base64.b64encode(os.urandom(16)).decode()
    peer.sendall((f"GET {path} HTTP/1.1\r\nHost: api.example.com\r\nUpgrade: WebSocket\r\n"
                  f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                  "Sec-WebSocket-Version: 13\r\n\r\n").encode())
    got = b""
    while b"\r\n\r\n" not in got:
        piece = peer.recv(4096)
        if not piece:
            return got.decode()
        got += piece
    peer.sendall(b"\x81\x02hi")
    head, _, rest = got.partition(b"\r\n\r\n")
    while len(rest) < 4:
        piece = peer.recv(4096)
        if not piece:
            break
        rest += piece
    return head.decode().split("\r\n")[0] + " " + rest[2:].decode()


def browse(url):
    """What a browser shows of a page."""
    browser = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--ignore-certificate-errors", "--host-resolver-rules=MAP *.example.com 127.0.0.1",
             f"--user-data-dir={folder}/browser", "--virtual-time-budget=2000", "--dump-dom", url]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stdout


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def nginx_results():
    at = ["--resolve", "api.example.com:443:127.0.0.1", "--resolve", "api.example.com:80:127.0.0.1"]
    site = "https://api.example.com"
    results = {
        "redirect": curl(*at, "http://api.example.com/a?b=c"),
        "health": curl(*at, f"{site}/health"),
        "health h1": curl(*at, "--http1.1", f"{site}/health"),
        "api": curl(*at, f"{site}/api/x"),
        "static": curl(*at, f"{site}/static/a.css"),
        "websocket": websocket("/api/ws", True),
        "browser": browse(f"{site}/api/page"),
    }
    # 20 more than one at once, ten a second: the rest of a burst of 60 is refused.
    burst = many(60, f"{site}/api/burst", *at)
    results["refused"] = burst.count(503)
    results["served"] = burst.count(200)
    return results


def haproxy_results():
    at = ["--resolve", "app.example.com:443:127.0.0.1"]
    site = "https://app.example.com"
    return {
        "web": [curl(*at, f"{site}/")["body"].split(" ")[0] for _ in range(6)],
        "api": curl(*at, f"{site}/api/x"),
        "plain": curl("http://127.0.0.1/"),
        "headers": subprocess.run(["curl", "-skI", "--max-time", "10", *at, f"{site}/"],
                                  capture_output=True, text=True, check=False).stdout,
        "health": curl(*at, f"{site}/health"),
        "websocket": websocket("/ws", True),
        "browser": browse(f"{site}/page"),
        "statistics": curl("http://127.0.0.1:8404/stats;csv"),
        "many": many(120, "http://127.0.0.1/")[-1],
    }


def main():
    servers = []
    for address in addresses:
        host, port = address.rsplit(":", 1)
        server = Server((host, int(port)), Origin)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    if language == "nginx":
        words = [program, "-p", f"{folder}/", "-c", configuration, "-e", f"{folder}/error.log",
                 "-g", f"daemon off; pid {folder}/pid;"]
    else:
        # The seed says "daemon"; -db keeps it here.
        words = [program, "-W", "-db", "-f", configuration]
    with open(f"{folder}/said", "wb") as said:
        proxy = subprocess.Popen(words, stdout=said, stderr=said)
    results = {"up": wait_for(443)}
    if results["up"]:
        time.sleep(0.5 if language == "nginx" else 4.5)   # two checks, two seconds apart
        results.update(nginx_results() if language == "nginx" else haproxy_results())
    proxy.send_signal(signal.SIGTERM)
    proxy.wait(timeout=15)
    with open(f"{folder}/said", encoding="utf-8", errors="replace") as said:
        results["said"] = said.read()
    print(json.dumps(results))


main()
