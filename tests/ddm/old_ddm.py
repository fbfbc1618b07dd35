"""A DDM of the three generations in memory, with the oddities of the real one, for `httpx.MockTransport`."""

from __future__ import annotations

import itertools
import json
import random
import re
from datetime import UTC, datetime
from typing import Any

import httpx

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
REWRITTEN = ("csv", "json", "zip", "pkl")


def like(pattern: str, text: str) -> bool:
    """SQL's LIKE '%pattern%', with its wildcards and its escape live."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    table = {"%": ".*", "_": "."}
    regex = "".join(table.get(part) or re.escape(part[-1]) for part in parts)
    return re.search(regex, text, re.DOTALL) is not None


class OldDDM:
    """Counts requests, keeps everything; the attributes switch its faults on."""

    def __init__(self, generation: str = "V1", *, seed: int = 0) -> None:
        self.generation = generation
        self.prefix = "" if generation == "V0" else "/ddm"
        self.rows: dict[str, dict[str, Any]] = {}
        self.bytes: dict[str, bytes] = {}
        self.metadata: dict[str, Any] = {}
        self.log: list[httpx.Request] = []
        self.forms: list[list[tuple[str, str, bytes]]] = []
        self.stores = True
        self.not_yet = 0  # how many GETs of a new file answer 404
        self.token: str | None = None
        self.logins = 0
        self.created = START
        self._waits: dict[str, int] = {}
        self._random = random.Random(seed)
        self._count = itertools.count(1)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.log.append(request)
        path = request.url.path
        if path == "/extreme_auth/api/v1/person/login":
            return self.login(request)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return httpx.Response(401, text="401 Authorization Required")
        for method, pattern, handler in self.routes():
            if request.method == method and (match := re.fullmatch(pattern, path)):
                return handler(request, *match.groups())
        return httpx.Response(404, json={"message": "The requested URL was not found on the server."})

    def routes(self):
        p = self.prefix
        listing = "/catalog/" if self.generation == "V0" else f"{p}/catalog/list"
        yield "GET", listing, self.list
        yield "POST", f"{p}/files/upload", self.upload
        yield "GET", f"{p}/file/([^/]+)", self.get
        yield "DELETE", f"{p}/file/([^/]+)/delete", self.delete
        if self.generation == "V2":
            yield "GET", f"{p}/catalog/options", lambda request: httpx.Response(200, json=[])
        yield "GET", f"{p}/uploader_metadata/([^/]+)", self.get_metadata
        yield "PUT", f"{p}/uploader_metadata/([^/]+)", self.put_metadata
        yield "POST", f"{p}/uploader_metadata/([^/]+)", self.post_metadata

    def asked(self, method: str, path: str) -> int:
        """How many requests of this kind came."""
        return sum(request.method == method and request.url.path.startswith(path) for request in self.log)

    def login(self, request: httpx.Request) -> httpx.Response:
        if json.loads(request.content) != {"username": "ann", "password": "open sesame"}:
            return httpx.Response(401, json={"error_code": 4011, "message": "Wrong password"})
        self.logins += 1
        self.token = f"token-{self.logins}"
        return httpx.Response(200, json={"access_token": self.token, "token_type": "Bearer", "expires_in": 36000})

    def upload(self, request: httpx.Request) -> httpx.Response:
        form = parse(request)
        self.forms.append(form)
        fields = {name: value.decode() for name, file_name, value in form if not file_name}
        part, content = next((file_name, value) for name, file_name, value in form if name == "files")
        row = self.add(
            fields["project_id"],
            fields.get("user_filenames", ""),
            content,
            part=part,
            description=fields.get("descriptions", ""),
            use_case=json.loads(fields.get("use_case") or "[]"),
        )
        for name, _, value in form:
            if name == "metadata-files":
                self.metadata[row["id"]] = json.loads(value)
        return httpx.Response(200, json={"message": "1 file(s) uploaded successfully!", "files": [row]})

    def add(self, project: str, name: str, content: bytes = b"", *, part: str = "", **more: Any) -> dict[str, Any]:
        """Store a file, as if some other program had uploaded it."""
        part = part or name
        id_ = f"{self._random.getrandbits(128):032x}"
        stem, _, suffix = part.rpartition(".")
        columns = (name, re.sub(r"[^\w.]", "_", part)) if self.generation == "V2" else ("", name or stem)
        created = START.replace(microsecond=next(self._count)) if self.generation == "V2" else self.created
        self.rows[id_] = {
            "id": id_,
            "filename": columns[0],
            "upload_filename": columns[1],
            "description": "",
            "use_case": [],
            "path": f"projects/{project}/files/{id_}/{id_}.{suffix}",
            "user_id": None,
            "created": created.replace(tzinfo=None).isoformat(),
            "parent_files": None,
            "project_id": project,
            "file_size": len(content),
            "file_type": suffix,
            "recdeleted": False,
        } | more
        if self.stores:
            # Only what it knows by its suffix is rewritten; `2.50` becomes `2.5`.
            self.bytes[id_] = content.replace(b"2.50", b"2.5") if suffix in REWRITTEN else content
        self._waits[id_] = self.not_yet
        return self.rows[id_]

    def list(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        rows = [row for row in self.rows.values() if self.fits(row, query)]
        rows.sort(key=lambda row: row["id"])
        page, size = int(query.get("page", 1)), int(query.get("perPage", 10))
        data = rows[(page - 1) * size : page * size]
        return httpx.Response(
            200,
            json={"data": data, "total": len(self.rows), "page": page, "perPage": size, "filtered_total": len(rows)},
        )

    @staticmethod
    def fits(row: dict[str, Any], query: httpx.QueryParams) -> bool:
        names = f"{row['filename']}\n{row['upload_filename']}"
        columns = {"project_id": row["project_id"], "filename": names}
        return all(
            any(like(part, text) for part in query[key].split(",")) for key, text in columns.items() if query.get(key)
        )

    def get(self, request: httpx.Request, id_: str) -> httpx.Response:
        if id_ not in self.rows and self.generation != "V2":
            return httpx.Response(500, json={"message": "Internal Server Error"})
        self._waits[id_] = self._waits.get(id_, 0) - 1
        content = self.bytes.get(id_)
        if not content or self._waits[id_] >= 0:  # the empty ones, too
            return httpx.Response(404, json={"message": "File not found in Zenoh Storage."})
        return httpx.Response(200, content=content)

    def delete(self, request: httpx.Request, id_: str) -> httpx.Response:
        if self.rows.pop(id_, None) is None:
            return httpx.Response(404, json={"message": "File not found"})
        self.bytes.pop(id_, None)
        return httpx.Response(200, json={"message": "File deleted successfully."})

    def get_metadata(self, request: httpx.Request, id_: str) -> httpx.Response:
        if id_ not in self.metadata:
            return httpx.Response(404, json={"message": "No metadata."})
        return httpx.Response(200, json={"uploader_metadata": self.metadata[id_]})

    def put_metadata(self, request: httpx.Request, id_: str) -> httpx.Response:
        if id_ not in self.metadata:
            return httpx.Response(404, json={"message": "No metadata."})
        return self.post_metadata(request, id_)

    def post_metadata(self, request: httpx.Request, id_: str) -> httpx.Response:
        self.metadata[id_] = json.loads(request.content)["uploader_metadata"]
        return httpx.Response(201 if request.method == "POST" else 200, json={"message": "ok"})


def parse(request: httpx.Request) -> list[tuple[str, str, bytes]]:
    """The parts of a multipart body: name, file name, content."""
    boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
    pieces = request.content.split(b"--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    parts = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        options = dict(re.findall(r'(name|filename)="([^"]*)"', head.decode()))
        parts.append((options["name"], options.get("filename", ""), content))
    return parts
