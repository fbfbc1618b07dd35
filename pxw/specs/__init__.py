"""What a dataset is, where it lives, and the small value that points at it: pure pydantic."""

from pxw.specs.dataset import Dataset, Placed
from pxw.specs.formats import Arrow, Compression, Csv, Format, Json, Parquet, Text, suffixes
from pxw.specs.places import DDM, Local, Remote, Spec
from pxw.specs.ref import Ref

__all__ = [
    "DDM",
    "Arrow",
    "Compression",
    "Csv",
    "Dataset",
    "Format",
    "Json",
    "Local",
    "Parquet",
    "Placed",
    "Ref",
    "Remote",
    "Spec",
    "Text",
    "suffixes",
]
