"""The live page: the runs of a store, and of each one the page of its report, kept up to date while it trains."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError
from netvet.report.html import LIVE_SCRIPTS, LIVE_STYLES, asset
from netvet.store import Run
from netvet.store.find import run_folder
from netvet.ui import serving
from netvet.ui.followed import EVERY, Followed, Report, quiet_minutes
from netvet.ui.growth import change
from netvet.ui.verdicts import Verdicts

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# A comment in the stream so often, so that proxies and browsers keep it open; seconds.
ALIVE = 15.0
# Runs whose diagnosis is in the list, the newest first; each takes a second or two to be made.
VERDICTS = 50
# What a page can ask of the server beyond looking: `act(name, said)` gives what is told.
Act = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
MEDIA = {"js": "text/javascript", "css": "text/css"}
# Parts of a page beside its figures, which are sent whole when they differ.
HEAD = ("title", "view", "home", "panels", "pictures", "marks", "problems", "quiet")


class Live:
    """The handlers of the routes; files are read in threads."""

    def __init__(self, store: Path, report: Report, act: Act | None) -> None:
        self._store, self._report, self._act = store, report, act
        self._followed: dict[Path, Followed] = {}
        self._verdicts = Verdicts(report)

    def application(self, token: str, hosts: tuple[str, ...] = ()) -> Starlette:
        """All routes below `/TOKEN/`."""
        reading: dict[str, serving.Handler] = {
            "": self.shell, "assets/{name:path}": self.file, "runs": self.runs, "run/{name}": self.page,
            "follow/{name}": self.follow,
        }  # fmt: skip
        return serving.application(reading, {"act/{action}": self.act} if self._act else {}, token, hosts)

    async def shell(self, _request: Request) -> Response:
        """The empty page, whose scripts ask for the rest."""
        from starlette.responses import HTMLResponse

        from netvet.report.html import shell

        return HTMLResponse(shell("assets/"))

    async def file(self, request: Request) -> Response:
        """A script or style: those of the page, and no other file."""
        from starlette.responses import PlainTextResponse, Response

        name = request.path_params["name"]
        if name not in (*LIVE_SCRIPTS, *LIVE_STYLES):
            return PlainTextResponse("not found", 404)
        return Response(asset(name), media_type=MEDIA[name.rpartition(".")[2]])

    async def runs(self, _request: Request) -> Response:
        """All runs of the store, newest first."""
        from starlette.responses import JSONResponse

        found = await asyncio.to_thread(Run.list, self._store)
        return JSONResponse([
            {"name": one.path.name, "script": one.script, "started": one.started, "ended": one.ended,
             "steps": one.steps, "error": one.error, "trial": one.trial,
             "verdict": self._verdicts.of(one.path) if one.ended and number < VERDICTS else ""}
            for number, one in enumerate(found)
        ])  # fmt: skip

    async def page(self, request: Request) -> Response:
        """The whole page of a run."""
        from starlette.responses import JSONResponse

        followed = self._of(request.path_params["name"])
        return JSONResponse(await asyncio.to_thread(followed.page))

    async def follow(self, request: Request) -> Response:
        """Server-sent events: what changes of a run. `show`: ids of the figures that are looked at."""
        from starlette.responses import StreamingResponse

        followed = self._of(request.path_params["name"])
        shown = frozenset(filter(None, request.query_params.get("show", "").split(",")))
        return StreamingResponse(events(followed, shown), media_type="text/event-stream")

    async def act(self, request: Request) -> Response:
        """Something that changes the store or starts a process."""
        from starlette.responses import JSONResponse

        said = await serving.body_of(request)
        assert self._act is not None
        if not isinstance(said, dict):
            raise NetvetError("expected a JSON object")
        return JSONResponse(await asyncio.to_thread(self._act, request.path_params["action"], said))

    def _of(self, name: str) -> Followed:
        """A run directly below the store, by the name of its folder."""
        path = run_folder(self._store, name)
        return self._followed.setdefault(path, Followed(path, self._report))


async def events(followed: Followed, shown: frozenset[str]) -> AsyncIterator[str]:
    """What a page is told: first all that it shows, then what changes; ends when the run is gone."""
    sent: dict[str, Any] = {}
    head: dict[str, Any] = {"quiet": 0}
    quiet = 0.0
    while True:
        try:
            page: Any = await asyncio.to_thread(followed.page, shown)
            minutes = 0 if page["view"]["run"]["ended"] else quiet_minutes(followed.path)
            page = {**page, "quiet": minutes}
        except NetvetError as error:
            yield event({"gone": str(error)})
            return
        news: dict[str, Any] = {name: page[name] for name in HEAD if head.get(name) != page[name]}
        figures = [f for f in page["figures"] if f["id"] in shown]
        changes = [found for f in figures if (found := change(sent.get(f["id"]), f))]
        if changes:
            news["figures"] = changes
        if news.keys() & {"panels", "figures"}:
            news["order"] = [f["id"] for f in page["figures"]]
        head = {name: page[name] for name in HEAD}
        sent = {f["id"]: f for f in figures}
        quiet = 0.0 if news else quiet + EVERY
        if news:
            yield event(news)
        elif quiet >= ALIVE:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(EVERY)


def event(said: Mapping[str, Any]) -> str:
    """One event of the stream."""
    return f"data: {json.dumps(said, allow_nan=False, separators=(',', ':'), default=str)}\n\n"
