"""The tools: a command of netvet each, with typed arguments; the docstrings are what a client reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from netvet.checks import all_checks
from netvet.config import STORE, load, require_check
from netvet.core import NetvetError
from netvet.mcp.places import Root
from netvet.mcp.processes import Done, run
from netvet.mcp.results import Called, Checked, CheckLine, Mended, Page, Reported, RunLine
from netvet.report import fix as fix_report
from netvet.report import pages
from netvet.report import recipe as recipe_report
from netvet.report.text import plain_text
from netvet.store import Run

T = TypeVar("T")
WIDTH = 100
DAY = 86_400.0

Script = Annotated[str, Field(description="Path of the training script below the root (or a module: see `module`).")]
Arguments = Annotated[Sequence[str], Field(description="Arguments of the script.")]
Module = Annotated[bool, Field(description="`script` is the name of a module, as for `python -m`.")]
Timeout = Annotated[float, Field(gt=0, le=DAY, description="Seconds; then the program is interrupted and reported on.")]
Budget = Annotated[float, Field(gt=0, le=DAY, description="Seconds for all trials, without the first run.")]
Names = Annotated[Sequence[str], Field(description="Only these; empty: all.")]


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of one server."""

    root: Root

    @property
    def store(self) -> Path:
        """Folder of the runs."""
        return self.root.path / (load(self.root.path, all_checks()).store or STORE)

    async def run(
        self, ctx: Context, script: Script, arguments: Arguments = (), module: Module = False, timeout: Timeout = 600.0
    ) -> Annotated[CallToolResult, Reported]:
        """Run a training script, unmodified, under watch, and say why the network does not learn.

        The script runs in a process of its own with the rights of this server, and may do what it does anyway:
        read, write, use the network. The run is stored.
        """
        target = self._target(script, module)
        return self._reported(await self._call(["run", *target, *arguments], timeout, ctx))

    async def diagnose(
        self,
        ctx: Context,
        run: Annotated[str, Field(description="Name of a stored run or its beginning; empty: the newest.")] = "",
        logs: Annotated[str, Field(description="Instead: path of a run or of logs below the root.")] = "",
        timeout: Timeout = 600.0,
    ) -> Annotated[CallToolResult, Reported]:
        """Diagnose a stored run once more, or the logs of a training that has ended; nothing is trained."""
        target = [self._path(logs)] if logs else [_name(run)] if run else []
        return self._reported(await self._call(["diagnose", *target], timeout, ctx))

    async def data(
        self,
        ctx: Context,
        targets: Annotated[
            list[str],
            Field(min_length=1, description="A file, folder or script, or SPLIT=PATH for each split; below the root."),
        ],
        arguments: Arguments = (),
        timeout: Timeout = 600.0,
    ) -> Annotated[CallToolResult, Reported]:
        """Look at every sample of the data: duplicates, leaks between splits, wrong labels, broken files, drift.

        A script runs until its data have been seen; files are only read.
        """
        if arguments and (len(targets) != 1 or not targets[0].endswith(".py")):
            raise ToolError("`arguments` belong to a script: give one script as the only target, or leave them out")
        named = _guarded(lambda: [self.root.data(one) for one in targets])
        return self._reported(await self._call(["data", "--", *named, *arguments], timeout, ctx))

    async def recipe(
        self,
        ctx: Context,
        script: Script,
        arguments: Arguments = (),
        module: Module = False,
        only: Names = (),
        budget: Budget = 600.0,
        timeout: Timeout = 3600.0,
    ) -> Annotated[CallToolResult, Checked]:
        """Run a training script, then make experiments with copies of its model: a checklist with one next action."""
        options = ["--budget", f"{budget:g}s", *(["--only", ",".join(map(_name, only))] if only else [])]
        target = self._target(script, module)
        done = await self._call(["recipe", *target, *arguments], timeout, ctx, options)
        found = _document(done)
        words = recipe_report.as_text(recipe_report.render(found["stages"], found, WIDTH))
        return _result(Checked(**self._called(done, words), recipe=found))

    async def fix(
        self,
        ctx: Context,
        script: Script,
        arguments: Arguments = (),
        module: Module = False,
        names: Annotated[Sequence[str], Field(description="Try these fixes, whatever the diagnosis says.")] = (),
        apply: Annotated[bool, Field(description="Write the recommended change into the program's files.")] = False,
        budget: Budget = 600.0,
        timeout: Timeout = 3600.0,
    ) -> Annotated[CallToolResult, Mended]:
        """Try one change at a time beside the unchanged program, on the same seeds, and prove which helps.

        Trials run in copies of the root; the program stays as it is, and the change comes back as a patch. Only with
        `apply` is it written: into the files named in `written`, each kept as it was beside itself with the ending
        `.before-netvet`; refused for files with uncommitted changes.
        """
        tried = ["--try", ",".join(map(_name, names))] if names else []
        options = ["--budget", f"{budget:g}s", *tried, *(["--apply"] if apply else [])]
        target = self._target(script, module)
        done = await self._call(["fix", *target, *arguments], timeout, ctx, options)
        found = _document(done)
        if apply and found["patch"] and done.code not in (0, 1):
            raise ToolError(f"the change was not written: {done.error}")
        words = recipe_report.as_text(fix_report.render(found, WIDTH))
        written = _files(found["patch"]) if apply and found["patch"] else []
        return _result(Mended(**self._called(done, words), fix=found, patch=found["patch"], written=written))

    def explain(self, check: Annotated[str, Field(description="Name of a check.")]) -> Page:
        """The page of a check: why it matters, an example, what looks alike and is right, what to change."""
        markdown = _guarded(lambda: pages.page(require_check(check, all_checks(), "list_checks")))
        return Page(check=check, markdown=markdown)

    def list_checks(self) -> list[CheckLine]:
        """All checks: what netvet can find."""
        return [
            CheckLine(name=one.name, summary=one.summary, stage=one.stage, kind=one.kind, severity=one.severity)
            for one in all_checks()
        ]

    def list_runs(
        self, limit: Annotated[int, Field(ge=1, le=1000, description="At most so many.")] = 50
    ) -> list[RunLine]:
        """The stored runs, newest first."""
        found = Run.list(self.store)[:limit]
        return [
            RunLine(
                name=one.path.name, started=one.started, script=one.script, steps=one.steps, ended=one.ended,
                error=one.error,
            )
            for one in found
        ]  # fmt: skip

    def _called(self, done: Done, words: str) -> Called:
        root, kept = self.root.path, done.kept
        file = str(kept.relative_to(root) if kept.is_relative_to(root) else kept)
        return Called(verdict=words, ended=done.ended, exit_code=done.code, output=done.output, output_file=file)

    def _reported(self, done: Done) -> CallToolResult:
        found: Any = _document(done)
        if found["schema"] != "netvet.report/1":  # logs of several runs
            names = ", ".join(str(one["name"]) for one in found["runs"][:20])
            raise ToolError(f"these are {len(found['runs'])} runs ({names}): give the path of one of them")
        called = self._called(done, plain_text(found))
        return _result(Reported(**called, report=found, run=found["run"]["name"]))

    def _target(self, script: str, module: bool) -> list[str]:
        return ["-m", _module(script)] if module else [_guarded(lambda: self.root.program(script))]

    def _path(self, text: str) -> str:
        return _guarded(lambda: self.root.inside(text))

    async def _call(self, command: Sequence[str], timeout: float, ctx: Context, options: Sequence[str] = ()) -> Done:
        async def tell(gone: float) -> None:
            await ctx.report_progress(gone, timeout, f"netvet {command[0]}: {gone:.0f} s")

        folder = self.store.parent / "mcp"
        return await run(command, self.root.path, folder, timeout, tell, options=options)


