"""Tokens that `pxw ddm login` keeps: one file below `PXW_HOME`, for its owner only, a token for each DDM's URL."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import SecretStr

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["forget", "keep", "kept"]


def keep(home: Path, url: str, token: SecretStr) -> Path:
    """Keep the token of a DDM, instead of the one before; the file that holds it."""
    return _write(home, _read(home) | {_key(url): token.get_secret_value()})


def kept(home: Path, url: str) -> SecretStr | None:
    """The token that was kept for exactly this URL.

    >>> import tempfile, pathlib
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> _ = keep(home, "https://ddm.example.org/", SecretStr("secret"))
    >>> kept(home, "https://ddm.example.org/ddm"), kept(home, "https://other.example.org")
    (SecretStr('**********'), None)
    """
    token = _read(home).get(_key(url))
    return SecretStr(token) if token else None


def forget(home: Path, url: str) -> bool:
    """Forget the token of a DDM; whether there was one."""
    tokens = _read(home)
    known = tokens.pop(_key(url), None) is not None
    if known:
        _write(home, tokens)
    return known


def _key(url: str) -> str:
    return url.strip().rstrip("/").removesuffix("/ddm")


def _path(home: Path) -> Path:
    return home / "ddm" / "tokens.json"


def _read(home: Path) -> dict[str, str]:
    with suppress(FileNotFoundError):
        found = json.loads(_path(home).read_text())
        return found if isinstance(found, dict) else {}
    return {}


def _write(home: Path, tokens: dict[str, str]) -> Path:
    path = _path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tokens-{uuid4().hex}")
    # Private from its first byte on, whatever the umask says.
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(tokens, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    return temporary.replace(path)
