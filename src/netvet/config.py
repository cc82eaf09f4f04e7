"""What the user asked for: `[tool.netvet]` of the nearest pyproject.toml, and the command line above it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from netvet.core import Check, NetvetError
from netvet.diagnose import Settings

# Folder of the runs where nothing else is said.
STORE = Path(".netvet") / "runs"
FAIL_ON = ("error", "warning", "note", "never")
_KEYS = ("only", "skip", "fail-on", "store", "checks", "allow")


@dataclass(frozen=True)
class Configuration:
    """What `[tool.netvet]` says; empty where there is none.

    Args:
        fail_on: gravity from which on findings make the exit code 1.
        store: folder of the runs, absolute.
        settings: which checks to run, and how.
    """

    fail_on: str | None = None
    store: Path | None = None
    settings: Settings = field(default_factory=Settings)


def load(start: Path, checks: Sequence[Check]) -> Configuration:
    """Read the table from the nearest pyproject.toml that has one, at or above a folder.

    Raises:
        NetvetError: a file cannot be read, or something in the table is not as expected.
    """
    folder = start.resolve()
    for file in (above / "pyproject.toml" for above in (folder, *folder.parents)):
        table = _table(file)
        if table is not None:
            return _configuration(table, file, checks)
    return Configuration()


def merged(
    settings: Settings,
    checks: Sequence[Check],
    *,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    allow: Iterable[str] = (),
    limits: Iterable[str] = (),
) -> Settings:
    """Put the command line above the file: `only` replaces, the others add.

    Args:
        settings: from the file.
        checks: all there are.
        only: names, several in one text by comma.
        skip: the same.
        allow: `check=reason` or `check:where=reason`.
        limits: `check.setting=value`, the value as in TOML.

    Raises:
        NetvetError: one of them cannot be used.
    """
    chosen = _names(only, checks, "--only")
    changed = {name: dict(given) for name, given in settings.limits.items()}
    for text in limits:
        check, setting, value = _limit(text, checks)
        changed.setdefault(check, {})[setting] = value
    return Settings(
        only=chosen or settings.only,
        skip=(*settings.skip, *_names(skip, checks, "--skip")),
        allow={**settings.allow, **dict(_allowance(text, checks) for text in allow)},
        limits=changed,
    )


def selected(checks: Sequence[Check], settings: Settings) -> list[str]:
    """The names of the checks that will be asked to look."""
    names = (check.name for check in checks)
    return [n for n in names if (not settings.only or n in settings.only) and n not in settings.skip]


def require_check(name: str, checks: Sequence[Check], origin: str) -> Check:
    """The check of this name.

    Raises:
        NetvetError: there is none; the message names close ones.
    """
    for check in checks:
        if check.name == name:
            return check
    close = get_close_matches(name.replace("_", "-"), [check.name for check in checks])
    hint = f"did you mean {' or '.join(close)}?" if close else "`netvet explain` lists the checks"
    raise NetvetError(f"{origin}: there is no check {name!r}; {hint}")


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NetvetError(f"{file}: cannot be read: {error}; expected a TOML file") from error
    tool = content.get("tool")
    table = tool.get("netvet") if isinstance(tool, dict) else None
    if table is None or isinstance(table, dict):
        return table
    raise NetvetError(f"{file}: tool.netvet: expected a table, got {table!r}")


def _configuration(table: Mapping[str, Any], file: Path, checks: Sequence[Check]) -> Configuration:
    for key in table:
        if key not in _KEYS:
            raise NetvetError(f"{file}: tool.netvet.{key}: no such key; expected one of: {', '.join(_KEYS)}")
    fail_on, store = table.get("fail-on"), table.get("store")
    if fail_on is not None and fail_on not in FAIL_ON:
        raise _unexpected(file, "fail-on", f"one of {', '.join(FAIL_ON)}", fail_on)
    if store is not None and (not isinstance(store, str) or not store):
        raise _unexpected(file, "store", "the path of a folder", store)
    settings = Settings(
        only=_list(table, "only", file, checks),
        skip=_list(table, "skip", file, checks),
        allow=_allow_table(table, file, checks),
        limits=_checks_table(table, file, checks),
    )
    return Configuration(fail_on, file.parent / store if store else None, settings)


def _unexpected(file: Path, key: str, wanted: str, got: object) -> NetvetError:
    return NetvetError(f"{file}: tool.netvet.{key}: expected {wanted}, got {got!r}")


def _list(table: Mapping[str, Any], key: str, file: Path, checks: Sequence[Check]) -> tuple[str, ...]:
    names = table.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _unexpected(file, key, "a list of names of checks", names)
    return tuple(require_check(name, checks, f"{file}: tool.netvet.{key}").name for name in names)


def _allow_table(table: Mapping[str, Any], file: Path, checks: Sequence[Check]) -> dict[str, str]:
    allow = table.get("allow", {})
    if not isinstance(allow, dict):
        raise _unexpected(file, "allow", 'a table of check = "reason"', allow)
    for key, reason in allow.items():
        if not isinstance(reason, str) or not reason.strip():
            raise _unexpected(file, f'allow."{key}"', "a reason in words", reason)
        require_check(key.partition(":")[0], checks, f"{file}: tool.netvet.allow")
    return dict(allow)


def _checks_table(table: Mapping[str, Any], file: Path, checks: Sequence[Check]) -> dict[str, dict[str, Any]]:
    tables = table.get("checks", {})
    if not isinstance(tables, dict) or not all(isinstance(given, dict) for given in tables.values()):
        raise _unexpected(file, "checks", "tables, one for each check", tables)
    limits: dict[str, dict[str, Any]] = {}
    for name, given in tables.items():
        check = require_check(name, checks, f"{file}: tool.netvet.checks")
        origin = f"{file}: tool.netvet.checks.{name}"
        limits[name] = {key: _setting(check, key, value, f"{origin}.{key}") for key, value in given.items()}
    return limits


def _names(texts: Iterable[str], checks: Sequence[Check], origin: str) -> tuple[str, ...]:
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    return tuple(require_check(name, checks, origin).name for name in names)


def _allowance(text: str, checks: Sequence[Check]) -> tuple[str, str]:
    key, _, reason = text.partition("=")
    if not reason.strip():
        raise NetvetError(f"--allow {text}: expected check=reason or check:where=reason, with a reason in words")
    require_check(key.partition(":")[0], checks, "--allow")
    return key, reason


def _limit(text: str, checks: Sequence[Check]) -> tuple[str, str, Any]:
    key, separator, written = text.partition("=")
    name, dot, setting = key.partition(".")
    if not separator or not dot:
        raise NetvetError(f"--set {text}: expected check.setting=value")
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        value = written  # a bare word is a text
    return name, setting, _setting(require_check(name, checks, "--set"), setting, value, f"--set {key}")


def _setting(check: Check, key: str, value: Any, origin: str) -> Any:
    """The value in the type of the default.

    Raises:
        NetvetError: there is no such setting, or the value is of another type.
    """
    if key not in check.settings:
        there_are = ", ".join(check.settings) or "none"
        raise NetvetError(f"{origin}: check {check.name!r} has no setting {key!r}; it has: {there_are}")
    default = check.settings[key]
    if default is None:
        return value
    if isinstance(default, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, float):
        # NaN would switch the check off in silence: no number is above it.
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool) and value == value, "a number"
    elif isinstance(default, int):
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif isinstance(default, list | tuple):
        fits, wanted = isinstance(value, list), "a list"
    else:
        fits, wanted = isinstance(value, type(default)), "a text"
    if not fits:
        raise NetvetError(f"{origin}: expected {wanted}, got {value!r}")
    return type(default)(value)
