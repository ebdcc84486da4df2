"""The form of a compiled read that answers many askers at once: `hub/graph/lanes.py` sends it.

    UNWIND $ks AS k
    CALL (k) {
      MATCH (a0:Holder {key: k.k0})
      MATCH (a0)<-[:HELD_BY]-(a1:License)
      WHERE a1.certificateIdentifier > k.c0
        AND a1.sealedBy = k.caller_county
      WITH k, a1 ORDER BY a1.certificateIdentifier LIMIT $f0
      RETURN collect([a1.certificateIdentifier]) AS x
    }
    RETURN collect([k.i0, x]) AS r

    ks  [{"i0": 0, "k0": "...", "c0": "", "caller_county": "370214"}, {"i0": 1, "k0": "...", ...}]
    r   [[0, [["1.2.156..."]]], [1, []]]

It is the single form in which each asker's values, those of the row rules too, are read from the asker's own map. Only
bounds of lists are shared, for LIMIT reads no row. A parameter's name ends in a digit when the compiler made it, so
`i0` is nobody else's; `k` stays in scope behind the WITH for the embedded engine's sake. So does the start stand in a
clause of its own: with a key that is no parameter that engine would rather begin at the other end, with every license
above the cursor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from hub.graph.columns import Columns, columns_text, rewritten
from schema.context import Batch

__all__ = ["ASKERS", "FIRST", "NUMBER", "batch_of", "rows_batch", "text_around"]

ASKERS: Final = "ks"
NUMBER: Final = "i0"
FIRST: Final = "f0"
"""How many rows a statement gives: a parameter, shared by all askers."""

_PARAMETER: Final = re.compile(r"\$([A-Za-z_]+[0-9]*)")
_HERE: Final = "\0"
_OPENINGS: Final = 1_000


def batch_of(lines: Sequence[str], shared: tuple[str, ...]) -> Batch:
    """Give the form for many askers of a read. lines: of the single form, with `k` kept, and returning `x`."""
    text = "\n".join(lines)
    own = sorted(set(_PARAMETER.findall(text)).difference(shared))
    body = _own_values(text, shared).replace("\n", "\n  ")
    head, tail = f"UNWIND ${ASKERS} AS k\nCALL (k) {{", f"}}\nRETURN collect([k.{NUMBER}, x]) AS r"
    return Batch(text=f"{head}\n  {body}\n{tail}", shared=shared, own=tuple(own))


def rows_batch(lines: Sequence[str], columns: Columns, shared: tuple[str, ...], scopes: frozenset[str]) -> Batch:
    """Give the same of a read that gives rows of some columns. scopes: of the callers it was compiled for."""
    before, behind, asked = _around(tuple(lines), shared)
    text, own = columns_text(columns), columns
    read = _PARAMETER.findall(text)
    if not set(read).issubset(shared):
        own = rewritten(columns, lambda column: _own_values(column, shared))
        text = columns_text(own)
    # A predicate whose value an asker does not send would read null, and let pass what it is there to cut.
    values = frozenset([*asked, *read]).difference(shared)
    return Batch(
        text=_between(before, text, behind), shared=shared, own=tuple(sorted(values)),
        family=(before, behind, scopes, values), columns=own,
    )  # fmt: skip


@lru_cache(maxsize=_OPENINGS)
def _around(lines: tuple[str, ...], shared: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    """Write what stands around the columns, and give the names of the askers' own values in it."""
    batch = batch_of([*lines, f"RETURN collect({_HERE}) AS x"], shared)
    before, _, behind = batch.text.partition(_HERE)
    return before, behind, batch.own


def text_around(before: str, columns: Columns, behind: str) -> str:
    """Write the form for many askers with these columns in it."""
    return _between(before, columns_text(columns), behind)


def _between(before: str, text: str, behind: str) -> str:
    inner = text.replace("\n", "\n  ")
    return f"{before}{inner}{behind}"


def _own_values(text: str, shared: tuple[str, ...]) -> str:
    """Read the parameters that are an asker's own from its map."""
    return _PARAMETER.sub(lambda found: found[0] if found[1] in shared else f"k.{found[1]}", text)
