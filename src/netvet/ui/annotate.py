"""The page on which a person labels samples: a few routes below a secret path, on the loopback interface alone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError
from netvet.data.asking import Asking
from netvet.ui import serving
from netvet.ui.serving import HOST, Handler, body_of, bound

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

PAGE = Path(__file__).parent / "page"
FILES = {"": ("annotate.html", "text/html"), "page.css": ("annotate.css", "text/css"),
         "page.js": ("annotate.js", "text/javascript")}  # fmt: skip


def application(asking: Asking, token: str) -> Starlette:
    """The routes below `/TOKEN/`.

    Args:
        token: whoever does not know it gets "not found".
    """
    questions = _Questions(asking)
    handlers: dict[str, Handler] = {name: partial(_file, name=name) for name in FILES}
    handlers |= {"state": questions.state, "sample/{position:int}": questions.sample}
    return serving.application(handlers, {"answer": questions.answer, "undo": questions.undo}, token)


async def _file(_request: Request, name: str) -> Response:
    from starlette.responses import Response

    file, media = FILES[name]
    return Response((PAGE / file).read_bytes(), media_type=media)


class _Questions:
    """What the page asks of an `Asking`, in threads, as it reads files."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def state(self, _request: Request) -> Response:
        return await self._state()

    async def sample(self, request: Request) -> Response:
        from starlette.responses import Response

        found = await asyncio.to_thread(self._asking.sample, request.path_params["position"])
        return Response(found.body, media_type=found.media_type)

    async def answer(self, request: Request) -> Response:
        kept = await asyncio.to_thread(self._asking.answer, *_answer(await body_of(request)))
        return await self._state(200 if kept else 409)

    async def undo(self, request: Request) -> Response:
        await body_of(request)
        await asyncio.to_thread(self._asking.undo)
        return await self._state()

    async def _state(self, status: int = 200) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse(await asyncio.to_thread(self._asking.state), status)


def _answer(said: Any) -> tuple[int, int | None, float]:
    """Position, number of the class (None: skipped), seconds."""
    said = said if isinstance(said, dict) else {}
    position, choice, seconds = said.get("position"), said.get("choice"), said.get("seconds")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if type(position) is not int or type(choice) not in (int, type(None)) or not number:
        raise NetvetError('expected {"position": 0, "choice": 3 or null, "seconds": 1.5}')
    return position, choice, float(seconds)


def serve(asking: Asking, port: int, tell: Callable[[str], object]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        tell: hears the address.

    Raises:
        NetvetError: the extra is not installed, or the port is taken.
    """
    serving.require_uvicorn()
    token, listening = secrets.token_urlsafe(16), bound(port)
    tell(f"http://{HOST}:{listening.getsockname()[1]}/{token}/")
    serving.serve(application(asking, token), listening)
