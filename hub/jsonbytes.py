r"""JSON as it leaves on the hot path: orjson's bytes, and the standard library's where orjson is missing or refuses.

    {"name":"城阳区","size":3}          no white space, UTF-8, members in their order

Both write the same JSON value. orjson refuses an integer beyond 64 bits and a lone surrogate; the standard library
writes the one as it is and the other as an escape (`\\ud800`), with everything else of that answer in ASCII. What JSON
has no form for, NaN and the infinities, is null for both (RFC 8259, 6).
"""

from __future__ import annotations

import json
import math
from typing import Any

try:
    import orjson
except ImportError:  # a platform without a wheel: slower, and the same answers
    orjson = None  # type: ignore[assignment]

__all__ = ["json_bytes", "standard_bytes"]


def json_bytes(value: Any) -> bytes:
    """Write a value of dicts, lists, texts, numbers, booleans and None. Raises TypeError for anything else."""
    if orjson is not None:
        try:
            return orjson.dumps(value)
        except orjson.JSONEncodeError:
            pass
    return standard_bytes(value)


def standard_bytes(value: Any) -> bytes:
    """Write the same value with the standard library alone."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False).encode("ascii")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
