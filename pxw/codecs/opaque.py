"""Python objects: pickle, joblib and skops, only where the user spelled one of them out.

Loading a pickle runs whatever it holds, so a file is read only if this installation wrote exactly these bytes, or the
spec vouches for them (`allow_pickle=True`); the data plane says so in `File.trusted`.
"""

from __future__ import annotations

import pickle
from typing import Any

from pxw.codecs.base import Codec, File
from pxw.errors import ConversionError, CorruptDataError, FormatError, PickleRefusedError

__all__ = ["JoblibCodec", "PickleCodec", "SkopsCodec"]

_VOUCH = "if you trust where it comes from, say so: allow_pickle=True in its spec"


class PickleCodec(Codec):
    """Python's own pickle."""

    format = "pickle"
    suffixes = (".pkl", ".pickle")
    runs_code = True

    def read(self, file: File, as_: Any) -> Any:
        """Read the object, if its bytes are trusted."""
        del as_
        _refuse_untrusted(file)
        with file.open_read() as stream:
            try:
                return pickle.load(stream)  # noqa: S301 - trusted, see above
            except (EOFError, pickle.UnpicklingError) as error:
                raise CorruptDataError(f"{file} is not a whole pickle", details=[str(error)]) from error

    def write(self, value: Any, file: File) -> None:
        """Write with protocol 5."""
        try:
            with file.open_write() as sink:
                pickle.dump(value, sink, protocol=5)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ConversionError(f"a {type(value).__name__} cannot be pickled", details=[str(error)]) from error


class JoblibCodec(Codec):
    """joblib's pickles, which hold large arrays well."""

    format = "joblib"
    suffixes = (".joblib",)
    runs_code = True

    def read(self, file: File, as_: Any) -> Any:
        """Read the object, if its bytes are trusted."""
        del as_
        _refuse_untrusted(file)
        with file.open_read() as stream:
            return _need("joblib", "scikit-learn").load(stream)

    def write(self, value: Any, file: File) -> None:
        """Write the object."""
        with file.open_write() as sink:
            _need("joblib", "scikit-learn").dump(value, sink)


class SkopsCodec(Codec):
    """scikit-learn models in skops' format, which is no pickle: it holds only types that are known to be harmless."""

    format = "skops"
    suffixes = (".skops",)
    runs_code = True

    def read(self, file: File, as_: Any) -> Any:
        """Read the model; types that skops does not know are refused unless the bytes are trusted."""
        del as_
        skops = _need("skops.io", "skops")
        with file.open_read() as stream:
            data = stream.read()
        unknown = skops.get_untrusted_types(data=data)
        if unknown and not file.trusted:
            raise PickleRefusedError(
                f"{file} holds types that skops does not know to be harmless: {', '.join(unknown)}", help=_VOUCH
            )
        return skops.loads(data, trusted=unknown)

    def write(self, value: Any, file: File) -> None:
        """Write the model."""
        with file.open_write() as sink:
            sink.write(_need("skops.io", "skops").dumps(value))


def _refuse_untrusted(file: File) -> None:
    if not file.trusted:
        raise PickleRefusedError(
            f"{file} is a pickle that this installation did not write: loading it would run whatever it holds",
            help=_VOUCH,
        )


def _need(module: str, package: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - beside its only use

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise FormatError(f"the format needs the package {package}", help="pip install 'pxw[ml]'") from error
