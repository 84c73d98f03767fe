#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Prints the transcript of cases: show.py [--weir] CASE.toml ...
# Run it while writing a case, to see what the anchor answers.
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support import binary  # noqa: E402
from support.case import Stage, load_case  # noqa: E402
from support.proxy import make_folder  # noqa: E402
from support.run_case import run_case  # noqa: E402


def main(words):
    weir = "--weir" in words
    for path in (word for word in words if word != "--weir"):
        case = load_case(Path(path).resolve())
        folder = make_folder()
        stage = Stage(case, folder)
        program = (binary.subject if weir else binary.anchor)(case.language)
        try:
            print("\n".join([f"== {case.name}", *run_case(stage, program)]))
        finally:
            stage.close()
            shutil.rmtree(folder, ignore_errors=True)
    binary.remove_links()


if __name__ == "__main__":
    main(sys.argv[1:])
