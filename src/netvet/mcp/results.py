"""What the tools give back: their types are the schemas that a client sees."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

Ended = Literal["finished", "timed out"]


def _document(name: str, *required: str) -> WithJsonSchema:
    """A document of netvet, by its name and its main fields; the resource has the whole schema."""
    described = f"Schema netvet.{name}/1: see the resource netvet://schema/{name}."
    properties = {"schema": {"const": f"netvet.{name}/1"}}
    return WithJsonSchema(
        {"type": "object", "description": described, "required": ["schema", *required], "properties": properties}
    )


Report = Annotated[dict[str, Any], _document("report", "run", "findings", "diagnosis", "not_assessed")]
Checklist = Annotated[dict[str, Any], _document("recipe", "stages", "next", "experiments")]
Study = Annotated[dict[str, Any], _document("fix", "rounds", "patch")]


class Called(TypedDict):
    """A command that ran in a process of its own."""

    verdict: Annotated[str, Field(description="The report in plain words, the cause first.")]
    ended: Annotated[Ended, Field(description="`timed out`: it was interrupted, and reports what it had seen.")]
    exit_code: Annotated[int, Field(description="Of the command: 0 nothing wrong, 1 findings, else the program's own.")]
    output: Annotated[str, Field(description="The end of what the program and netvet wrote.")]
    output_file: Annotated[str, Field(description="The file with all of it.")]


class Reported(Called):
    """The diagnosis of a run or of data."""

    report: Report
    run: Annotated[str | None, Field(description="Name of the stored run, for `diagnose` and the resources.")]


class Checked(Called):
    """The checklist of a recipe."""

    recipe: Checklist


class Mended(Called):
    """What trials of changes have shown."""

    fix: Study
    patch: Annotated[str | None, Field(description="The recommended change as a unified diff.")]
    written: Annotated[list[str], Field(description="Files that were changed: only with apply=true.")]


class RunLine(TypedDict):
    """A stored run."""

    name: str
    started: str | None
    script: str | None
    steps: int | None
    ended: Annotated[str | None, Field(description="`ok`, `exception`, ...; null while it runs or when it was killed.")]
    error: Annotated[str | None, Field(description="Why it cannot be read.")]


class CheckLine(TypedDict):
    """A check."""

    name: str
    summary: str
    stage: Literal["data", "skeleton", "fit"]
    kind: Literal["cause", "symptom"]
    severity: Literal["error", "warning", "note"]


class Page(TypedDict):
    """The page of a check."""

    check: str
    markdown: str
