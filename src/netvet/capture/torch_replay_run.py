"""`netvet replay`: run the user's script up to one stored step, repeat that, and say what broke in it."""

from __future__ import annotations

import contextlib
import linecache
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from netvet.capture.errors import raised_at, users_part
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.runner import RunOptions, _execute_module, _execute_script
from netvet.capture.site import Site
from netvet.capture.torch_black_box import file_hash
from netvet.capture.torch_blamed_samples import Bench, Samples, described, find_samples, rows_of
from netvet.capture.torch_box_file import Box
from netvet.capture.torch_copies import copies_at_work
from netvet.capture.torch_events import Session
from netvet.capture.torch_finite_trace import Root, blamed
from netvet.capture.torch_models import Models
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_origins import origins_of
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_repeat import Repeat, StepRepeated
from netvet.capture.torch_repeat_late import LateRepeat
from netvet.capture.torch_replay import NotReplayable, Replay
from netvet.capture.torch_root_reasons import because, operation
from netvet.capture.torch_tap_optimizers import OptimizerTap
from netvet.capture.torch_taps_model import tap_backward, tap_losses, tap_module_calls
from netvet.core import NetvetError
from netvet.store import RunWriter

# A loss this close to the stored one (relative) is the same one, computed by other kernels.
CLOSE = 1e-5
Record = dict[str, Any]


@dataclass(frozen=True)
class _Program:
    target: str
    is_module: bool
    arguments: tuple[str, ...]
    folder: str
    changed: bool


def replay_step(box: Box, script: Path | None = None) -> Record:
    """Run the script until it has repeated the stored step.

    Args:
        script: where the script lies, if not where it was.

    Returns:
        Plain data: `step`, `stored`, `script`, `reproduced`, `losses`, `origin`, `turned`, `samples`, `exception`,
        `weights`, `notes` (docs/replay.md says what is in them).

    Raises:
        NetvetError: the step cannot be repeated; the message says why.
    """
    program = _program(box, script)
    _require_repeatable(box)
    with tempfile.TemporaryDirectory(prefix="netvet-replay-") as folder:
        writer = RunWriter.create(Path(folder), "replay")
        try:
            return _replayed(box, program, Session(Recorder(writer, Schedule(1.0, 1)), Models()))
        finally:
            writer.close()


def _program(box: Box, script: Path | None) -> _Program:
    stored = box.about["script"]
    arguments, folder = tuple(stored["arguments"]), stored["folder"]
    if script is not None:
        if not script.is_file():
            raise NetvetError(f"no such script: {str(script)!r}; expected the path of a Python file")
        return _Program(str(script), False, arguments, os.getcwd(), file_hash(str(script)) != stored["hash"])
    if stored["module"]:
        return _Program(stored["module"], True, arguments, folder, file_hash(stored["file"]) != stored["hash"])
    file = stored["file"]
    if not file or not Path(file).is_file():
        raise NetvetError(f"the script of the run has gone: {file}; --script says where it lies now")
    return _Program(file, False, arguments, folder, file_hash(file) != stored["hash"])


def _require_repeatable(box: Box) -> None:
    about = box.about
    if about["weights_missing"]:
        raise NetvetError(f"step {about['step']} cannot be repeated: {about['weights_missing']}")
    if not about["calls"] and not about["late"]:
        raise NetvetError(f"step {about['step']} cannot be repeated: no model was called in it before it broke")


def _replayed(box: Box, program: _Program, session: Session) -> Record:
    found: list[Record] = []
    kind = LateRepeat if box.about["late"] else Repeat
    repeat = kind(box, session, same_script=not program.changed)
    repeat.finished = lambda one: found.append(_described(box, one, session, program))
    with _installed(session, repeat), _surroundings(box, program):
        failed = _run(program)
        if failed is not None and repeat.active:
            repeat.close(failed)
    if repeat.failed is not None:
        raise repeat.failed
    if failed is not None and not found:
        text = f"{type(failed).__name__}: {failed}"
        raise NetvetError(f"the script ended before the step could be repeated: {text}")
    if not found:
        raise NetvetError(
            f"the script did not come to a training call of {_begins_with(box)}, with which the stored step begins; "
            "replay it as it was, with the same arguments"
        )
    return found[0]


def _begins_with(box: Box) -> str:
    call = next(iter(box.about["calls"]), None)
    if call is None:
        return next(
            (n.removeprefix("weight.").partition(":")[0] for n in box.tensors if n.startswith("weight.")), "a model"
        )
    return f"{call['model']} at line {call['site'][1]}" if call["site"] else str(call["model"])


