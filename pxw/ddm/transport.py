"""HTTP with a DDM: signed requests, tries, and which of its three generations answers."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import httpx
from pydantic import SecretStr, TypeAdapter

from pxw.ddm.answers import no_answer, refusal
from pxw.ddm.retry import RATE, TWICE, Attempts, Clock, Retry, Setback
from pxw.ddm.signin import SignIn, checked_token
from pxw.ddm.wire import Deletion, Listing, Login, LoginAnswer, Option
from pxw.errors import (
    DDMAuthError,
    DDMError,
    DDMForbiddenError,
    DDMProtocolError,
    DDMUnavailableError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

__all__ = ["Generation", "Transport"]

T = TypeVar("T")
Query = list[tuple[str, str | int]]

_LOGIN = "/extreme_auth/api/v1/person/login"
_SUCCESS = frozenset({200, 201, 202, 206})


class Generation(NamedTuple):
    """What tells one generation of the service from another."""

    name: str
    prefix: str
    listing: str
    dates_truly: bool
    """Whether `created` is when the file came, and not when the service was started."""


V0 = Generation("V0", "", "/catalog/", dates_truly=False)
V1 = Generation("V1", "/ddm", "/ddm/catalog/list", dates_truly=False)
V2 = Generation("V2", "/ddm", "/ddm/catalog/list", dates_truly=True)


class Transport:
    """One DDM, asked over a pool of connections that threads may share."""

    def __init__(
        self,
        url: str,
        sign_in: SignIn,
        *,
        retry: Retry,
        clock: Clock,
        timeout: float,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = _checked(url)
        self.sign_in = sign_in
        self.retry = retry
        self.clock = clock
        self._timeout = timeout
        self._http = httpx.Client(
            transport=http,
            timeout=self.timeout(),
            headers={"Accept-Encoding": "identity"},
            trust_env=not _is_loopback(self.url),  # a token for this machine goes through no proxy
        )
        self._generation: Generation | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def generation(self) -> Generation:
        """Which generation answers; asked once."""
        with self._lock:
            if self._generation is None:
                self._generation = self._detect()
            return self._generation

    def timeout(self, size: int = 0) -> httpx.Timeout:
        """How long to wait for a byte; longer for the answer to a file of `size` bytes, which the service digests."""
        return httpx.Timeout(self._timeout, connect=min(self._timeout, 10.0), read=self._timeout + size / RATE)

    def route(self, path: str) -> str:
        """A route as this generation has it."""
        return self.generation.prefix + path

    def attempts(self, size: int = 0) -> Attempts:
        """Begin to count the tries of an operation that moves `size` bytes."""
        return Attempts(self.retry.scaled(size), self.clock)

    def ask(
        self,
        method: str,
        path: str,
        shape: type[T],
        *,
        signed: bool = True,
        **request: Any,
    ) -> T:
        """Send a request that does no harm if it is sent twice, until an answer of the given shape comes."""
        attempts = self.attempts()
        while True:
            try:
                return self.ask_once(method, path, shape, signed=signed, **request)
            except Setback as setback:
                attempts.pause_or_raise(setback)

    def delete(self, path: str) -> None:
        """Delete something; that it is gone after a try of which the outcome is unknown is a success."""
        attempts, doubtful = self.attempts(), False
        while True:
            try:
                self.ask_once("DELETE", path, Deletion)
            except Setback as setback:
                if setback.status == 404 and doubtful:
                    return
                doubtful |= setback.doubtful
                attempts.pause_or_raise(setback)
            else:
                return

    def ask_once(self, method: str, path: str, shape: type[T], *, signed: bool = True, **request: Any) -> T:
        """Send a request once; raises a `Setback`."""
        with self.attempt(method, path, signed=signed, **request) as response:
            return self._parsed(response, shape, quoted=signed)

    @contextmanager
    def attempt(self, method: str, path: str, *, signed: bool = True, **request: Any) -> Iterator[httpx.Response]:
        """Send a request once, for a body to be read as it comes; what goes wrong meanwhile is a `Setback`."""
        address = path if path.startswith("http") else self.url + path
        at = f"{method} {address}"
        try:
            response = self._send_signed(method, address, request) if signed else self._send(method, address, request)
            try:
                if response.status_code not in _SUCCESS:
                    raise refusal(response, at, self.sign_in.hide)
                yield response
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict) as error:
            raise no_answer(error, at, self.sign_in.hide) from error

    def fetch_token(self) -> SecretStr:
        """Exchange user name and password for a token."""
        password = cast("SecretStr", self.sign_in.password).get_secret_value()
        body = Login(username=self.sign_in.username or "", password=password).model_dump()
        address = str(httpx.URL(self.url).copy_with(path=_LOGIN))
        answer = self.ask("POST", address, LoginAnswer, signed=False, json=body)
        return checked_token(SecretStr(answer.access_token))

    def _send_signed(self, method: str, address: str, request: Mapping[str, Any]) -> httpx.Response:
        token = self.sign_in.token(self.fetch_token)
        response = self._send(method, address, request, token)
        if response.status_code != 401 or not self.sign_in.renewable:
            return response
        response.close()
        return self._send(method, address, request, self.sign_in.renew(token, self.fetch_token))

    def _send(
        self, method: str, address: str, request: Mapping[str, Any], token: SecretStr | None = None
    ) -> httpx.Response:
        built = self._http.build_request(method, address, **request)
        if token is not None:
            built.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        return self._http.send(built, stream=True, follow_redirects=False)

    def _detect(self) -> Generation:
        self.sign_in.token(self.fetch_token)  # what goes wrong there tells nothing about the generation
        nothing: Query = [("project_id", "pxw-asks-who-is-there"), ("filename", "pxw-asks-who-is-there")]
        one: Query = [("page", 1), ("perPage", 1)]
        probes: list[tuple[Generation, str, Any, Query]] = [
            (V2, "/ddm/catalog/options", list[Option], nothing),
            (V1, V1.listing, Listing, one),
            (V0, V0.listing, Listing, one),
        ]
        refused: list[DDMError] = []
        for generation, path, shape, query in probes:
            error = self._refused(path, shape, query)
            if error is None:
                return generation
            refused.append(error)
        raise DDMProtocolError(
            f"no DDM answers at {self.url}",
            details=[f"{error.at}: {error.message}" for error in refused],
            help="the URL is the part before /ddm, such as https://ddm.example.org",
        )

    def _refused(self, path: str, shape: type[T], query: Query) -> DDMError | None:
        try:
            self.ask("GET", path, shape, params=query)
        except (DDMAuthError, DDMForbiddenError, DDMUnavailableError):
            raise  # whoever answers like this may be any generation
        except DDMError as error:
            return error
        return None

    def _parsed(self, response: httpx.Response, shape: type[T], *, quoted: bool) -> T:
        body, request = response.read(), response.request
        try:
            return cast("T", _adapter(cast("Hashable", shape)).validate_json(body))
        except ValueError:
            start = self.sign_in.hide(body[:80].decode("utf-8", "replace")) if quoted else "..."  # a token, perhaps
            error = DDMProtocolError(
                f"an answer that is not what a DDM gives here: {start!r}",
                at=f"{request.method} {request.url.copy_with(query=None)}",
                help="check the URL; a page of an access proxy says that it wants a sign-in of its own",
            )
            # Once more, because a body that was cut on its way looks the same.
            raise Setback(error, tries=TWICE, doubtful=True) from None


@lru_cache(maxsize=32)
def _adapter(shape: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", shape))


def _checked(url: str) -> str:
    """The base URL, without a trailing `/` or `/ddm`."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise SettingsError(f"not a URL of a DDM: {url!r}", help="such as https://ddm.example.org") from error
    if parsed.userinfo:
        raise SettingsError(
            f"the URL of the DDM at {parsed.host!r} holds a user name or password",
            help="leave it out, and give token=, or username= and password=",
        )
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SettingsError(f"not a URL of a DDM: {url!r}", help="such as https://ddm.example.org")
    return str(parsed.copy_with(query=None, fragment=None)).rstrip("/").removesuffix("/ddm")


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    return host in ("localhost", "::1") or host.startswith("127.")
