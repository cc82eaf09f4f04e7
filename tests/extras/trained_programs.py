"""What the tests of frameworks on PyTorch share: run a program, plain or under netvet, and score its report."""

import json
from pathlib import Path

from benchmarks.scoring import read_header, score
from tests.program import call


def under_netvet(path, folder, *, through=()):
    """What a program printed under `netvet run`, and its report."""
    target = folder / "report.json"
    program = [str(part) for part in (*through, path)]
    out, err = call(["-m", "netvet", "run", "--quiet", "--json", str(target), *program], folder)
    assert target.exists(), err
    return out, json.loads(target.read_text())


def scored(path, folder):
    """Whether the diagnosis is what the header of the program says, and at its line; the report."""
    for _ in range(2):  # on a busy machine the probes may run out of their seconds once
        _, report = under_netvet(path, folder)
        result = score(path.name, 0, read_header(path.read_text()), report)
        if result.right:
            break
    return result, report


def alarms(report):
    """Errors and warnings in words."""
    return [f"{f['check']}: {f['message']}" for f in report["findings"] if f["severity"] in ("error", "warning")]


def errors(report):
    """Checks with an error, and the first diagnosis."""
    names = {f["check"] for f in report["findings"] if f["severity"] == "error"}
    return names, report["diagnosis"][0]["check"]


def assert_left_alone(path, folder, fingerprint):
    """Nothing is blamed on it, and its training is bitwise the same as without netvet."""
    plain, err = call([str(fingerprint), str(path)], folder)
    watched, report = under_netvet(path, folder, through=[fingerprint])
    assert "\nfingerprint " in f"\n{plain}", err
    assert report["run"]["steps"] > 0
    assert alarms(report) == []
    assert report["problems"] == []
    # The rest of what these libraries print tells of seconds.
    assert watched.splitlines()[-1] == plain.splitlines()[-1]


def fingerprints(out):
    """The hashes of weights among what a program printed."""
    return [line for line in out.splitlines() if line.startswith("fingerprint")]


def leading(report):
    """The finding of the first diagnosis."""
    return next(f for f in report["findings"] if f["check"] == report["diagnosis"][0]["check"])


def assert_as_in_a_plain_loop(report, plain, program):
    """The leading finding is that of a plain loop over the same model and data."""
    ours, theirs = leading(report), leading(plain)
    assert (ours["check"], ours["severity"]) == (theirs["check"], theirs["severity"])
    if Path(theirs["location"]["file"]).name == program:  # else the line is one of the loop, which is another
        assert ours["location"] == theirs["location"]
