"""Which codec speaks which format."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, TypeAlias

from pxw.codecs.base import Codec, TableCodec
from pxw.errors import FormatError, nearest

__all__ = ["AnyCodec", "Registry", "registry"]

AnyCodec: TypeAlias = Codec | TableCodec

# name -> where it is, and the suffixes that mean it: a codec's module is imported when it is first used.
_BUILT_IN: dict[str, tuple[str, tuple[str, ...]]] = {
    "arrow": ("pxw.codecs.arrow:ArrowCodec", (".arrow", ".feather", ".ipc")),
    "parquet": ("pxw.codecs.arrow:ParquetCodec", (".parquet", ".pq")),
    "csv": ("pxw.codecs.delimited:CsvCodec", (".csv",)),
    "tsv": ("pxw.codecs.delimited:TsvCodec", (".tsv", ".tab")),
    "jsonl": ("pxw.codecs.documents:JsonLinesCodec", (".jsonl", ".ndjson")),
    "json": ("pxw.codecs.documents:JsonCodec", (".json",)),
    "text": ("pxw.codecs.plain:TextCodec", (".txt", ".md", ".log", ".html", ".xml", ".yaml", ".yml", ".toml")),
    "bytes": ("pxw.codecs.plain:BytesCodec", (".bin",)),
    "npy": ("pxw.codecs.arrays:NpyCodec", (".npy",)),
    "npz": ("pxw.codecs.arrays:NpzCodec", (".npz",)),
    "pickle": ("pxw.codecs.opaque:PickleCodec", (".pkl", ".pickle")),
    "joblib": ("pxw.codecs.opaque:JoblibCodec", (".joblib",)),
    "skops": ("pxw.codecs.opaque:SkopsCodec", (".skops",)),
}

# The class of a value, or one that it inherits from -> the format it takes where nobody names one.
_BY_TYPE = {
    "pandas.DataFrame": "arrow",
    "pyarrow.Table": "arrow",
    "pyarrow.RecordBatch": "arrow",
    "pyarrow.RecordBatchReader": "arrow",
    "polars.DataFrame": "arrow",
    "polars.LazyFrame": "arrow",
    "_duckdb.DuckDBPyRelation": "arrow",
    "duckdb.DuckDBPyRelation": "arrow",
    "numpy.ndarray": "npy",
    "numpy.generic": "json",
    "pydantic.BaseModel": "json",
    **dict.fromkeys((f"builtins.{name}" for name in ("dict", "list", "tuple", "int", "float", "NoneType")), "json"),
    **dict.fromkeys((f"builtins.{name}" for name in ("bytes", "bytearray", "memoryview")), "bytes"),
    "builtins.str": "text",
}


class Registry:
    """Codecs by format, by suffix and by the type of a value; what it does not know, its parent may."""

    def __init__(self, parent: Registry | None = None) -> None:
        self._parent = parent
        self._codecs: dict[str, AnyCodec] = {}
        self._suffixes: dict[str, str] = {}
        self._types: dict[type, str] = {}

    def register(self, codec: AnyCodec) -> None:
        """Add a codec; a later one for the same format, suffix or type takes the place of the earlier."""
        self._codecs[codec.format] = codec
        self._suffixes |= dict.fromkeys(codec.suffixes, codec.format)
        self._types |= dict.fromkeys(getattr(codec, "types", ()), codec.format)

    def by_format(self, name: str) -> AnyCodec:
        """The codec of a format."""
        codec = self.find(name)
        if codec is None:
            raise FormatError(f"no codec for the format {name!r}", help=nearest(name, self.formats()))
        return codec

    def by_suffix(self, suffix: str) -> AnyCodec | None:
        """The codec that a file's suffix asks for, if there is one."""
        name = self._suffixes.get(suffix)
        if name is not None:
            return self.by_format(name)
        return self._parent.by_suffix(suffix) if self._parent else None

    def by_type(self, kind: type) -> str | None:
        """The format that values of a registered type take where nobody names one."""
        for base in kind.__mro__:
            if base in self._types:
                return self._types[base]
        return self._parent.by_type(kind) if self._parent else None

    def suffix_of(self, name: str) -> str:
        """The suffix that a new file of this format gets."""
        known = self.by_format(name).suffixes
        return known[0] if known else f".{name}"

    def formats(self) -> list[str]:
        """The names of all formats."""
        return [*self._codecs, *(self._parent.formats() if self._parent else ())]

    def find(self, name: str) -> AnyCodec | None:
        """The codec of a format, if there is one."""
        return self._codecs.get(name) or (self._parent.find(name) if self._parent else None)


class _BuiltIn(Registry):
    """The formats that come with pxw, imported when asked for."""

    def by_suffix(self, suffix: str) -> AnyCodec | None:
        return next((self.find(name) for name, (_, known) in _BUILT_IN.items() if suffix in known), None)

    def by_type(self, kind: type) -> str | None:
        names = (f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in kind.__mro__)
        return next((_BY_TYPE[name] for name in names if name in _BY_TYPE), None)

    def formats(self) -> list[str]:
        return list(_BUILT_IN)

    def find(self, name: str) -> AnyCodec | None:
        if name not in self._codecs and name in _BUILT_IN:
            module, _, codec = _BUILT_IN[name][0].partition(":")
            self._codecs[name] = getattr(import_module(module), codec)()
        return self._codecs.get(name)


registry = Registry(parent=_BuiltIn())


def known_as(value: Any, module: str, name: str) -> bool:
    """Whether a value is an instance of `module.name`, without importing a module that nobody has imported yet."""
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(value, cls)
