"""Run programs one after another under watch, in this process, which imports torch once.

    python -m tests.compared.record STORE < [[name, program, [argument, ...], probes], ...]

Prints the folder of each run by its name, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from netvet.capture.runner import RunOptions, run

HERE = Path(__file__).parent


def main() -> None:
    """Record the runs."""
    torch.set_num_threads(1)
    # The programs put their own arguments in place of these.
    store, folders = Path(sys.argv[1]), {}
    for name, program, arguments, probes in json.load(sys.stdin):
        target = str(HERE / f"{program}.py")
        outcome = run(RunOptions(target, False, tuple(arguments), store, probes=probes))
        if outcome.script_status or outcome.problems:
            raise RuntimeError(f"{name}: {outcome.exception_text} {outcome.problems}")
        folders[name] = str(outcome.run_path)
    print(json.dumps(folders))


if __name__ == "__main__":
    main()
