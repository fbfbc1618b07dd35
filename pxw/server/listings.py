"""The routes that search: list, exact lookup, tree, query builder; and the tasks, which are always done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from pxw.ddm.wire import FileRow, Listing, Login, LoginAnswer, Option, TaskResult, TaskStatus, Tree, TreeData, TreeNode
from pxw.server.bodies import archive_of, asked, parameters, reply, reply_all
from pxw.server.errors import Refusal, invalid
from pxw.server.previews import facts
from pxw.server.query import ListQuery, Rules, Where, order_by

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pxw.server.auth import Gate
    from pxw.server.catalogue import Catalogue, Node

__all__ = ["advanced", "listing", "login", "my_catalog", "options", "task_result", "task_status", "tree"]

MOST_OPTIONS = 100


async def listing(request: Request) -> Response:
    """GET /ddm/catalog/list."""
    return await _listing(request, with_facts=False)


async def my_catalog(request: Request) -> Response:
    """GET /ddm/catalog/my-catalog: as the list, with the facts of each file."""
    return await _listing(request, with_facts=True)


async def _listing(request: Request, *, with_facts: bool) -> Response:
    query = parameters(request, ListQuery)
    return reply(await run_in_threadpool(_page, archive_of(request).catalogue, query, with_facts))


def _page(catalogue: Catalogue, query: ListQuery, with_facts: bool) -> Listing:
    where, offset = query.where(), (query.page - 1) * query.per_page
    entries = catalogue.select(where, order_by(query.sort), query.per_page, offset)
    rows = [entry.row(file_metadata=facts(entry)) if with_facts else entry.row() for entry in entries]
    return Listing(
        data=[FileRow(**row) for row in rows],
        total=catalogue.count(),
        page=query.page,
        per_page=query.per_page,
        filtered_total=catalogue.count(where),
    )


async def options(request: Request) -> Response:
    """GET /ddm/catalog/options: exact lookup, newest first."""
    exact = {"project_id": "project_id", "filename": "name", "user_id": "user_id"}
    where = Where()
    for parameter, column in exact.items():
        if value := request.query_params.get(parameter):
            where &= Where(f"{column} = ?", (value,))
    catalogue = archive_of(request).catalogue
    entries = await run_in_threadpool(catalogue.select, where, "created DESC", MOST_OPTIONS)
    return reply_all([Option(id=e.id, filename=e.name, project_id=e.project_id) for e in entries], Option)


class TreeQuery(BaseModel):
    """The parameters of `GET /ddm/catalog/tree`; pages count from 0."""

    parent: str = ""
    page: int = Field(default=0, ge=0, le=2**31)
    per_page: int = Field(default=10, ge=1, le=2**31, alias="perPage")
    sort: str = "name,asc"
    filter: str = ""

    def order(self) -> str:
        """The order within the folders, and within the files."""
        field, _, direction = self.sort.partition(",")
        if field not in {"name", "size", "created"} or direction not in {"", "asc", "desc"}:
            raise invalid("sort", f"{self.sort[:64]!r}; expected name, size or created, then ,asc or ,desc")
        return f"{field} {direction}"


async def tree(request: Request) -> Response:
    """GET /ddm/catalog/tree: one level of the projects; folders first."""
    query = parameters(request, TreeQuery)
    parent = query.parent.removeprefix("folder-").strip("/")
    where = (parent, query.filter, query.order(), query.per_page, query.page * query.per_page)
    nodes, total = await run_in_threadpool(archive_of(request).catalogue.level, *where)
    return reply(Tree(nodes=[_node(parent, node) for node in nodes], total_records=total))


def _node(parent: str, node: Node) -> TreeNode:
    path = f"{parent}/{node.name}" if parent else node.name
    key = f"folder-{path}" if node.kind == "folder" else f"file-{node.id}"
    data = TreeData(name=node.name, path=path, type=node.kind, size=node.size, id=node.id)
    return TreeNode(key=key, data=data, leaf=node.kind == "file")


async def advanced(request: Request) -> Response:
    """POST /ddm/catalog/advanced: the rules of a query builder."""
    where = (await asked(request, Rules)).where()
    entries = await run_in_threadpool(archive_of(request).catalogue.select, where)
    return reply_all([FileRow(**entry.row()) for entry in entries], FileRow)


async def task_status(request: Request) -> Response:
    """GET /ddm/tasks/status/{id}: whatever was acknowledged here is done."""
    await _known_task(request)
    return reply(TaskStatus(task_id=request.path_params["task_id"], state="SUCCESS"))


async def task_result(request: Request) -> Response:
    """GET /ddm/tasks/result/{id}."""
    file_id = await _known_task(request)
    return reply(TaskResult(ready=True, successful=True, value={"file_id": file_id}))


async def _known_task(request: Request) -> str:
    kind, _, file_id = request.path_params["task_id"].partition("-")
    if kind not in {"metadata", "merge"}:
        raise Refusal(404, "No such task.")
    return (await run_in_threadpool(archive_of(request).need, file_id)).id


async def login(request: Request) -> Response:
    """POST /extreme_auth/api/v1/person/login: a token for the one user, if the server was given one."""
    gate: Gate = request.app.state.gate
    asked_for = await asked(request, Login)
    if gate.username is None or asked_for.username != gate.username:
        raise Refusal(401, "No such user.", code=4012)
    if not gate.knows(asked_for.password):
        raise Refusal(401, "Wrong password.", code=4011)
    return reply(LoginAnswer(access_token=gate.session()))
