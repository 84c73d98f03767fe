# SPDX-License-Identifier: Apache-2.0
# Static files under attack and in odd places: names that try to leave the folder, FIFOs and
# devices, files that shrink while they are sent, slow readers of large ones, password files that
# change. What nginx and weir answer alike is in diff/nginx.
import os
import socket
import threading
import time

import pytest

from support import wire
from support.client import get
from support.ports import free_port
from support.slow_disk import READ

CONFIG = """
user root;
events {{ }}
http {{
    log_not_found off;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/html;
        location /al {{ alias {folder}/html/sub/; }}
        location /var/ {{ alias {folder}/html/; }}
        location /users/ {{ alias {folder}/html/; auth_basic x; auth_basic_user_file {folder}/users; }}
    }}
}}
"""
BIG = 30_000_000


@pytest.fixture
def site(folder, run_proxy):
    port = free_port()
    html = os.path.join(folder, "html")
    os.makedirs(os.path.join(html, "sub"))
    for name, text in (("a.txt", "a"), ("sub/index.html", "sub"), ("sub/b.txt", "b")):
        with open(os.path.join(html, name), "w", encoding="ascii") as file:
            file.write(text)
    with open(os.path.join(folder, "secret"), "w", encoding="ascii") as file:
        file.write("SECRET")
    with open(os.path.join(folder, "users"), "w", encoding="ascii") as file:
        file.write("ann:{PLAIN}one\n")
    proxy = run_proxy("nginx", CONFIG.format(port=port, folder=folder), ports=[port])
    return port, folder, proxy


def raw(port, target, method="GET", more=""):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(f"{method} {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{more}\r\n"
                       .encode("latin-1"))
        return wire.read_response(wire.Reader(client), method)


@pytest.mark.parametrize("target", [
    "/../secret", "/..%2fsecret", "/%2e%2e/secret", "/sub/../../secret", "/sub/%2e%2e%2f%2e%2e/secret",
    "/..;/secret", "/.%2e/secret", "//../secret", "/sub/..//../secret", "/%c0%ae%c0%ae/secret",
    "/a.txt%00.png", "/%00", "/sub%2f..%2f..%2fsecret", "/..\\secret", "/%5c..%5csecret",
    "/al../../secret", "/al../secret", "/al..%2f..%2fsecret", "/al/../../secret", "/var/..%2fsecret",
    "/var/%2e%2e/secret", "/....//secret", "/./../secret", "/?/../secret", "/#/../secret"])
def test_no_name_leads_out_of_the_folder(site, target):
    port, _, _ = site
    answer = raw(port, target)
    assert b"SECRET" not in answer.body
    assert answer.status in (400, 403, 404), target


def test_fifos_devices_and_sockets_stop_nobody(site):
    port, folder, _ = site
    os.mkfifo(f"{folder}/html/fifo")
    os.symlink("/dev/zero", f"{folder}/html/zero")
    os.symlink("/dev/tty", f"{folder}/html/tty")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"{folder}/html/socket")
        for name in ("fifo", "zero", "tty", "socket"):
            answer = raw(port, f"/{name}")
            assert answer.status in (404, 500), name
            assert raw(port, "/a.txt").body == b"a"


def test_a_file_that_shrinks_ends_the_connection(site):
    port, folder, _ = site
    path = f"{folder}/html/big"
    with open(path, "wb") as file:
        file.truncate(BIG)
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.sendall(b"GET /big HTTP/1.1\r\nHost: t\r\n\r\n")
    got = len(client.recv(4096))
    os.truncate(path, 1000)
    while True:
        try:
            piece = client.recv(1 << 20)
        except ConnectionError:
            break
        if not piece:
            break
        got += len(piece)
    client.close()
    assert got < BIG
    assert raw(port, "/a.txt").status == 200


def test_large_files_arrive_whole_and_leave_others_alone(site):
    port, folder, proxy = site
    data = os.urandom(1 << 20) * 8 + b"end"
    with open(f"{folder}/html/data", "wb") as file:
        file.write(data)
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]
    for client in slow:
        client.sendall(b"GET /data HTTP/1.1\r\nHost: t\r\n\r\n")
    started = time.monotonic()
    assert raw(port, "/data").body == data
    assert time.monotonic() - started < 5
    part = raw(port, "/data", more=f"Range: bytes={len(data) - 3}-\r\n")
    assert (part.status, part.body) == (206, b"end")
    parts = raw(port, "/data", more="Range: bytes=0-99,3000000-3999999\r\n")
    assert parts.status == 206 and data[3000000:4000000] in parts.body
    assert len(parts.body) == int(parts.get("content-length"))
    for client in slow:
        client.close()


def test_a_flood_of_ranges_gets_no_more_than_the_file(site):
    port, _, _ = site
    many = ",".join(["0-0"] * 1500)
    answer = raw(port, "/a.txt", more=f"Range: bytes={many}\r\n")
    assert (answer.status, answer.body) == (200, b"a")


def test_users_come_and_go_without_a_reload(site):
    port, folder, _ = site
    ann, bob = "Basic YW5uOm9uZQ==", "Basic Ym9iOnR3bw=="

    def status(who):
        return raw(port, "/users/a.txt", more=f"Authorization: {who}\r\n").status

    assert (status(ann), status(bob)) == (200, 401)
    with open(f"{folder}/users.new", "w", encoding="ascii") as file:
        file.write("bob:{PLAIN}two\n")
    os.replace(f"{folder}/users.new", f"{folder}/users")
    assert (status(ann), status(bob)) == (401, 200)


def test_keep_alive_pipelined_and_mixed_methods(site):
    port, _, _ = site
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /a.txt HTTP/1.1\r\nHost: t\r\n\r\nHEAD /sub/b.txt HTTP/1.1\r\nHost: t\r\n\r\n"
                       b"GET /none HTTP/1.1\r\nHost: t\r\n\r\nGET /sub/ HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        reader = wire.Reader(client)
        answers = [wire.read_response(reader, method) for method in ("GET", "HEAD", "GET", "GET")]
    assert [a.status for a in answers] == [200, 200, 404, 200]
    assert answers[0].body == b"a" and answers[1].body == b"" and answers[3].body == b"sub"


def test_a_slow_disk_holds_up_nobody_else(folder, run_proxy, slow_disk):
    port = free_port()
    text = "0123456789abcdef" * 40_000
    with open(f"{slow_disk.folder}/slow.txt", "w", encoding="ascii") as file:
        file.write(text)
    run_proxy("nginx", f"""
user root;
events {{ }}
http {{ server {{
    listen 127.0.0.1:{port};
    root {slow_disk.folder};
    aio threads;
    location /plain {{ return 200 plain; }}
}} }}
""", ports=[port])
    slow_disk.hold(READ)   # to open it is not held up
    answers = []
    thread = threading.Thread(target=lambda: answers.append(get(port, "/slow.txt")))
    thread.start()
    for _ in range(50):
        started = time.monotonic()
        assert get(port, "/plain").body == b"plain"
        assert time.monotonic() - started < 0.25
        time.sleep(0.02)
    assert slow_disk.waiting and not answers
    slow_disk.release()
    thread.join()
    assert answers[0].body == text.encode()
