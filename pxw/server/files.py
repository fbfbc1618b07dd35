"""The routes about files that are there: their bytes, what is said about them, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from pxw.ddm.wire import (
    Deletion,
    Fault,
    FileIds,
    FileUpdate,
    ProjectDownload,
    Update,
    UpdateAnswer,
    Updates,
    UpdatesAnswer,
    UploaderMetadata,
)
from pxw.server.bodies import archive_of, asked, reply
from pxw.server.downloads import file_response, zip_response, zip_texts, zipped_project
from pxw.server.errors import Refusal
from pxw.server.pages import report
from pxw.server.previews import facts

if TYPE_CHECKING:
    from starlette.requests import Request

    from pxw.server.archive import Archive
    from pxw.server.catalogue import Entry

__all__ = [
    "delete_file",
    "delete_files",
    "download_file",
    "download_files",
    "download_project",
    "drop_metadata",
    "file_facts",
    "file_report",
    "files_facts",
    "files_reports",
    "get_metadata",
    "set_metadata",
    "update_file",
    "update_files",
]


async def _entry(request: Request) -> Entry:
    return await run_in_threadpool(archive_of(request).need, request.path_params["file_id"])


async def _entries(request: Request) -> list[Entry]:
    ids = (await asked(request, FileIds)).file_ids
    return await run_in_threadpool(lambda: [archive_of(request).need(file_id) for file_id in dict.fromkeys(ids)])


async def download_file(request: Request) -> Response:
    """GET /ddm/file/{id}: the bytes."""
    return file_response(request, archive_of(request), await _entry(request))


async def download_files(request: Request) -> Response:
    """POST /ddm/files/download: several files as a zip."""
    return zip_response(archive_of(request), await _entries(request), "files.zip")


async def download_project(request: Request) -> Response:
    """POST /ddm/files/download/project: the files of exactly one project, as a zip."""
    project = (await asked(request, ProjectDownload)).project_id
    return await zipped_project(archive_of(request), project)


async def delete_file(request: Request) -> Response:
    """DELETE /ddm/file/{id}/delete."""
    await run_in_threadpool(archive_of(request).delete, [request.path_params["file_id"]])
    return reply(Deletion(message="File deleted successfully."))


async def delete_files(request: Request) -> Response:
    """DELETE /ddm/files/delete: several files, all or none."""
    ids = (await asked(request, FileIds)).file_ids
    await run_in_threadpool(archive_of(request).delete, ids)
    return reply(Deletion(message=f"{len(set(ids))} file(s) deleted successfully."))


async def update_file(request: Request) -> Response:
    """PATCH /ddm/file/update/{id}."""
    update = await asked(request, Update)
    changed = await run_in_threadpool(archive_of(request).update, request.path_params["file_id"], update)
    return reply(UpdateAnswer(message="File updated successfully.", updated_data=changed))


async def update_files(request: Request) -> Response:
    """PATCH /ddm/files/update: each file by itself; the answer tells which failed."""
    updates = (await asked(request, Updates)).files
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for update in updates:
        await run_in_threadpool(_update, archive_of(request), update, done, failed)
    return reply(UpdatesAnswer(message=f"{len(done)} file(s) updated.", updated_files=done, errors=failed))


def _update(archive: Archive, update: FileUpdate, done: list[dict[str, Any]], failed: list[dict[str, Any]]) -> None:
    file_id = update.id or update.file_id or ""
    try:
        done.append({"id": file_id, **archive.update(file_id, update)})
    except Refusal as refusal:
        failed.append({"id": file_id, **refusal.fault.model_dump(exclude_defaults=True)})


async def set_metadata(request: Request) -> Response:
    """POST or PUT /ddm/uploader_metadata/{id}."""
    metadata = await asked(request, UploaderMetadata)
    file_id = request.path_params["file_id"]
    await run_in_threadpool(archive_of(request).note, file_id, metadata.uploader_metadata)
    return reply(metadata, 201 if request.method == "POST" else 200)


async def get_metadata(request: Request) -> Response:
    """GET /ddm/uploader_metadata/{id}."""
    entry = await _entry(request)
    if entry.metadata is None:
        raise Refusal(404, f"The uploader of {entry.id} gave no metadata.")
    return reply(UploaderMetadata(uploader_metadata=entry.metadata))


async def drop_metadata(request: Request) -> Response:
    """DELETE /ddm/uploader_metadata/{id}."""
    await run_in_threadpool(archive_of(request).note, request.path_params["file_id"], None)
    return reply(Fault(message="Uploader metadata deleted."))


async def file_facts(request: Request) -> Response:
    """GET /ddm/file_metadata/{id}: what can be told of a file by looking at it."""
    return JSONResponse(await _facts(request, await _entry(request)))


async def files_facts(request: Request) -> Response:
    """POST /ddm/file_metadata/."""
    return JSONResponse([await _facts(request, entry) for entry in await _entries(request)])


async def _facts(request: Request, entry: Entry) -> dict[str, Any]:
    preview = await request.app.state.previews.of(entry)
    return {"id": entry.id, "filename": entry.name, "file_metadata": facts(entry, preview)}


async def file_report(request: Request) -> Response:
    """GET /ddm/file_metadata/report/{id}: the facts as a page."""
    return Response(await report(request, await _entry(request)), media_type="text/html")


async def files_reports(request: Request) -> Response:
    """POST /ddm/file_metadata/reports: the pages of several files, as a zip."""
    pages = {f"{entry.id}.html": await report(request, entry) for entry in await _entries(request)}
    return zip_texts(pages, "reports.zip")
