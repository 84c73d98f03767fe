#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Looks at single cases: show.py [--weir|--diff] CASE.toml ...
# Without an option it prints the anchor's transcript, which helps to write a case;
# --weir prints weir's; --diff prints where the two differ, and a line of sums.
import difflib
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support import binary  # noqa: E402
from support.case import Stage, load_case, newest_behavior  # noqa: E402
from support.proxy import make_folder  # noqa: E402
from support.run_case import run_case  # noqa: E402


def transcript(stage, program):
    try:
        return run_case(stage, program)
    except AssertionError as error:
        return [f"FAILED: {line}" for line in str(error).splitlines()[:12]]


def look_at(path, mode):
    """Print one case; returns whether weir and the anchor agree (for --diff)."""
    case = load_case(Path(path).resolve())
    folder = make_folder()
    stage = Stage(case, folder)
    lines, same = [], True
    try:
        if mode != "--weir":
            lines = transcript(stage, binary.anchor(case.language))
        if mode != "":
            got = transcript(stage, binary.subject(case.language))
            if mode == "--diff":
                lines = newest_behavior(case, lines)
                same = got == lines
                lines = difflib.unified_diff(lines, got, case.language, "weir", n=4, lineterm="")
            else:
                lines = got
    finally:
        stage.close()
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join([f"== {case.name}" + ("" if same else " DIFFERS"), *lines]), flush=True)
    return same


def main(words):
    mode = next((word for word in words if word in ("--weir", "--diff")), "")
    paths = [word for word in words if not word.startswith("--")]
    same = sum(look_at(path, mode) for path in paths)
    if mode == "--diff":
        print(f"{same} of {len(paths)} cases are the same")
    binary.remove_links()


if __name__ == "__main__":
    main(sys.argv[1:])