def _guarded(function: Callable[[], T]) -> T:
    """The value of a function, whose errors are for the client to read."""
    try:
        return function()
    except NetvetError as error:
        raise ToolError(str(error)) from error


def _name(text: str) -> str:
    """A name that cannot be taken for an option or a path."""
    if not text or text.startswith("-") or any(one in text for one in "/\\\0,"):
        raise ToolError(
            f"{text!r} is no name; list_runs and list_checks give names, and paths have arguments of their own"
        )
    return text


def _module(text: str) -> str:
    if not all(part.isidentifier() for part in text.split(".")):
        raise ToolError(f"{text!r} is no name of a module; expected one such as package.train")
    return text


def _document(done: Done) -> dict[str, Any]:
    if done.report is None:
        raise ToolError(done.error)
    found: dict[str, Any] = json.loads(done.report)
    return found


def _result(made: Called) -> CallToolResult:
    """The verdict as text, for a client that shows words; everything as data."""
    late = "The time was up: this is what was seen until then.\n\n" if made["ended"] == "timed out" else ""
    return CallToolResult(content=[TextContent(text=late + made["verdict"])], structured_content=dict(made))


def _files(patch: str) -> list[str]:
    """The files that a unified diff changes."""
    lines = [line.removeprefix("+++ ") for line in patch.splitlines() if line.startswith("+++ ")]
    return [line.partition("\t")[0].removeprefix("b/") for line in lines]
