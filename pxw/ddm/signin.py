"""Who the client is for a DDM: a token, or a user name and password that fetch one."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from pydantic import SecretStr

from pxw.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SignIn", "checked_token"]


class SignIn:
    """The token in use, renewed by one thread at a time.

    >>> SignIn(SecretStr("secret"))
    SignIn(by token)
    """

    def __init__(
        self, token: SecretStr | None = None, username: str | None = None, password: SecretStr | None = None
    ) -> None:
        self._token = None if token is None else checked_token(token)
        self.username = username
        self.password = password
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"SignIn({self.kind})"

    @property
    def kind(self) -> str:
        """How it signs in, in words."""
        if self.renewable:
            return f"as {self.username!r}"
        return "by token" if self._token else "as nobody"

    @property
    def renewable(self) -> bool:
        """Whether it can fetch a token by itself."""
        return self.username is not None and self.password is not None

    def token(self, fetch: Callable[[], SecretStr]) -> SecretStr | None:
        """The token to use; fetched first if there is none yet. None: nobody signs in."""
        with self._lock:
            if self._token is None and self.renewable:
                self._token = fetch()
            return self._token

    def renew(self, refused: SecretStr | None, fetch: Callable[[], SecretStr]) -> SecretStr | None:
        """The token to use instead of a refused one, which another thread may have renewed already."""
        with self._lock:
            if self._token is refused:
                self._token = fetch()
            return self._token

    def hide(self, text: str) -> str:
        """Blank the secrets out of somebody else's text."""
        for secret in (self._token, self.password):
            if secret and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "***")
        return text


def checked_token(token: SecretStr) -> SecretStr:
    """A token as a header can carry it, without the line end that it had in its file.

    Raises:
        SettingsError: it holds something else; the error does not show it.
    """
    text = token.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable():
        raise SettingsError("the token of the DDM is empty, or holds characters that no header can carry")
    return SecretStr(text)
