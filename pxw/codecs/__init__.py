"""Codecs: a Python value to the bytes of one format in one file, and back.

The registry is an object, and `registry` is the one that pxw uses. A codec for your own type takes a few lines:

>>> import wave
>>> class Sound:
...     def __init__(self, frames: bytes) -> None:
...         self.frames = frames
>>> class Wav(Codec):
...     format, suffixes, types = "wav", (".wav",), (Sound,)
...     def write(self, value: Sound, file: File) -> None:
...         with file.open_write() as stream, wave.open(stream, "wb") as wav:
...             wav.setparams((1, 2, 44100, 0, "NONE", ""))
...             wav.writeframes(value.frames)
...     def read(self, file: File, as_: object) -> Sound:
...         with file.open_read() as stream, wave.open(stream, "rb") as wav:
...             return Sound(wav.readframes(-1))
>>> mine = Registry(parent=registry)
>>> mine.register(Wav())
>>> mine.by_suffix(".wav").format
'wav'
"""

from pxw.codecs.base import Codec, File, TableCodec
from pxw.codecs.registry import Registry, registry

__all__ = ["Codec", "File", "Registry", "TableCodec", "registry"]