@contextlib.contextmanager
def _installed(session: Session, repeat: Repeat) -> Iterator[None]:
    patches, optimizers = Patches(), OptimizerTap(session)
    try:
        session.models.watch_construction(patches)
        session.add(origins_of(session))
        origins_of(session).install(patches)
        optimizers.install(patches)
        for tap in (tap_module_calls, tap_losses, tap_backward):
            tap(session, patches)
        repeat.install(patches)
        yield
    finally:
        session.recorder.suspended = True
        repeat.trace.leave()
        optimizers.remove()
        origins_of(session).close()
        patches.undo()


@contextlib.contextmanager
def _surroundings(box: Box, program: _Program) -> Iterator[None]:
    """The folder, the arguments and the threads that the run had; what the script prints goes to stderr."""
    before, argv, path, main = os.getcwd(), sys.argv, list(sys.path), sys.modules["__main__"]
    threads = torch.get_num_threads()
    try:
        if os.path.isdir(program.folder):
            os.chdir(program.folder)
        torch.set_num_threads(int(box.about["versions"]["threads"]))
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        torch.set_num_threads(threads)
        os.chdir(before)
        sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main


def _run(program: _Program) -> BaseException | None:
    options = RunOptions(program.target, program.is_module, program.arguments, Path())
    try:
        (_execute_module if program.is_module else _execute_script)(options)
    except StepRepeated:
        return None
    except SystemExit as leave:
        return None if not leave.code else leave
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        error.__traceback__ = users_part(error.__traceback__)
        return error
    return None


def _described(box: Box, repeat: Repeat, session: Session, program: _Program) -> Record:
    about = box.about
    stored = [float(b["loss"]) for b in about["backwards"]]
    losses = [{"stored": repr(a), "repeated": repr(b), "same": _same(a, b)} for a, b in zip(stored, repeat.losses)]  # noqa: B905
    broken = [(n, g) for n, g in repeat.gradients if g.is_floating_point() and not bool(torch.isfinite(g).all())]
    roots, final_nan, phase = _roots(repeat, broken)
    root = blamed(roots, final_nan) if roots else None
    turned = next((r for r in roots if r.kind == "turned" and r is not root), None) if final_nan else None
    final = "NaN" if final_nan else "infinite"
    return {
        "schema": "netvet.replay/1", "step": about["step"], "file": str(box.path),
        "stored": {"reason": about["reason"], "message": about["message"]},
        "script": {"target": program.target, "arguments": list(program.arguments), "changed": program.changed},
        "reproduced": _reproduced(about, repeat, losses, broken), "losses": losses, "phase": phase,
        "gradients_not_finite": [n for n, _ in broken][:100],
        "origin": _origin(root, final), "turned": _origin(turned, final),
        "samples": described(_samples(box, repeat, session, root, phase)) if root is not None else None,
        "exception": _exception(repeat.error, repeat.site),
        "step_before": _step_before(box), "weights": _weights(box),
        "weights_not_finite": repeat.weights_not_finite[:100],
        "operations": repeat.trace.operations, "notes": [*_notes(box, program), *repeat.notes],
    }  # fmt: skip


def _roots(repeat: Repeat, broken: list[tuple[str, torch.Tensor]]) -> tuple[list[Root], bool, str | None]:
    """Where the numbers that are not finite come from; whether some became NaN; in which pass they first showed."""
    final = repeat.final
    if final is not None and not bool(torch.isfinite(final.detach()).all()):
        return repeat.trace.roots([final.detach()]), bool(torch.isnan(final.detach()).any()), "forward"
    if broken:
        gradients = [g for _, g in broken]
        return repeat.trace.roots(gradients), any(bool(torch.isnan(g).any()) for g in gradients), "backward"
    return [], False, None


def _reproduced(about: Record, repeat: Repeat, losses: list[Record], broken: list[Any]) -> bool:
    if about["late"]:
        return bool(broken) or any(not math.isfinite(value) for value in repeat.losses)
    if about["reason"] == "loss":
        return any(not math.isfinite(value) for value in repeat.losses)
    if about["reason"] == "gradient":
        return bool(broken)
    if about["reason"] == "exception":
        named = about["message"].partition(":")[0]
        return repeat.error is not None and (type(repeat.error).__name__ == named or ":" not in about["message"])
    return bool(losses) and all(one["same"] != "no" for one in losses)


