"""The small value that points at data, and travels instead of it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, JsonValue

from pxw.errors import RefTouchedError
from pxw.opaque import Opaque
from pxw.specs.formats import Compression, Format  # noqa: TC001 - pydantic reads the annotations
from pxw.specs.touching import refuse_touching

__all__ = ["Ref"]


class Ref(Opaque):
    """A small value that points at materialised data; it is what travels between tasks.

    A reference is not its value: `pxw.load(ref)` is. A few fields are worth reading: `place`, `format`, `size` (bytes),
    `rows`, `columns`, `digest`, and `task` and `output`, which produced it.
    """

    place: str = Field(default="", description="Absolute path, URL, or `ddm://project//name`; empty: see `value`.")
    value: JsonValue = Field(
        default=None, description="The value itself, where it is small JSON; of a folder elsewhere, its files."
    )
    format: Format = ""
    compression: Compression = "none"
    size: int = 0
    rows: int | None = None
    digest: str = Field(default="", description="`xxh3:...` or `sha256:...` of the bytes.")
    columns: dict[str, str] | None = Field(default=None, description="A table's columns and their Arrow types.")
    checked: str = Field(default="", description="Fingerprint of the schema that the data is known to fit.")
    python: str = Field(default="", description="The Python type that was saved.")
    id: str | None = Field(default=None, description="The file's id in its DDM, or the object's ETag.")
    flow: str = ""
    run: str = ""
    task: str = ""
    output: str = ""

    _UNLOADED: ClassVar[str] = "pxw.load(...) gives its value; a task that declares it as an input receives the value"

    @property
    def source(self) -> str:
        """Who made it, in words: `task 'process', output 'clean'`."""
        return f"task {self.task!r}, output {self.output!r}" if self.task else self.place or "a value"

    @property
    def format_as_json(self) -> str | dict[str, Any]:
        """The format's name, or its options with their name: what `Ref(format=...)` takes back from JSON."""
        return self.format if isinstance(self.format, str) else self.format.model_dump(mode="json")

    @property
    def is_declared_only(self) -> bool:
        """Whether it stands for data that does not exist yet, as in `pxw check`."""
        return not self.digest

    def __hash__(self) -> int:
        return hash((self.place, self.digest, self.run, self.task, self.output))

    def __repr__(self) -> str:
        facts = [f"{self.rows} rows" if self.rows is not None else "", f"{self.size} bytes" if self.size else ""]
        where = self.place or ("not run" if self.is_declared_only else repr(self.value))
        return f"<Ref {', '.join(filter(None, [self.source, where, *facts]))}>"

    __str__ = __repr__

    def _touched(self, how: str) -> RefTouchedError:
        return RefTouchedError(
            f"this is a reference to data, not the data itself: {how}", at=repr(self), help=self._UNLOADED
        )


refuse_touching(Ref, "ref")
