"""Options that several commands share, checked against the configuration and the table of checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from netvet.core import Check
    from netvet.diagnose import Settings
    from netvet.export.sending import Target
    from netvet.reporter import Reporter

STDOUT = Path("-")
FAIL_ON = ("error", "warning", "note", "never")
SEVERITY = click.Choice(FAIL_ON)

Command = Callable[..., Any]


def list_option(name: str, metavar: str, text: str) -> Callable[[Command], Command]:
    """An option that may be given several times."""
    return click.option(name, multiple=True, metavar=metavar, help=text)


def names_of(texts: Sequence[str]) -> list[str]:
    """The names in the values of such an option, which may hold several with commas between them."""
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def is_setup(target: str, is_module: bool) -> bool:
    """TARGET is MODULE:FUNCTION or FILE.py:FUNCTION, and no script or module to run."""
    return not is_module and ":" in target and not Path(target).exists()


def setup_name(target: str) -> str:
    """By which runs of a setup are called."""
    return target.replace(":", "-").replace("/", "-")


def selecting(command: Command) -> Command:
    """Options that choose runs and checks."""
    for option in (
        click.option("--verbose", is_flag=True, help="Show every finding and every check that could not look."),
        click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs."),
        click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JSON."),
        list_option("--set", "CHECK.SETTING=VALUE", "Change a setting of a check."),
        list_option("--allow", "CHECK[:WHERE]=REASON", "Acknowledge a finding: list it, do not fail on it."),
        list_option("--skip", "NAMES", "Leave these checks out (comma between names)."),
        list_option("--only", "NAMES", "Run only these checks."),
    ):
        command = option(command)
    return command


def choosing(command: Command) -> Command:
    """Options that choose checks, files and exit code."""
    fail_on = click.option("--fail-on", type=SEVERITY, help="Exit 1 from this severity on (default: error).")
    sarif = click.option("--sarif", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as SARIF.")
    junit = click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write it as JUnit XML.")
    github = click.option("--github", is_flag=True, help="Print annotations for GitHub Actions as well.")
    return selecting(fail_on(sarif(junit(github(html_option(command))))))


def html_option(command: Command) -> Command:
    """The option that asks for a page."""
    text = "Write the report as one HTML file with all figures."
    return click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help=text)(command)


@dataclass(frozen=True)
class Asked:
    """The options of `choosing`, checked against the configuration and the table of checks."""

    checks: tuple[Check, ...]
    settings: Settings
    store: Path
    fail_on: str
    folder: Path
    json: Path | None
    sarif: Path | None
    html: Path | None
    verbose: bool
    junit: Path | None = None
    github: bool = False
    exports: tuple[Target, ...] = ()

    @property
    def prints(self) -> bool:
        """A document goes to the standard output, which is then no place for words."""
        return STDOUT in (self.json, self.sarif, self.html, self.junit)

    @property
    def reporter(self) -> Reporter:
        """Makes reports with these options."""
        from netvet.reporter import Reporter

        return Reporter(self.checks, self.settings, self.folder)


def asked_of(options: dict[str, Any]) -> Asked:
    """Find every mistake before a training begins.

    Raises:
        NetvetError: an option or the configuration cannot be used.
    """
    from netvet import checks, config

    known = checks.all_checks()
    configuration = config.load(Path.cwd(), known)
    settings = config.merged(
        configuration.settings,
        known,
        only=options["only"],
        skip=options["skip"],
        allow=options["allow"],
        limits=options["set"],
    )
    # Not every command writes them all.
    files = {name: options.get(name) for name in ("json", "sarif", "html", "junit")}
    for name, file in files.items():
        require_writable(file, f"--{name}")
    return Asked(
        checks=known,
        settings=settings,
        store=options["store"] or configuration.store or config.STORE,
        fail_on=options["fail_on"] or configuration.fail_on or "error",
        folder=Path.cwd(),
        json=absolute(files["json"]),
        sarif=absolute(files["sarif"]),
        html=absolute(files["html"]),
        verbose=options["verbose"],
        junit=absolute(files["junit"]),
        github=bool(options.get("github")),
        exports=_exports(options.get("export") or ()),
    )


def _exports(texts: Sequence[str]) -> tuple[Target, ...]:
    if not texts:
        return ()
    from netvet.export.sending import targets

    return targets(texts, "--export")


def absolute(file: Path | None) -> Path | None:
    """The path as it is now: the script may change the folder."""
    return file if file is None or file == STDOUT else file.absolute()


def require_writable(file: Path | None, option: str) -> None:
    """Find out before a long run.

    Raises:
        NetvetError: the file cannot be written.
    """
    from netvet.core import NetvetError

    if file is None or file == STDOUT:
        return
    if file.is_dir() or not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise NetvetError(f"{option} {file}: cannot be written; give a file in a folder that exists and is writable")


def percent(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """A share, from a percentage."""
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter(f"expected a percentage such as 1 or 1%, got {text!r}")
    return share


def duration(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """Seconds, from a time such as 90s, 10m or 1h."""
    from netvet.recipe import seconds_of

    seconds = seconds_of(text)
    if seconds is None:
        raise click.BadParameter(f"expected a time such as 90s, 10m or 1h, got {text!r}")
    return seconds
