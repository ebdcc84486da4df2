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
from typing import Final

from schema.context import Batch

__all__ = ["ASKERS", "NUMBER", "batch_of"]

ASKERS: Final = "ks"
NUMBER: Final = "i0"

_PARAMETER: Final = re.compile(r"\$([A-Za-z_]+[0-9]*)")


def batch_of(lines: Sequence[str], shared: tuple[str, ...]) -> Batch:
    """Give the form for many askers of a read. lines: of the single form, with `k` kept, and returning `x`."""
    text = _PARAMETER.sub(lambda found: found[0] if found[1] in shared else f"k.{found[1]}", "\n".join(lines))
    body = text.replace("\n", "\n  ")
    head, tail = f"UNWIND ${ASKERS} AS k\nCALL (k) {{", f"}}\nRETURN collect([k.{NUMBER}, x]) AS r"
    return Batch(text=f"{head}\n  {body}\n{tail}", shared=shared)
