"""What becomes of an answer that is not a success, or of none: the one place that translates HTTP into errors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

import httpx

from pxw.ddm.retry import ALWAYS, NEVER, TWICE, Setback
from pxw.ddm.wire import Fault
from pxw.errors import (
    DDMAuthError,
    DDMError,
    DDMForbiddenError,
    DDMNotFoundError,
    DDMProtocolError,
    DDMRejectedError,
    DDMUnavailableError,
    PxwError,
    SettingsError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EXCEPTIONS", "STATUS", "Meaning", "meaning_of_exception", "meaning_of_status", "no_answer", "refusal"]


class Meaning(NamedTuple):
    """What a status or a failure of the connection comes to."""

    error: type[PxwError]
    what: str
    help: str = ""
    tries: int = NEVER
    doubtful: bool = False  # may the service have done what it was asked for?


_ASIDE = "check the URL; if an access proxy stands in front, sign in there, or give the URL behind it"

_SIGN_IN = "give a token, or a user name and a password; `pxw ddm login` asks for them, and keeps the token"

STATUS: dict[int, Meaning] = {
    300: Meaning(DDMProtocolError, "the address redirects, and a token is sent to its own host only", _ASIDE),
    400: Meaning(DDMRejectedError, "the DDM refuses the request"),
    401: Meaning(DDMAuthError, "the DDM does not accept the sign-in", _SIGN_IN),
    403: Meaning(
        DDMForbiddenError, "the DDM does not allow this", "ask the owner of the file, or sign in as the owner"
    ),
    404: Meaning(DDMNotFoundError, "the DDM has no such file or route"),
    405: Meaning(DDMProtocolError, "the DDM does not know this request", _ASIDE),
    408: Meaning(DDMUnavailableError, "the DDM gave up waiting for the request", tries=ALWAYS, doubtful=True),
    410: Meaning(DDMNotFoundError, "the file is gone"),
    413: Meaning(DDMRejectedError, "the DDM refuses a body of this size", "send smaller files, or raise its limit"),
    416: Meaning(DDMUnavailableError, "the DDM cannot go on from the middle of the file", tries=ALWAYS),
    425: Meaning(DDMUnavailableError, "the DDM asks to try later", tries=ALWAYS),
    429: Meaning(DDMUnavailableError, "the DDM is asked too often", "use fewer workers", tries=ALWAYS),
    500: Meaning(DDMError, "the DDM failed", "an older DDM says so of an unknown id, too", tries=TWICE, doubtful=True),
    501: Meaning(DDMProtocolError, "the DDM does not know this request", _ASIDE),
    502: Meaning(DDMUnavailableError, "the proxy in front cannot reach the DDM", tries=ALWAYS, doubtful=True),
    503: Meaning(DDMUnavailableError, "the DDM is not ready", tries=ALWAYS, doubtful=True),
    504: Meaning(DDMUnavailableError, "the DDM did not answer its proxy in time", tries=ALWAYS, doubtful=True),
    507: Meaning(StorageFullError, "the DDM has no space left", "make room on the service"),
}
"""By status; one that is not listed means what its hundred means."""

EXCEPTIONS: dict[type[Exception], Meaning] = {
    httpx.ConnectTimeout: Meaning(DDMUnavailableError, "no connection in time", tries=ALWAYS),
    httpx.PoolTimeout: Meaning(DDMUnavailableError, "no free connection in time", "use fewer workers", tries=ALWAYS),
    httpx.ConnectError: Meaning(DDMUnavailableError, "no connection", "is the URL right, and the DDM running?", ALWAYS),
    httpx.ProxyError: Meaning(DDMUnavailableError, "the HTTP proxy refuses", "see HTTP_PROXY and NO_PROXY", ALWAYS),
    httpx.LocalProtocolError: Meaning(DDMRejectedError, "not a request that HTTP can carry"),
    httpx.UnsupportedProtocol: Meaning(SettingsError, "not a URL of a DDM", "begin it with http:// or https://"),
    httpx.TransportError: Meaning(DDMUnavailableError, "the connection broke", tries=ALWAYS, doubtful=True),
    httpx.DecodingError: Meaning(DDMUnavailableError, "a body that does not decode", tries=TWICE, doubtful=True),
    httpx.TooManyRedirects: Meaning(DDMProtocolError, "the address redirects without end", _ASIDE),
    httpx.HTTPError: Meaning(DDMProtocolError, "the request failed"),
    httpx.InvalidURL: Meaning(SettingsError, "not a URL of a DDM"),
    httpx.CookieConflict: Meaning(DDMProtocolError, "cookies that contradict each other"),
    httpx.StreamError: Meaning(DDMProtocolError, "a body that cannot be read"),
}
"""By exception of the HTTP library; one that is not listed means what its nearest base class means."""


def meaning_of_status(status: int) -> Meaning:
    """Look a status up.

    >>> meaning_of_status(503).error.__name__, meaning_of_status(418).error.__name__
    ('DDMUnavailableError', 'DDMRejectedError')
    """
    # 2xx other than 200-206, and 1xx, are nothing that a DDM says
    hundred = STATUS.get(status // 100 * 100)
    return STATUS.get(status) or hundred or Meaning(DDMProtocolError, "an answer that no DDM gives", _ASIDE)


def meaning_of_exception(error: Exception) -> Meaning:
    """Look a failure of the HTTP library up."""
    return next(EXCEPTIONS[base] for base in type(error).__mro__ if base in EXCEPTIONS)


def refusal(response: httpx.Response, at: str, hide: Callable[[str], str] = str) -> Setback:
    """Translate an answer that is not a success; `hide` blanks secrets out of the service's own words."""
    status = response.status_code
    meaning = meaning_of_status(status)
    told = hide(response.headers.get("Location", "").partition("?")[0] or _told(response))
    message = f"{meaning.what}: {status} {response.reason_phrase}".rstrip() + (f", {told!r}" if told else "")
    return Setback(
        meaning.error(message, at=at, help=meaning.help),
        tries=meaning.tries,
        wait=_retry_after(response.headers.get("Retry-After", "")),
        doubtful=meaning.doubtful,
        status=status,
    )


def no_answer(error: Exception, at: str, hide: Callable[[str], str] = str) -> Setback:
    """Translate a failure of the HTTP library."""
    meaning = meaning_of_exception(error)
    words = hide(str(error)) or "no reason given"
    failure = meaning.error(f"{meaning.what}: {type(error).__name__}, {words}", at=at, help=meaning.help)
    return Setback(failure, tries=meaning.tries, doubtful=meaning.doubtful)


def _told(response: httpx.Response) -> str:
    """What the body of an answer says, on one short line."""
    body = _start_of(response)
    try:
        fault = Fault.model_validate_json(body)
    except ValueError:  # an access proxy answers plain text or a page
        text = re.sub(r"<[^>]*>", " ", body.decode("utf-8", "replace"))
    else:
        parts = (fault.message, fault.error, str(fault.errors or ""), f"error {fault.error_code or ''}")
        text = "; ".join(part for part in parts if part not in ("", "error "))
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _start_of(response: httpx.Response, limit: int = 2**14) -> bytes:
    body = b""
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > limit:
                break
    except (httpx.HTTPError, httpx.StreamError):
        return body[:limit]  # the status says enough
    return body[:limit]


def _retry_after(value: str) -> float:
    """Seconds from a `Retry-After` header, which counts seconds or names a date."""
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:  # what `-0000` gives
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
