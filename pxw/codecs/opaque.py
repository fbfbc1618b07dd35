"""Python objects: pickle, joblib and skops, only where the user spelled one of them out.

Loading a pickle runs whatever it holds, so a file is read only if this installation wrote exactly these bytes, or the
spec vouches for them (`allow_pickle=True`); the data plane says so in `File.trusted`.
"""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pxw.codecs.base import Codec, File
from pxw.errors import ConversionError, CorruptDataError, FormatError, PickleRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        with file.open_read() as stream, _reading(file):
            return pickle.load(stream)  # noqa: S301 - trusted, see above

    def write(self, value: Any, file: File) -> None:
        """Write with protocol 5."""
        with _writing(value, self), file.open_write() as sink:
            pickle.dump(value, sink, protocol=5)


class JoblibCodec(Codec):
    """joblib's pickles, which hold large arrays well."""

    format = "joblib"
    suffixes = (".joblib",)
    runs_code = True

    def read(self, file: File, as_: Any) -> Any:
        """Read the object, if its bytes are trusted."""
        del as_
        _refuse_untrusted(file)
        joblib = _need("joblib", "scikit-learn")
        with file.open_read() as stream, _reading(file):
            return joblib.load(stream)

    def write(self, value: Any, file: File) -> None:
        """Write the object."""
        joblib = _need("joblib", "scikit-learn")
        with _writing(value, self), file.open_write() as sink:
            joblib.dump(value, sink)


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
        with _reading(file):
            unknown = skops.get_untrusted_types(data=data)
        if unknown and not file.trusted:
            raise PickleRefusedError(
                f"{file} holds types that skops does not know to be harmless: {', '.join(unknown)}", help=_VOUCH
            )
        with _reading(file):
            return skops.loads(data, trusted=unknown)

    def write(self, value: Any, file: File) -> None:
        """Write the model."""
        skops = _need("skops.io", "skops")
        with _writing(value, self):
            data = skops.dumps(value)
        with file.open_write() as sink:
            sink.write(data)


@contextmanager
def _reading(file: File) -> Iterator[None]:
    """What a broken or foreign object makes its own classes say can be any exception."""
    try:
        yield
    except Exception as error:
        raise CorruptDataError(
            f"{file} does not hold a whole object of this environment",
            details=[f"{type(error).__name__}: {error}"],
            help="it may be cut short, or need a package, or a version of one, that is not here",
        ) from error


@contextmanager
def _writing(value: Any, codec: Codec) -> Iterator[None]:
    try:
        yield
    except OSError:  # a full disk, not the value
        raise
    except Exception as error:
        raise ConversionError(
            f"{codec.format} cannot hold a {type(value).__name__}", details=[f"{type(error).__name__}: {error}"]
        ) from error


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
