# SPDX-License-Identifier: Apache-2.0
# Every case under nginx/ and haproxy/: the anchor runs it twice and must agree with
# itself, so that the expectation is live, not recorded; then weir must agree with
# the anchor. A case is one TOML file, picked up by glob; README.md has its keys.
import difflib
import re
import subprocess
from pathlib import Path

import pytest

from support import binary
from support.case import Stage, load_case, newest_behavior
from support.proxy import Proxy
from support.run_case import run_case

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("nginx/*.toml")) + sorted(HERE.glob("haproxy/*.toml"))


def compare(expected, got, left, right):
    diff = difflib.unified_diff(expected, got, left, right, n=100, lineterm="")
    return "\n".join(diff)


def check_refusal(case, stage):
    """What weir does not do yet it refuses, naming each word; it never ignores one."""
    proxy = Proxy(binary.subject(case.language), case.language, stage.config,
                  folder=stage.folder)
    option = "-c" if case.language == "haproxy" else "-t"
    done = subprocess.run(proxy.command(option), capture_output=True, text=True, timeout=20,
                          cwd=stage.folder, check=False)
    text = done.stdout + done.stderr + proxy.output()
    assert done.returncode == 1, f"accepted now: delete `refused` from {case.path.name}"
    for word in case.refused:
        assert re.search(rf'"{re.escape(word)}".* is known to \w+, not yet in weir', text), text


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_same_as_anchor(path, folder):
    case = load_case(path)
    stage = Stage(case, folder)
    try:
        program = binary.anchor(case.language)
        expected = run_case(stage, program)
        again = run_case(stage, program)
        assert expected == again, "the anchor itself is not stable:\n" \
            + compare(expected, again, "first", "second")
        if case.refused and not binary.subject_is_anchor():
            check_refusal(case, stage)
            return
        if not binary.subject_is_anchor():
            expected = newest_behavior(case, expected)
        got = run_case(stage, binary.subject(case.language))
        difference = compare(expected, got, case.language, "weir")
        assert expected == got, "weir differs from the anchor:\n" + difference
    finally:
        stage.close()
