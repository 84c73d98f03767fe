# SPDX-License-Identifier: Apache-2.0
"""That the benchmark tells a proxy that works from one that fails, and fails it: nginx stands in
for weir, whole and with one answer in 256 spoiled."""

import json
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run")
# As weir is started: by a symlink that is named after the anchor. The last .conf word is the file.
STAND_IN = """#!/bin/sh
for word in "$@"; do case "$word" in *.conf) sed -i '{edit}' "$word";; esac; done
exec /usr/sbin/nginx "$@"
"""
SPOIL = "s/location . {/&\\n if ($request_id ~ ^00) { return 503; }/"


def measure(folder, edit, *options):
    stand_in = folder / "weir"
    stand_in.write_text(STAND_IN.replace("{edit}", edit), encoding="ascii")
    stand_in.chmod(0o755)
    result = folder / "result.json"
    words = [RUN, "--rounds", "1", "--seconds", "0.2", "--weir", stand_in, "--json", result,
             "--programs", "nginx,weir-nginx", *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert result.exists(), done.stderr
    return done.returncode, json.loads(result.read_text(encoding="utf-8"))["results"]


@pytest.mark.parametrize("case", ["keepalive", "connection", "idle"])
def test_a_failing_proxy_fails_the_case(tmp_path, case):
    status, results = measure(tmp_path, SPOIL, "--only", case)
    assert status == 1
    assert "status" in results[case]["weir-nginx"]["failed"]
    assert results[case]["nginx"]["cost"] > 0


def test_a_wrong_route_is_found(tmp_path):
    status, results = measure(tmp_path, "s/http:..app7/http:\\/\\/app8/", "--only", "routes")
    assert status == 1
    assert "not 7" in results["routes"]["weir-nginx"]["failed"]


def test_the_same_program_costs_about_the_same(tmp_path):
    status, results = measure(tmp_path, "", "--only", "keepalive")
    assert status == 0
    rows = results["keepalive"]
    assert 0.4 < rows["weir-nginx"]["cost"] / rows["nginx"]["cost"] < 2.5
    assert rows["weir-nginx"]["rate"] > 1000
