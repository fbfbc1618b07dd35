"""How the server says no: one exception, and the table of foreign errors that become one."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pxw.ddm.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["TRANSLATIONS", "Refusal", "invalid", "no_file"]

INVALID = "Input payload validation failed"


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the server
    """An answer that is not 2xx, from however deep in a handler."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: dict[str, str] | None = None,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.fault = Fault(message=message, errors=errors, error_code=code)


def invalid(field: str, reason: str) -> Refusal:
    """Refuse a request for one of its fields."""
    return Refusal(400, INVALID, errors={field: reason})


def no_file(file_id: str) -> Refusal:
    """Refuse a request for a file that the catalogue does not hold."""
    return Refusal(404, f"No file with the id {file_id[:64]!r} in the catalogue.")


def _refused(refusal: Refusal) -> Refusal:
    return refusal


def _http(error: HTTPException) -> Refusal:
    return Refusal(error.status_code, error.detail, headers=error.headers)


def _invalid(error: ValidationError) -> Refusal:
    faults = {".".join(map(str, fault["loc"])) or "body": fault["msg"] for fault in error.errors(include_input=False)}
    return Refusal(400, INVALID, errors=faults)


def _malformed(error: FormParserError) -> Refusal:
    return Refusal(400, f"Not a multipart body: {error}")


def _truncated(_: ClientDisconnect) -> Refusal:
    return Refusal(400, "The body ended before its announced length.")


FULL = "No space left below the server's root."


def _disk(error: OSError) -> Refusal:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refusal(507, FULL)
    raise error


def _database(error: sqlite3.OperationalError) -> Refusal:
    if "is full" in str(error):
        return Refusal(507, FULL)
    if "overflow" in str(error) or "too large" in str(error):
        return Refusal(400, "Too many conditions in one query, or too deep.")
    raise error


TRANSLATIONS: dict[type[Exception], Callable[..., Refusal]] = {
    Refusal: _refused,
    HTTPException: _http,
    ValidationError: _invalid,
    FormParserError: _malformed,
    ClientDisconnect: _truncated,
    OSError: _disk,
    sqlite3.OperationalError: _database,
}
"""Which foreign error becomes which answer; the application translates at one place."""
