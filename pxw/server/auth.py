"""Who may come in: the server's token, a token from the login, or a browser's session made of one."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["COOKIE", "LIFETIME", "LOGIN", "SIGN_IN", "STYLE", "Gate", "Guard", "is_page", "new_token"]

COOKIE = "pxw_session"
LIFETIME = 36_000  # seconds
LOGIN = "/extreme_auth/api/v1/person/login"
SIGN_IN = "/sign-in"
STYLE = "/style.css"
OPEN = frozenset({LOGIN, SIGN_IN, STYLE})
"""All that answers without a token."""

Use = Literal["api", "page"]
"""What a session opens: every port of a machine sees a browser's cookies, so a page's session opens only pages."""


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


class Gate:
    """Checks secrets, always in constant time.

    >>> from pydantic import SecretStr
    >>> gate = Gate(SecretStr("s3cret"))
    >>> gate.admits("s3cret"), gate.admits(gate.session()), gate.admits("guess")
    (True, True, False)
    """

    def __init__(self, token: SecretStr, username: str | None = None, password: SecretStr | None = None) -> None:
        self._token = token.get_secret_value().encode()
        self._key = hashlib.sha256(b"pxw session " + self._token).digest()
        self.username = username
        self.user_id = username or "local"
        self._password = password.get_secret_value().encode() if password else b""

    def admits(self, credential: str, use: Use = "api") -> bool:
        """Whether this is the server's token, or a session for this use that is still good."""
        return hmac.compare_digest(credential.encode(), self._token) or self._is_session(credential, use)

    def knows(self, password: str) -> bool:
        """Whether this is the password of the one user."""
        return bool(self._password) and hmac.compare_digest(password.encode(), self._password)

    def session(self, use: Use = "api") -> str:
        """A token that is good for ten hours, also after a restart."""
        expiry = str(int(time.time()) + LIFETIME)
        return f"{expiry}.{self._signature(expiry, use)}"

    def _is_session(self, credential: str, use: Use) -> bool:
        expiry, _, signature = credential.partition(".")
        good = hmac.compare_digest(signature.encode(), self._signature(expiry, use).encode())
        return good and int(expiry) > time.time()

    def _signature(self, expiry: str, use: Use) -> str:
        return hmac.new(self._key, f"{use} {expiry}".encode(), hashlib.sha256).hexdigest()


class Guard:
    """Middleware: nothing but the sign-in answers without a token. A cookie opens only the pages, which only read."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        credential = _bearer(headers.get("authorization", ""))
        for_page = is_page(scope["path"])
        if (credential and self.gate.admits(credential)) or (for_page and self.gate.admits(_cookie(headers), "page")):
            await self.app(scope, receive, send)
        elif for_page:
            back = quote(f"{scope['path']}?{scope['query_string'].decode('latin-1')}".rstrip("?"), safe="")
            await RedirectResponse(f"{SIGN_IN}?next={back}", 303)(scope, receive, send)
        else:
            await _unauthorized(bool(credential))(scope, receive, send)


def is_page(path: str) -> bool:
    """Whether people read what is there, and not programs."""
    return not path.startswith(("/ddm", "/extreme_auth"))


def _bearer(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header.strip()  # old clients send the bare token


def _cookie(headers: Headers) -> str:
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _unauthorized(tried: bool) -> JSONResponse:
    body = {"error": "Unauthorized", "message": "The token is not valid."} if tried else {"error": "Missing token"}
    return JSONResponse(body, 401, {"WWW-Authenticate": "Bearer"})
