"""What a workflow tells of a task: what feeds it, where its outputs go, which parameters it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.convert.scripts.kinds import Kind

__all__ = ["Given", "Source"]


@dataclass(frozen=True)
class Source:
    """What feeds an input.

    Args:
        kind: what arrives; `many` are the files of a folder.
        suffix: of a file of the project, such as `.csv`; empty for what an earlier task saves.
        is_external: whether it is a file of the project, or a folder.
        trouble: why nobody can tell what a script would be given.
    """

    kind: Kind
    suffix: str = ""
    is_external: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class Given:
    """A task of a workflow.

    Args:
        task: its name.
        description: what it does, in one sentence; may be empty.
        place: the script's file, as people know it.
        inputs: what feeds each input.
        targets: for each output that leaves the workflow, whether it goes to a file or to a folder.
        wanted: the outputs that the workflow has a use for.
        parameters: the hints of the parameters that it is given; None where the workflow declares no type.
        foreign: what other scripts put into `variables` or `resultMap`.
        parses: whether `eexp_engine_utils` parses files of the project.
        env: the process of its own that it runs in, as Python; empty: that of the flow.
    """

    task: str
    description: str = ""
    place: str = ""
    inputs: Mapping[str, Source] = field(default_factory=dict)
    targets: Mapping[str, Literal["file", "folder"]] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    parameters: Mapping[str, str | None] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    parses: bool = False
    env: str = ""
