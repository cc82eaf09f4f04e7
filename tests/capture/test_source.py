"""Reading where values come from off the user's source."""

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from netvet.capture.source import (
    argument_origins,
    changing_line,
    freezing_lines,
    growing_line,
    leaving_line,
    uncalled_line,
)

Ran = Callable[..., list[int]]


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Run a program whose function `model` is asked where its arguments come from."""

    def run(program: str, position: int | str = 0) -> list[int]:
        file = tmp_path / "program.py"
        file.write_text(textwrap.dedent(program))
        found: list[int] = []

        def model(*_args: object, **_kwargs: object) -> None:
            frame: FrameType | None = sys._getframe(1)
            if not found and frame is not None:
                found.extend(line for _, line in argument_origins(frame, position))

        exec(compile(file.read_text(), str(file), "exec"), {"model": model, "DataLoader": list, "tensor": list})
        return found

    return run


@pytest.mark.parametrize(
    ("program", "origin"),
    [
        ("x = [1]\nmodel(x)", 1),
        ("x = [1]\nx = [2]\nmodel(x[0:1])\nx = [3]", 2),
        ("raw = [1]\nx = tensor(raw)\nmodel(x)", 1),
        ("x = [1]\nx = tensor(x)\nmodel(x)", 1),
        ("raw = [[1], [2]]\nx, z = tensor(raw)\nx = tensor(x)\nmodel(x)", 3),
        ("raw = [[1], [2]]\nx, z = tensor(raw)\nmodel(x)", 1),
        ("x = [[1]]\nfor i in range(1):\n    batch = x[i]\n    model(batch)", 1),
        ("x, y = [1], [2]\nfor a, b in zip(x, y):\n    model(a)", 1),
        ("data = [1]\nloader = DataLoader(data)\nfor batch in loader:\n    model(batch)", 1),
        ("data = [1]\ndef fit(rows):\n    for r in rows:\n        model(r)\nfit(DataLoader(data))", 1),
        ("data = [1]\ndef main():\n    model(data)\nmain()", 1),
        ("def make():\n    return [1]\nx = make()\nmodel(x)", 3),
        ("x = [1]\nmodel([v for v in x])", None),
        ("model([1])", None),
    ],
)
def test_the_first_argument_is_followed_to_its_first_assignment(ran: Ran, program: str, origin: int | None) -> None:
    assert (ran(program) or [None])[-1] == origin


def test_arguments_by_name_and_by_place(ran: Ran) -> None:
    program = "a = [1]\nb = [2]\nmodel(a, target=b)"
    assert ran(program, 0) == [1]
    assert ran(program, "target") == [2]
    assert ran(program, 1) == []


def test_a_program_without_readable_source_gives_nothing() -> None:
    code = compile("f = sys._getframe()\nout = list(ask(f, 0))", "<no file>", "exec")
    scope: dict[str, object] = {"sys": sys, "ask": argument_origins}
    exec(code, scope)
    assert scope["out"] == []


def test_an_early_return_is_found_and_one_behind_the_loop_is_not() -> None:
    def early(items: list[int]) -> int:
        for i in items:
            i += 1
            return i
        return 0

    def late(items: list[int]) -> int:
        for i in items:
            i += 1
        return 0

    first = early.__code__.co_firstlineno
    assert leaving_line(early.__code__, first + 2) == first + 3
    assert leaving_line(late.__code__, late.__code__.co_firstlineno + 2) is None


def test_lines_that_grow_freeze_and_change(tmp_path: Path) -> None:
    def loop() -> list[int | None]:
        total, history, last = 0, [], 0
        for i in range(1):
            total += i
            history.append(i)
            last = i
        frame = sys._getframe()
        return [growing_line(frame, name) for name in ("total", "history", "last")] + [last]

    first = loop.__code__.co_firstlineno
    assert loop()[:3] == [first + 3, first + 4, None]
    file = tmp_path / "m.py"
    file.write_text(
        "p.requires_grad = False\nq.requires_grad = True\ndef get(i):\n    n = i + 1\n    x -= m\n    return x\n"
    )
    assert freezing_lines(str(file)) == [1]
    assert changing_line(str(file), 3) == 5
    assert changing_line(str(tmp_path / "missing.py"), 1) is None


def test_a_method_that_is_named_only(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("for x in y:\n    step = optimizer.step\n    optimizer.zero_grad()\n    self.optimizer.step\n")
    assert uncalled_line(str(file), "step") == 4
    assert uncalled_line(str(file), "zero_grad") is None


def test_what_accelerate_wraps_is_followed_to_what_it_is_given(ran: Ran) -> None:
    program = """
    class accelerator:
        prepare = staticmethod(lambda *given: given)
    x = [[1], [2]]
    loader = DataLoader(x)
    net, loader = accelerator.prepare(object(), loader)
    for batch in loader:
        model(batch)
    """
    assert ran(program)[-1] == 4
