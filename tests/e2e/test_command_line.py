# SPDX-License-Identifier: Apache-2.0
# The command lines that scripts, certbot and exporters read: each row runs under the
# anchor and under weir by the same name; the status must be the same and the texts
# that tools look for must be in both.
import re
import subprocess

import pytest

from support import binary
from support.ports import free_port

FILES = {
    "good.conf": "events {{ }}\nhttp {{ server {{ listen 127.0.0.1:{port}; return 200 x; }} }}\n",
    "bad.conf": "events {{ }}\nhttp {{\n    no_such_directive on;\n}}\n",
    "open.conf": "events {{ }}\nhttp {{\n    server {{\n        listen 127.0.0.1:{port};\n",
    "part.conf": "server {{ listen 127.0.0.1:{port}; }}\n",
    "include.conf": "events {{ }}\nhttp {{ include part.conf; }}\n",
    "missing.conf": "events {{ }}\nhttp {{ include no-such-file.conf; }}\n",
    "good.cfg": "defaults\n    mode http\n    timeout client 1s\n    timeout connect 1s\n"
                "    timeout server 1s\nfrontend f\n    bind 127.0.0.1:{port}\n",
    "bad.cfg": "frontend f\n    bind 127.0.0.1:{port}\n    no_such_keyword x\n",
    "warn.cfg": "frontend f\n    mode http\n    bind 127.0.0.1:{port}\n    default_backend b\n"
                "backend b\n    mode http\n    server a 127.0.0.1:1\n",
    "empty.cfg": "",
    "dir/1.cfg": "defaults\n    mode http\n    timeout client 1s\n    timeout connect 1s\n"
                 "    timeout server 1s\n",
    "dir/2.cfg": "frontend f\n    bind 127.0.0.1:{port}\n",
}

# (name, words, text that must be in the output, text that must not)
NGINX = [
    ("version", "-v", [r"nginx version: nginx/\d+\.\d+\.\d+"], []),
    ("build", "-V", [r"nginx version: nginx/\d+\.\d+", r"built with OpenSSL \d",
                     "TLS SNI support enabled", "configure arguments:",
                     "--with-http_ssl_module"], []),
    ("build with file", "-c good.conf -V", ["TLS SNI support enabled"], []),
    ("test", "-t -c {dir}/good.conf", [r"nginx: the configuration file \S+ syntax is ok",
                                       r"nginx: configuration file \S+ test is successful"], []),
    ("quiet test", "-t -q -c {dir}/good.conf", [], ["syntax is ok", "successful"]),
    ("failing test", "-t -c {dir}/bad.conf", [r'\[emerg\].*"?no_such_directive"? ', r"bad\.conf:3",
                                              r"nginx: configuration file \S+ test failed"],
     ["successful"]),
    ("quiet failing test", "-t -q -c {dir}/bad.conf", ["no_such_directive"], []),
    ("unfinished file", "-t -c {dir}/open.conf", [r"\[emerg\]", r"open\.conf", "test failed"], []),
    ("include", "-t -p {dir}/ -c include.conf", ["test is successful"], []),
    ("missing include", "-t -p {dir}/ -c missing.conf", ["no-such-file.conf", "test failed"], []),
    ("missing file", "-t -c {dir}/nowhere.conf", ["nowhere.conf", "No such file or directory",
                                                  "test failed"], []),
    ("dump", "-T -p {dir}/ -c include.conf",
     [r"# configuration file \S*include\.conf:", r"# configuration file \S*part\.conf:", "listen"],
     []),
    ("directives", "-t -c {dir}/good.conf -g worker_processes 3;", ["successful"], []),
    ("bad directives", "-t -c {dir}/good.conf -g no_such_directive 3;",
     ["no_such_directive"], []),
    ("unknown option", "-z", [r"nginx: invalid option"], []),
    ("unknown verb", "-s bogus", [r'invalid option: "-s bogus"'], []),
    ("help", "-h", ["Usage: nginx", "-t", "-s signal"], []),
    ("verb without a pid", "-s reload -p {dir}/ -c good.conf -g pid none.pid;",
     ["none.pid"], []),
]
HAPROXY = [
    ("version", "-v", [r"^HAProxy version \d+\.\d+"], []),
    ("build", "-vv", [r"^HAProxy version \d+\.\d+", r"Feature list :.*\+OPENSSL",
                      "Built with OpenSSL"], []),
    ("check", "-c -f {dir}/good.cfg", [], ["ALERT"]),
    ("loud check", "-c -V -f {dir}/good.cfg", ["Configuration file is valid"], []),
    ("quiet check", "-c -q -f {dir}/good.cfg", [], ["valid"]),
    ("failing check", "-c -f {dir}/bad.cfg", [r"bad\.cfg:3\b", "no_such_keyword"], ["is valid"]),
    ("quiet failing check", "-c -q -f {dir}/bad.cfg", [], ["is valid"]),
    ("warnings", "-c -f {dir}/warn.cfg", ["(?i)warning"], []),
    ("fatal warnings", "-c -dW -f {dir}/warn.cfg", ["(?i)warning"], []),
    ("missing file", "-c -f {dir}/nowhere.cfg", ["nowhere.cfg"], []),
    ("folder", "-c -f {dir}/dir", [], ["ALERT"]),
    ("several files", "-c -f {dir}/dir/1.cfg -f {dir}/dir/2.cfg", [], ["ALERT"]),
    ("condition that holds", "-cc version_atleast(2.4)", [], []),
    ("condition that does not", "-cc streq(a,b)", [], []),
    ("no file", "", [], []),
]
ROWS = [("nginx", *row) for row in NGINX] + [("haproxy", *row) for row in HAPROXY]


