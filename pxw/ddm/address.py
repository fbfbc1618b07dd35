"""The address of a file in a DDM, or of a whole project, as one text."""

from __future__ import annotations

__all__ = ["address", "is_address", "split"]

_SCHEME = "ddm://"


def address(project: str, name: str | None = None) -> str:
    """A file, or without a name a project; projects and names may both hold slashes.

    >>> address("demo/titanic", "titanic.json"), address("demo")
    ('ddm://demo/titanic//titanic.json', 'ddm://demo//')
    """
    return f"{_SCHEME}{project}//{name or ''}"


def is_address(place: str) -> bool:
    """Whether a place is in a DDM."""
    return place.startswith(_SCHEME)


def split(place: str) -> tuple[str, str]:
    """Project and name of an address.

    >>> split("ddm://demo/titanic//titanic.json")
    ('demo/titanic', 'titanic.json')
    """
    project, _, name = place.removeprefix(_SCHEME).partition("//")
    return project, name
