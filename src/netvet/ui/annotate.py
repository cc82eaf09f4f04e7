"""The page on which a person labels samples: a few routes below a secret path, on the loopback interface alone."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError
from netvet.data.asking import Asking

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
FILES = {"": ("annotate.html", "text/html"), "page.css": ("annotate.css", "text/css"),
         "page.js": ("annotate.js", "text/javascript")}  # fmt: skip
# Nothing from elsewhere, nothing inline, in no frame: samples and names of classes are foreign text.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# An answer is three numbers.
MAX_BODY = 1_000

Handler = Callable[["Request"], Awaitable["Response"]]


def application(asking: Asking, token: str) -> Starlette:
    """The routes below `/TOKEN/`.

    Args:
        token: whoever does not know it gets "not found".
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    questions = _Questions(asking)
    handlers: dict[str, Handler] = {name: partial(_file, name=name) for name in FILES}
    handlers |= {"state": questions.state, "sample/{position:int}": questions.sample}
    writing: dict[str, Handler] = {"answer": questions.answer, "undo": questions.undo}
    routes = [Route(f"/{{token}}/{path}", _guarded(h, token)) for path, h in handlers.items()]
    routes += [Route(f"/{{token}}/{path}", _guarded(h, token), methods=["POST"]) for path, h in writing.items()]
    # Another site that has its name point to this machine is refused, too.
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, [HOST, "localhost"])])


def _guarded(handler: Handler, token: str) -> Handler:
    """Only for who knows the token; an error of ours is told as JSON."""
    from starlette.responses import JSONResponse, PlainTextResponse

    async def safe(request: Request) -> Response:
        if not secrets.compare_digest(request.path_params["token"].encode(), token.encode()):
            return PlainTextResponse("not found", 404, HEADERS)
        try:
            response = await handler(request)
        except NetvetError as error:
            response = JSONResponse({"error": str(error)}, 400)
        response.headers.update(HEADERS)
        return response

    return safe


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
        kept = await asyncio.to_thread(self._asking.answer, *_answer(await _json(request)))
        return await self._state(200 if kept else 409)

    async def undo(self, request: Request) -> Response:
        await _json(request)
        await asyncio.to_thread(self._asking.undo)
        return await self._state()

    async def _state(self, status: int = 200) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse(await asyncio.to_thread(self._asking.state), status)


async def _json(request: Request) -> Any:
    """The body: only a page of the same origin can send it as JSON."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise NetvetError("expected application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise NetvetError("more than is expected of an answer")
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise NetvetError("expected JSON") from error


def _answer(said: Any) -> tuple[int, int | None, float]:
    """Position, number of the class (None: skipped), seconds."""
    said = said if isinstance(said, dict) else {}
    position, choice, seconds = said.get("position"), said.get("choice"), said.get("seconds")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if type(position) is not int or type(choice) not in (int, type(None)) or not number:
        raise NetvetError('expected {"position": 0, "choice": 3 or null, "seconds": 1.5}')
    return position, choice, float(seconds)


def bound(port: int) -> socket.socket:
    """A socket of this machine alone, that listens.

    Args:
        port: 0 for any that is free.

    Raises:
        NetvetError: the port is taken.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.bind((HOST, port))
        found.listen()  # whoever is told the address may come before the server is ready
    except OSError as error:
        found.close()
        raise NetvetError(f"port {port} cannot be used ({error.strerror}); give another --port, or none") from error
    return found


def serve(asking: Asking, port: int, tell: Callable[[str], object]) -> None:
    """Serve the page until Ctrl-C.

    Args:
        tell: hears the address.

    Raises:
        NetvetError: the extra is not installed, or the port is taken.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise NetvetError("a page needs Starlette and Uvicorn: pip install 'netvet[ui]'") from error
    token, listening = secrets.token_urlsafe(16), bound(port)
    # No access log: it would print the token with every answer.
    config = uvicorn.Config(
        application(asking, token), log_level="error", access_log=False, lifespan="off", ws="none",
        timeout_graceful_shutdown=2, server_header=False,
    )  # fmt: skip
    tell(f"http://{HOST}:{listening.getsockname()[1]}/{token}/")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()
