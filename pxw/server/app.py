"""The embedded DDM as an application: its routes, and what surrounds them."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from pxw.server import auth, files, listings, pages, uploads
from pxw.server.archive import Archive
from pxw.server.errors import TRANSLATIONS, Refusal
from pxw.server.previews import Previews

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from pydantic import SecretStr
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["create_app"]


def _on(method: str, path: str, handler: Callable[..., Any]) -> Route:
    return Route(path, handler, methods=[method])


ROUTES = [
    # The web page
    _on("GET", "/", pages.browse),
    _on("GET", "/file/{file_id}", pages.file),
    _on("GET", "/file/{file_id}/download", pages.download),
    _on("GET", "/download", pages.download_folder),
    _on("GET", auth.STYLE, pages.style),
    _on("GET", auth.SIGN_IN, pages.welcome),
    _on("POST", auth.SIGN_IN, pages.sign_in),
    _on("POST", "/sign-out", pages.sign_out),
    # Bytes in
    _on("POST", auth.LOGIN, listings.login),
    _on("POST", "/ddm/files/upload", uploads.upload_files),
    _on("POST", "/ddm/file/upload", uploads.upload_file),
    _on("POST", "/ddm/file/upload/async", uploads.upload_chunk),
    # Bytes out
    _on("GET", "/ddm/file/{file_id}", files.download_file),
    _on("POST", "/ddm/files/download", files.download_files),
    _on("POST", "/ddm/files/download/project", files.download_project),
    # The catalogue
    _on("GET", "/ddm/catalog/list", listings.listing),
    _on("GET", "/ddm/catalog/my-catalog", listings.my_catalog),
    _on("GET", "/ddm/catalog/options", listings.options),
    _on("GET", "/ddm/catalog/tree", listings.tree),
    _on("POST", "/ddm/catalog/advanced", listings.advanced),
    # Changes
    _on("PATCH", "/ddm/file/update/{file_id}", files.update_file),
    _on("PATCH", "/ddm/files/update", files.update_files),
    _on("DELETE", "/ddm/file/{file_id}/delete", files.delete_file),
    _on("DELETE", "/ddm/files/delete", files.delete_files),
    # What is known of a file
    _on("GET", "/ddm/uploader_metadata/{file_id}", files.get_metadata),
    _on("POST", "/ddm/uploader_metadata/{file_id}", files.set_metadata),
    _on("PUT", "/ddm/uploader_metadata/{file_id}", files.set_metadata),
    _on("DELETE", "/ddm/uploader_metadata/{file_id}", files.drop_metadata),
    _on("GET", "/ddm/file_metadata/{file_id}", files.file_facts),
    _on("POST", "/ddm/file_metadata/", files.files_facts),
    _on("GET", "/ddm/file_metadata/report/{file_id}", files.file_report),
    _on("POST", "/ddm/file_metadata/reports", files.files_reports),
    # Tasks
    _on("GET", "/ddm/tasks/status/{task_id}", listings.task_status),
    _on("GET", "/ddm/tasks/result/{task_id}", listings.task_result),
]

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer carries, unless its handler says otherwise."""


class Headers:
    """Middleware: add the headers that keep a browser from doing more than it is told."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_on)


def _answering(translate: Callable[[Any], Refusal]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        refusal = translate(error)
        if auth.is_page(request.url.path):
            return pages.problem(refusal.status, str(refusal))
        body = refusal.fault.model_dump_json(exclude_defaults=True)
        return Response(body, refusal.status, refusal.headers, "application/json")

    return answer


def create_app(
    root: Path, token: SecretStr, *, username: str | None = None, password: SecretStr | None = None
) -> Starlette:
    """Make the application for the data below a root.

    The root is this application's alone until its lifespan ends.

    Args:
        root: where catalogue and bytes live; made if it is not there.
        token: what clients send as `Authorization: Bearer <token>`, and people type on the sign-in page.
        username: the one user of the login route, if there is to be one.
        password: that user's password.

    Raises:
        PlaceError: another process serves the same root.

    Example:
        ```python
        app = create_app(Path("data"), SecretStr("s3cret"))
        ```
    """
    archive = Archive(root)
    chunks = uploads.Chunks(archive)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with archive, closing(chunks):
            yield

    gate = auth.Gate(token, username, password)
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Headers), Middleware(auth.Guard, gate=gate)],
        exception_handlers={error: _answering(translate) for error, translate in TRANSLATIONS.items()},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.archive = archive
    app.state.gate = gate
    app.state.chunks = chunks
    app.state.previews = Previews(archive)
    return app
