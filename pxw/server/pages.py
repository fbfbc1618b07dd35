"""The web page: read-only, made on the server, without a line of JavaScript."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from pxw.ddm.wire import Envelope
from pxw.server.auth import COOKIE, LIFETIME, SIGN_IN, Gate
from pxw.server.bodies import archive_of, parameters
from pxw.server.downloads import file_response, zipped_project
from pxw.server.errors import Refusal
from pxw.server.query import Where

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from pxw.server.archive import Archive
    from pxw.server.catalogue import Entry

__all__ = [
    "browse",
    "download",
    "download_folder",
    "file",
    "problem",
    "report",
    "sign_in",
    "sign_out",
    "style",
    "welcome",
]

HERE = Path(__file__).parent
PER_PAGE = 100
FORM_LIMIT = 4096  # bytes; a token and a path


def _size(count: int | None) -> str:
    if count is None:
        return "?"
    size, units = float(count), iter(("B", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while size >= 999.5 and unit != "PB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.3g} {unit}"


def _date(moment: datetime | str) -> str:
    return str(moment)[:16].replace("T", " ")


def _link(path: str, **query: object) -> str:
    return f"{path}?{urlencode({name: value for name, value in query.items() if value})}".rstrip("?")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,  # everything that comes out of the catalogue is somebody else's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=_size, date=_date)
    environment.globals.update(link=_link, project="", q="")
    return environment


TEMPLATES = _environment()


def _page(template: str, status: int = 200, /, **values: Any) -> Response:
    return HTMLResponse(TEMPLATES.get_template(template).render(**values), status)


class BrowseQuery(BaseModel):
    """The parameters of the first page."""

    project: str = ""
    q: str = ""
    page: int = Field(default=1, ge=1, le=2**31)


async def browse(request: Request) -> Response:
    """GET /: one level of the projects; or what a search finds."""
    query = parameters(request, BrowseQuery)
    values = await run_in_threadpool(_found if query.q else _level, archive_of(request), query)
    if query.project and not values["total"]:
        raise Refusal(404, f"There is nothing in the project {query.project!r}.")
    return _page(
        "browse.html",
        query=query,
        project=query.project,
        q=query.q,
        crumbs=_crumbs(query.project),
        per_page=PER_PAGE,
        **values,
    )


def _level(archive: Archive, query: BrowseQuery) -> dict[str, Any]:
    offset = (query.page - 1) * PER_PAGE
    nodes, total = archive.catalogue.level(query.project, "", "name", PER_PAGE, offset)
    return {"nodes": nodes, "entries": [], "total": total}


def _found(archive: Archive, query: BrowseQuery) -> dict[str, Any]:
    where = Where(
        "(instr(lower(name), lower(?)) OR instr(lower(project_id), lower(?))) AND instr(project_id || '/', ?) = 1",
        (query.q, query.q, f"{query.project}/" if query.project else ""),
    )
    entries = archive.catalogue.select(where, "created DESC", PER_PAGE, (query.page - 1) * PER_PAGE)
    return {"nodes": [], "entries": entries, "total": archive.catalogue.count(where)}


def _crumbs(project: str) -> list[tuple[str, str]]:
    parts = project.split("/") if project else []
    return [(part, "/".join(parts[: index + 1])) for index, part in enumerate(parts)]


async def file(request: Request) -> Response:
    """GET /file/{id}: what is known of a file, and its first rows."""
    entry = await run_in_threadpool(archive_of(request).need, request.path_params["file_id"])
    return HTMLResponse(await report(request, entry))


async def report(request: Request, entry: Entry) -> str:
    """Render the page of a file."""
    preview = await request.app.state.previews.of(entry)
    return TEMPLATES.get_template("file.html").render(
        entry=entry,
        crumbs=_crumbs(entry.project_id),
        description=Envelope.text_of(entry.description),
        metadata=json.dumps(entry.metadata, indent=2, ensure_ascii=False),
        preview=preview,
    )


async def download(request: Request) -> Response:
    """GET /file/{id}/download: the bytes, for a browser."""
    archive = archive_of(request)
    return file_response(request, archive, await run_in_threadpool(archive.need, request.path_params["file_id"]))


async def download_folder(request: Request) -> Response:
    """GET /download: the files of exactly one project as a zip."""
    return await zipped_project(archive_of(request), request.query_params.get("project", ""))


async def welcome(request: Request) -> Response:
    """GET /sign-in: ask for the token."""
    return _page("sign_in.html", back=_local(request.query_params.get("next", "/")), refused=False)


async def sign_in(request: Request) -> Response:
    """POST /sign-in: turn the token into a session of this browser."""
    gate: Gate = request.app.state.gate
    form = await _form(request)
    back = _local(form.get("next", "/"))
    if not gate.admits(form.get("token", "").strip()):
        return _page("sign_in.html", 401, back=back, refused=True)
    answer = RedirectResponse(back, 303)
    is_https = request.url.scheme == "https"
    answer.set_cookie(COOKIE, gate.session("page"), LIFETIME, httponly=True, samesite="strict", secure=is_https)
    return answer


async def sign_out(_: Request) -> Response:
    """POST /sign-out: end the session of this browser."""
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > FORM_LIMIT:
            raise Refusal(413, "A sign-in is shorter than that.")
    fields = parse_qs(body.decode(errors="replace"), errors="replace")
    return {name: values[0] for name, values in fields.items()}


def _local(path: str) -> str:
    # Only back into this site: `//host` and `/\host` lead a browser elsewhere.
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


async def style(_: Request) -> Response:
    """GET /style.css."""
    return FileResponse(HERE / "templates" / "style.css", headers={"Cache-Control": "max-age=3600"})


def problem(status: int, message: str) -> Response:
    """The page that says no."""
    return _page("problem.html", status, title=HTTPStatus(status).phrase, message=message)
