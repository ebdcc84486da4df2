"""A person or firm that a command is about: a file names it, since a command line can be read by others.

{"certificateHolderTypeCode":"111","certificateHolderCode":"<18>"}
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from hub.keyfiles import read_private
from ledger.closed import closed
from ledger.encoding import parse_json
from ledger.errors import Malformed
from ledger.identifiers import HOLDER_CODE_TYPES

__all__ = ["HolderFile", "read_holder"]

HolderFile = Annotated[Path | None, typer.Option(help="file (0600) with code type and code of a holder, as JSON")]

_MAX_BYTES: Final = 4096
_MAX_CODE: Final = 128
_MEMBERS: Final = ("certificateHolderTypeCode", "certificateHolderCode")


def read_holder(path: Path) -> tuple[str, str]:
    """Read code type and code of a holder. Raises Malformed bad_file (form, or a file that others may read)."""
    found = closed(
        parse_json(read_private(path, max_bytes=_MAX_BYTES), max_bytes=_MAX_BYTES), "holder", frozenset(_MEMBERS),
        code="bad_file",
    )  # fmt: skip
    type_code, code = (found[name] for name in _MEMBERS)
    if type_code not in HOLDER_CODE_TYPES or not isinstance(code, str) or not 1 <= len(code) <= _MAX_CODE:
        raise Malformed("bad_file", f"expected {' and '.join(_MEMBERS)} of a holder")
    return str(type_code), code
