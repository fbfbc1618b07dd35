"""Which words the server takes into its catalogue; none of them ever becomes a path on the disk."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import from_json

from pxw.ddm.wire import PROJECT_LIMIT
from pxw.server.errors import Refusal, invalid

__all__ = ["checked_metadata", "checked_name", "checked_project", "checked_text", "checked_uses", "parsed_metadata"]

NAME_LIMIT = 1_024
TEXT_LIMIT = 64 * 1_024
FORBIDDEN_IN_PROJECTS = "*#?$"  # the real service takes them and then cannot store the file
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
BREAK = re.compile(r"[\t\n\r\u2028\u2029]")


def checked_project(project_id: str) -> str:
    """Check a project id: 1 to 255 characters, segments between single slashes."""
    if not project_id:
        raise Refusal(400, "Project ID is required.", errors={"project_id": "Project ID is required."})
    if len(project_id) > PROJECT_LIMIT:
        raise invalid("project_id", f"{len(project_id)} characters; at most {PROJECT_LIMIT} are allowed")
    if set(project_id) & set(FORBIDDEN_IN_PROJECTS):
        raise invalid("project_id", f"none of {' '.join(FORBIDDEN_IN_PROJECTS)} is allowed")
    return _segmented("project_id", project_id)


def checked_name(name: str) -> str:
    """Check a file name: 1 to 1024 characters; slashes are allowed between segments."""
    if len(name) > NAME_LIMIT:
        raise invalid("files", f"a file name of {len(name)} characters; at most {NAME_LIMIT} are allowed")
    return _segmented("files", name)


def _segmented(field: str, text: str) -> str:
    if CONTROL.search(text) or BREAK.search(text):
        raise invalid(field, f"control characters in {text[:64]!a}")
    if set(text.split("/")) & {"", ".", ".."}:
        raise invalid(field, f"an empty or dotted segment in {text[:64]!r}: write a/b/c, no slash at an end, no '..'")
    return text


def checked_text(field: str, text: str) -> str:
    """Check a text for people, such as a description."""
    if len(text) > TEXT_LIMIT:
        raise invalid(field, f"{len(text)} characters; at most {TEXT_LIMIT} are allowed")
    if CONTROL.search(text):
        raise invalid(field, "control characters")
    return text


def checked_uses(text: str) -> list[str]:
    """Read the use cases of an upload: a JSON list of strings, as a string."""
    try:
        uses = from_json(text) if text else []
    except ValueError:
        raise Refusal(400, "Invalid JSON format for use_case") from None
    if not isinstance(uses, list) or not all(isinstance(use, str) for use in uses):
        raise Refusal(400, "Invalid JSON format for use_case")
    return [checked_text("use_case", use) for use in uses]


def checked_metadata(metadata: object) -> dict[str, Any]:
    """Check the metadata of an uploader: a JSON object."""
    try:
        json.dumps(metadata, allow_nan=False)  # 1e999 is valid JSON, and infinity
    except ValueError:
        raise Refusal(400, "Invalid metadata file format.") from None
    if not isinstance(metadata, dict):
        raise Refusal(400, "Invalid metadata file format.")
    return metadata


def parsed_metadata(data: bytes) -> dict[str, Any] | None:
    """Read a metadata file; an empty one is none."""
    if not data.strip():
        return None
    try:
        return checked_metadata(from_json(data, allow_inf_nan=False))
    except ValueError:
        raise Refusal(400, "Invalid metadata file format.") from None
