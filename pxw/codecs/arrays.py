"""numpy arrays: `.npy` for one, `.npz` for several by name."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from pxw.codecs.base import Codec, File
from pxw.errors import ConversionError, CorruptDataError, FormatError

__all__ = ["NpyCodec", "NpzCodec"]

_OBJECTS = "an array of Python objects would need pickle; give it a type (astype), or declare format='pickle'"


class NpyCodec(Codec):
    """One array, mapped into memory privately: nothing is read until touched, and it may be written to."""

    format = "npy"
    suffixes = (".npy",)

    def read(self, file: File, as_: Any) -> npt.NDArray[Any]:
        """Map the file."""
        del as_
        try:
            if file.compression == "none":
                mapped: npt.NDArray[Any] = np.load(file.path, mmap_mode="c", allow_pickle=False)
                return mapped
            with file.open_read() as stream:
                loaded: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
                return loaded
        except (ValueError, EOFError) as error:
            raise CorruptDataError(f"{file} is not a whole .npy file", details=[str(error)]) from error

    def write(self, value: Any, file: File) -> None:
        """Write the array's own bytes."""
        if not isinstance(value, np.ndarray | np.generic):
            raise FormatError(f"a {type(value).__name__} is not an array", at=str(file), help="return a numpy array")
        array = np.asanyarray(value)
        if array.dtype.hasobject:
            raise ConversionError("an array of Python objects has no form in .npy", at=str(file), help=_OBJECTS)
        with file.open_write() as sink:
            # Through Python: numpy's own writing to files does not say that a disk is full.
            np.lib.format.write_array(SimpleNamespace(write=sink.write), array, allow_pickle=False)


class NpzCodec(Codec):
    """Arrays by name."""

    format = "npz"
    suffixes = (".npz",)

    def read(self, file: File, as_: Any) -> dict[str, npt.NDArray[Any]]:
        """Read all arrays."""
        del as_
        try:
            with file.open_read() as stream:
                seekable = stream if file.compression == "none" else io.BytesIO(stream.read())
                with np.load(seekable, allow_pickle=False) as arrays:
                    return dict(arrays)
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise CorruptDataError(f"{file} is not a whole .npz file", details=[str(error)]) from error

    def write(self, value: Any, file: File) -> None:
        """Write all arrays, uncompressed."""
        if not isinstance(value, dict) or not all(isinstance(array, np.ndarray) for array in value.values()):
            raise FormatError(f"a {type(value).__name__} is not a dict of arrays", at=str(file))
        if any(array.dtype.hasobject for array in value.values()):
            raise ConversionError("an array of Python objects has no form in .npz", at=str(file), help=_OBJECTS)
        with file.open_write() as sink:
            np.savez(sink, **value)
