"""Layouts of arrays: many hold the same values, and Arrow's kernels know some of them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

__all__ = ["settled"]


def settled(values: pa.Array) -> pa.Array:
    """Turn a layout that the kernels do not know into one that they do.

    >>> settled(pa.array(["a"], pa.string_view())).type
    DataType(large_string)
    """
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return settled(values.storage)
    if pat.is_run_end_encoded(kind):
        return settled(pc.run_end_decode(values))
    if pat.is_map(kind):
        return values.cast(pa.list_(pa.struct([kind.key_field, kind.item_field])))
    if pat.is_list_view(kind) or pat.is_large_list_view(kind):
        return values.cast(pa.large_list(kind.value_field))
    return next((values.cast(known) for unknown, known in _KNOWN if unknown(kind)), values)


_KNOWN = (
    (pat.is_string_view, pa.large_string()),
    (pat.is_binary_view, pa.large_binary()),
    (pat.is_float16, pa.float32()),
)
