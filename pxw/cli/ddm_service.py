"""`pxw ddm login|logout|serve|stop`: sign in to a DDM, and serve one on this machine."""

from __future__ import annotations

import getpass
import shlex
import sys
from pathlib import Path  # noqa: TC003 - cyclopts reads annotations at run time
from typing import TYPE_CHECKING

from pydantic import SecretStr
from rich.text import Text

from pxw import server
from pxw.cli import DONE, FAILED
from pxw.cli.console import err, out, shown_path
from pxw.cli.embedded import root_of
from pxw.cli.embedded import stop as stop_server
from pxw.cli.starting import started
from pxw.ddm import tokens
from pxw.ddm.client import Client
from pxw.errors import SettingsError
from pxw.settings import load_settings

if TYPE_CHECKING:
    from pxw.server import Running

__all__ = ["login", "logout", "serve", "stop"]


# Sign in -------------------------------------------------------------------------------------------------------------


def login(url: str | None = None, /, *, username: str | None = None, token: bool = False) -> None:
    """Sign in to a DDM, and keep its token below `PXW_HOME` for later, in a file that only you can read.

    The token is used for exactly this URL, where `PXW_DDM_TOKEN` is not set. Secrets are asked for, or read line by
    line from standard input; never from the command line, where others see them.

    Parameters
    ----------
    url
        Of the DDM; by default `PXW_DDM_URL`.
    username
        Who you are; asked for if it is left out.
    token
        Ask for a token instead of a name and a password.
    """
    settings = load_settings()
    url = url or settings.ddm_url
    if url is None:
        raise SettingsError("which DDM?", help="pxw ddm login https://ddm.example.org, or set PXW_DDM_URL")
    if token:
        secret = SecretStr(_asked("token: "))
        with Client(url, token=secret) as client:
            client.list("pxw-asks-who-is-there")  # a wrong one is found now
    else:
        username = username or _asked("user name: ", hidden=False)
        with Client(url, username=username, password=_asked("password: ")) as client:
            secret = client.sign_in()
    file = tokens.keep(settings.home, url, secret)
    out().print(Text(f"signed in at {url}; the token is kept in {shown_path(file)}"))
    if settings.ddm_url is None:
        out().print(Text(f"use it with: export PXW_DDM_URL={shlex.quote(url)}"))


def logout(url: str | None = None, /) -> int:
    """Forget the token that `pxw ddm login` keeps.

    Parameters
    ----------
    url
        Of the DDM; by default `PXW_DDM_URL`.
    """
    settings = load_settings()
    known = tokens.forget(settings.home, url or settings.ddm_url or "")
    out().print(Text("signed out" if known else "there was no token to forget"))
    return DONE if known else FAILED


def _asked(question: str, *, hidden: bool = True) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return getpass.getpass(question) if hidden else input(question).strip()


# Serve ---------------------------------------------------------------------------------------------------------------


def serve(
    *,
    root: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8585,
    token: str | None = None,
    username: str | None = None,
) -> None:
    """Serve a DDM on this machine until Ctrl-C; a page to browse it is at its URL.

    Parameters
    ----------
    root
        Where catalogue and bytes live; by default `ddm/server` below `PXW_HOME`, which `pxw run` finds by itself.
    host
        The address to listen on. Traffic is not encrypted: put a proxy with TLS in front before others can reach it.
    port
        The port; 0 takes a free one.
    token
        What clients must send. Others see the command line, so better set `PXW_DDM_TOKEN`; by default the last one of
        this root, or a random one.
    username
        Let this user sign in with `PXW_DDM_PASSWORD`, as the clients of the old system do.
    """
    settings = load_settings()
    if username and settings.ddm_password is None:
        raise SettingsError(f"no password for {username!r}", help="set PXW_DDM_PASSWORD")
    place = (root or root_of(settings.home)).expanduser().absolute()
    place.mkdir(parents=True, exist_ok=True)
    started()
    server.serve(
        place,
        host,
        port,
        SecretStr(token) if token else settings.ddm_token,
        username=username,
        password=settings.ddm_password if username else None,
        on_ready=lambda running: _say_ready(running, place),
    )


def _say_ready(running: Running, root: Path) -> None:
    console = out()
    state = root / "server.json"
    console.print(Text.assemble(("DDM: ", "bold"), running.url, (f"  (data in {shown_path(root)})", "dim")))
    for lost in running.lost:
        err().print(Text(f"lost: {lost}", style="yellow"))
    console.print(Text(f"  export PXW_DDM_URL={running.url}"))
    if console.is_terminal:  # and never into a log
        console.print(Text(f"  export PXW_DDM_TOKEN={shlex.quote(running.token.get_secret_value())}"))
    console.print(
        Text(f"  the token is in {shown_path(state)}, for you only; `pxw run` finds it below PXW_HOME", "dim")
    )
    sys.stdout.flush()


def stop(*, root: Path | None = None) -> int:
    """End the DDM of this machine; what it holds stays.

    Parameters
    ----------
    root
        Where its data lives; by default `ddm/server` below `PXW_HOME`.
    """
    ended = stop_server(root or root_of(load_settings().home))
    out().print(Text(f"ended the DDM at {ended.url}" if ended else "no local DDM runs"))
    return DONE if ended else FAILED
