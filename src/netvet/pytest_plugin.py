"""The pytest plugin: `@pytest.mark.netvet` on a test that trains, and `assert_trains` for programs and functions.

Light: nothing but pytest is imported until a test asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from netvet.vetting import Demand, Verdict, Vetted

_MARK = (
    'netvet(fail_on="error", allow=["check=reason"], only=[], skip=[], limits=["check.setting=value"], probes=True): '
    "watch the training that this test does, and fail with what is wrong with it"
)
_OPTIONS = ("fail_on", "allow", "only", "skip", "limits", "probes")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", _MARK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Watch the body of a test that is marked."""
    marks = list(item.iter_markers("netvet"))
    if not marks:
        return (yield)
    from netvet.core import NetvetError

    problem = None
    try:
        vetted = _vetted(item, marks).__enter__()
    except NetvetError as error:
        problem = str(error)
    if problem is not None:
        pytest.fail(f"netvet: {problem}", pytrace=False)
    try:
        result = yield
    except BaseException as error:
        vetted.__exit__(type(error), error, error.__traceback__)
        _tell(item, vetted)
        raise
    vetted.__exit__(None, None, None)
    failure = vetted.verdict.failure
    if failure is not None:
        pytest.fail(failure, pytrace=False)
    return result


def _vetted(item: pytest.Item, marks: Sequence[pytest.Mark]) -> Vetted:
    """What watches a test: the nearest mark counts for what it says, those further out for the rest."""
    from netvet.capture.frameworks import framework_of, require
    from netvet.core import NetvetError
    from netvet.vetting import Demand, Vetted

    options: dict[str, Any] = {}
    for mark in reversed(marks):
        unknown = sorted(set(mark.kwargs) - set(_OPTIONS))
        if mark.args or unknown:
            what = f"got {unknown[0]!r}" if unknown else f"got {mark.args[0]!r} without a name"
            raise NetvetError(f"@pytest.mark.netvet: {what}; expected {', '.join(_OPTIONS)} by name")
        options |= mark.kwargs
    framework = framework_of(str(item.path), is_module=False)
    require(framework)
    demand = Demand(**options, store=_store(item.config))
    names = getattr(getattr(item, "module", None), "__dict__", {})
    return Vetted(item.name, demand.resolve(), demand.probes, names, framework)


def _tell(item: pytest.Item, vetted: Vetted) -> None:
    """The test has failed by itself: what netvet saw stands beside it."""
    try:
        failure = vetted.verdict.failure
    except Exception as error:
        failure = f"no report: {type(error).__name__}: {error}"
    if failure:
        item.add_report_section("call", "netvet", failure)


def _store(config: pytest.Config) -> Path:
    """Where runs lie that `[tool.netvet]` says nothing of: beside the temporary folders of tests, kept as these are."""
    factory: Any = getattr(config, "_tmp_path_factory", None)
    folder: Path = factory.getbasetemp() if factory is not None else Path(".netvet")
    return folder / "netvet-runs"


@pytest.fixture
def assert_trains(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Run a training, fail the test with what is wrong with it, and give the report (`netvet.report/1`).

    `assert_trains(training, *, arguments=(), fail_on=None, allow=(), steps=None, only=(), skip=(), limits=())` takes
    the path of a program, which is run in a process of its own with these arguments, a function, which is called with
    them in this process, or a `netvet.Setup`. With `steps` it ends after so many steps of its optimizers.
    """

    def check(
        training: Any,
        *,
        arguments: Sequence[Any] = (),
        fail_on: str | None = None,
        allow: Sequence[str] | Mapping[str, str] = (),
        steps: int | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        __tracebackhide__ = True
        from netvet.core import NetvetError

        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            pytest.fail(f"netvet: assert_trains: got {unknown[0]!r}; expected {', '.join(_OPTIONS)}", pytrace=False)
        problem = failure = None
        try:
            from netvet.vetting import Demand

            demand = Demand(fail_on, allow, **options, store=_store(request.config))
            verdict = _verdict(request, training, arguments, demand, steps)
            failure = verdict.failure
        except NetvetError as error:
            problem = f"netvet: {error}"
        told = problem or failure
        if told is not None:
            pytest.fail(told, pytrace=False)
        return verdict.report

    return check


def _verdict(
    request: pytest.FixtureRequest, training: Any, arguments: Sequence[Any], demand: Demand, steps: int | None
) -> Verdict:
    from netvet import vetting
    from netvet.core import NetvetError, require_torch

    if isinstance(training, (str, Path)):
        path = Path(training)
        return vetting.vet_script(path, [str(one) for one in arguments], demand, steps)
    require_torch()
    name = f"{request.node.name}-{getattr(training, '__name__', type(training).__name__)}"
    setup = type(training).__module__ == "netvet.experiments.setup"
    names = getattr(sys.modules.get(getattr(training, "__module__", "")), "__dict__", {})
    vetted = vetting.Vetted(name, demand.resolve(), demand.probes, names)
    if setup:
        return vetting.vet_setup(training, vetted, steps)
    if not callable(training):
        raise NetvetError(
            f"assert_trains: expected the path of a program, a function or a netvet.Setup, got a "
            f"{type(training).__name__}"
        )
    return vetting.vet_call(lambda: training(*arguments), vetted, steps)
