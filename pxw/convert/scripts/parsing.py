"""What an expression makes of the bytes of a file, where pxw does it as well: of which type, by which format."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from pxw.convert.source import call, quoted

__all__ = ["Parsed", "parsed"]

_TEXTS = {".txt", ".md", ".log", ".html", ".xml", ".yaml", ".yml"}
# Of `read_csv`: what says how a file is written, in the words of pxw.Csv; and what does not change what is read.
_OPTIONS = {"sep": "delimiter", "delimiter": "delimiter", "decimal": "decimal", "quotechar": "quote"}
_IDLE = {"low_memory", "engine", "memory_map"}
_ENCODINGS = {"utf-8": "", "utf8": "", "latin-1": "latin-1", "latin1": "latin-1", "iso-8859-1": "latin-1"}
_USUAL = {"delimiter": ",", "decimal": ".", "quote": '"', "encoding": ""}


class Parsed(NamedTuple):
    """What is made of some bytes.

    Args:
        hint: the annotation of a parameter that is this already.
        spec: of the input, where the file's suffix does not say enough.
    """

    hint: str
    spec: str = ""


def parsed(node: ast.expr, given: str, suffix: str) -> Parsed | None:
    """What an expression makes of the bytes that are called `given`; None where pxw would make something else.

    >>> parsed(ast.parse("pd.read_csv(BytesIO(x), sep=';')", mode="eval").body, "x", ".csv")
    Parsed(hint='pd.DataFrame', spec='pxw.Dataset(format=pxw.Csv(delimiter=";"))')
    >>> parsed(ast.parse("pd.read_csv(BytesIO(x), index_col=0)", mode="eval").body, "x", ".csv")
    """
    text = rf"{given}\.decode\((?:(?:encoding=)?'utf-?8')?\)"
    stream = rf"(?:io\.)?(?:BytesIO\({given}\)|StringIO\({text}\))"
    if suffix in _TEXTS and re.fullmatch(text, ast.unparse(node), re.IGNORECASE):
        return Parsed("str")
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=function), args=[source]):
            from_stream = re.fullmatch(stream, ast.unparse(source), re.IGNORECASE)
            from_bytes = re.fullmatch(rf"{given}|{text}", ast.unparse(source), re.IGNORECASE)
            options = {each.arg: each.value for each in node.keywords}
            found: Parsed | None = None
            match function, suffix:
                case "loads", ".json" if from_bytes and module == "json" and not options:
                    found = Parsed("Any")
                case "load", ".json" if from_stream and module == "json" and not options:
                    found = Parsed("Any")
                case "load", ".npy" if from_stream and module in {"np", "numpy"} and not options:
                    found = Parsed(f"{module}.ndarray")
                case "read_parquet", ".parquet" if from_stream and options.keys() <= {"engine"}:
                    found = Parsed(f"{module}.DataFrame")
                case (("read_csv" | "read_table"), (".csv" | ".tsv")) if from_stream:
                    spec = _delimited(options, tab=function == "read_table", suffix=suffix)
                    found = None if spec is None else Parsed(f"{module}.DataFrame", spec)
            return found
    return None


def _delimited(options: dict[str | None, ast.expr], *, tab: bool, suffix: str) -> str | None:
    """The spec of a delimited file that is read with these options; None if pxw knows no such option."""
    said = {"delimiter": "\t" if tab else ","}
    for name, node in options.items():
        value = node.value if isinstance(node, ast.Constant) else None
        if name in _OPTIONS and isinstance(value, str) and len(value) == 1:
            said[_OPTIONS[name]] = value
        elif name == "encoding" and isinstance(value, str) and value.lower() in _ENCODINGS:
            said[name] = _ENCODINGS[value.lower()]
        elif name not in _IDLE:
            return None
    usual = _USUAL | ({"delimiter": "\t"} if suffix == ".tsv" else {})
    odd = {name: value for name, value in said.items() if value != usual[name]}
    if suffix == ".tsv" and odd:
        return None  # pxw.Csv says `csv`, and its suffix another thing
    written = call("pxw.Csv", [f"{name}={quoted(value)}" for name, value in odd.items()])
    return f"pxw.Dataset(format={written.flat()})" if odd else ""