@pytest.fixture
def files(folder):
    (folder / "dir").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text.format(port=free_port()))
    return folder


def split_words(text, folder):
    """Words at blanks; what follows -g is one word."""
    head, option, directives = text.replace("{dir}", str(folder)).partition(" -g ")
    return head.split() + (["-g", directives] if option else [])


def run(program, words, folder):
    return subprocess.run([str(program), *words], capture_output=True, text=True, timeout=20,
                          cwd=folder, check=False)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_same_command_line(row, files):
    personality, _, words, wanted, unwanted = row
    words = split_words(words, files)
    expected = run(binary.anchor(personality), words, files)
    got = run(binary.subject(personality), words, files)
    for done, who in ((expected, "anchor"), (got, "weir")):
        text = done.stdout + done.stderr
        for pattern in wanted:
            assert re.search(pattern, text, re.M), f"{who}: no {pattern!r} in\n{text}"
        for pattern in unwanted:
            assert not re.search(pattern, text, re.M), f"{who}: {pattern!r} in\n{text}"
    assert got.returncode == expected.returncode, got.stdout + got.stderr
    for stream in ("stdout", "stderr"):
        if wanted and not getattr(expected, stream).strip():
            assert not getattr(got, stream).strip(), f"the anchor leaves {stream} empty"


@pytest.mark.parametrize("language", ["nginx", "haproxy"])
def test_weir_tests_files_of_both_languages(language, files):
    """weir -t tells the language from the content, names the place, and exits by it."""
    if binary.subject_is_anchor():
        pytest.skip("the anchors have no such personality")
    good, bad, word = {"nginx": ("good.conf", "bad.conf", "no_such_directive"),
                       "haproxy": ("good.cfg", "bad.cfg", "no_such_keyword")}[language]
    assert run(binary.subject("weir"), ["-t", "-c", files / good], files).returncode == 0
    failed = run(binary.subject("weir"), ["-t", "-c", files / bad], files)
    text = failed.stdout + failed.stderr
    assert failed.returncode == 1
    assert re.search(rf"{re.escape(bad)}:3:5: error: .*{word}", text), text
