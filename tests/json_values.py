"""Hypothesis strategies for JSON values as our formats allow them."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from ledger.disclosures import NEVER_DISCLOSED
from ledger.encoding import MAX_INTEGER, JsonValue

__all__ = ["claim_names", "claims", "json_values"]

_TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=12)
_SCALARS: Final = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | _TEXT
_NAMES: Final = _TEXT.filter(lambda name: name not in {"_sd", "..."})


def _deeper(inner: st.SearchStrategy[JsonValue], depth: int) -> st.SearchStrategy[JsonValue]:
    if depth == 0:
        return inner
    lists: st.SearchStrategy[JsonValue] = st.lists(inner, max_size=3)
    objects: st.SearchStrategy[JsonValue] = st.dictionaries(_NAMES, inner, max_size=3)
    return _deeper(inner | lists | objects, depth - 1)


json_values: Final[st.SearchStrategy[JsonValue]] = _deeper(_SCALARS, 3)
claim_names: Final = _TEXT.filter(lambda name: name not in NEVER_DISCLOSED)
claims: Final = st.dictionaries(claim_names, json_values, min_size=1, max_size=8)