def _same(stored: float, repeated: float) -> str:
    """`bitwise`, `close`, `no`."""
    if stored == repeated or (math.isnan(stored) and math.isnan(repeated)):
        return "bitwise"
    return "close" if abs(stored - repeated) <= CLOSE * max(abs(stored), abs(repeated)) else "no"


def _origin(root: Root | None, final: str) -> Record | None:
    if root is None:
        return None
    place = root.place
    site = place.site if place is not None else None
    return {
        "kind": root.kind, "phase": root.phase, "op": operation(root) if root.kind != "given" else None,
        "aten": root.op, "node": root.node, "given_by": root.source, "because": because(root, final),
        **_placed(site.file if site else None, site.line if site else None),
        "module": place.module if place else None,
        "made_file": place.made.file if place and place.made else None,
        "made_line": place.made.line if place and place.made else None,
        "operands": [_plain(o) for o in root.operands[:8]], "result": _plain(root.result),
    }  # fmt: skip


def _placed(file: str | None, line: int | None) -> Record:
    """A line of the user's code, with its text."""
    if file is None or line is None:
        return {"file": None, "line": None, "source": None}
    linecache.checkcache(file)
    return {"file": file, "line": line, "source": linecache.getline(file, line).strip() or None}


def _plain(described: Record) -> Record:
    return {k: v for k, v in described.items() if not isinstance(v, float) or math.isfinite(v)}


def _samples(box: Box, repeat: Repeat, session: Session, root: Root, phase: str | None) -> Samples | None:
    calls = [c for c in box.about["calls"] if c["size"]]
    if not calls or calls[-1]["size"] < 2:
        return None
    axis, size = calls[-1]["axis"], calls[-1]["size"]
    suspects = rows_of(root.bad, axis, size) if root.bad is not None and not _weight(root) else None
    if _weight(root):
        return Samples((), size, None, "the weights are to blame, whatever the batch is")
    try:
        if not repeat.recordings:
            raise NotReplayable("the step was not recorded on copies")
        bench = Bench(session, _replay_of(repeat, session), axis, size, backward=phase == "backward")
        return find_samples(bench, suspects, size)
    except Exception as error:  # a model that cannot be copied, a step that does not repeat: what was read off stands
        return Samples(suspects or (), size, None, f"not tried without them: {error}") if suspects is not None else None


def _replay_of(repeat: Repeat, session: Session) -> Replay:
    recording = repeat.recordings[-1]
    with copies_at_work(session, [e.model for e in recording.events if isinstance(e, ModelCall)]):
        return Replay(recording)


def _weight(root: Root) -> bool:
    return root.kind == "given" and (root.source or "").startswith("weight ")


def _exception(error: BaseException | None, caller: Site | None) -> Record | None:
    if error is None:
        return None
    site = raised_at(error.__traceback__) or caller
    return {
        "type": type(error).__name__, "text": str(error)[:1000],
        **_placed(*(site or (None, None))),
    }  # fmt: skip


def _weights(box: Box) -> Record | None:
    """How large the weights before the step were."""
    sizes = {}
    for name, tensor in box.tensors.items():
        if (
            name.startswith("weight.")
            and tensor.is_floating_point()
            and tensor.numel()
            and not name.endswith(":buffer")
        ):
            fine = tensor[torch.isfinite(tensor)]
            sizes[name.partition(":")[2]] = float(fine.double().abs().max()) if fine.numel() else 0.0
    if not sizes:
        return None
    largest = max(sizes, key=lambda name: sizes[name])
    return {"largest": sizes[largest], "parameter": largest}


def _step_before(box: Box) -> int | None:
    """The step before, where it can be repeated too."""
    before = int(box.about["step"]) - 1
    return before if box.path.with_name(f"step{before}.safetensors").is_file() else None


def _notes(box: Box, program: _Program) -> list[str]:
    about, notes = box.about, []
    if program.changed:
        notes.append("the script has changed since the run")
    if about["versions"]["torch"] != torch.__version__:
        notes.append(f"the run had PyTorch {about['versions']['torch']}, here it is {torch.__version__}")
    if about["changed"]:
        notes.append(
            f"the program had changed these in place before they were stored: {', '.join(about['changed'][:5])}"
        )
    if about["left_out"]:
        notes.append(f"too large to be stored: {', '.join(about['left_out'][:5])}; the script's own were used")
    return notes
