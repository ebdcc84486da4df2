"""Exit codes, and the one that a command with several answers leaves with: the greatest of theirs.

0 done (for `verify`: VALID) · 1 not verified · 2 wrong usage or malformed input · 3 unavailable · 4 refused ·
5 conflict · 130 interrupted
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ledger.errors import Conflict, Malformed, NotVerified, Refused, TongbanError, Unavailable

__all__ = ["EXIT_CODES", "raise_worst"]

EXIT_CODES: Final[Mapping[type[TongbanError], int]] = MappingProxyType(
    {NotVerified: 1, Malformed: 2, Unavailable: 3, Refused: 4, Conflict: 5}
)


def raise_worst(errors: Iterable[TongbanError | None]) -> None:
    """Raise the error of the greatest exit code, the first of several; None: an answer without an error.

    The greater ones last: a conflict is there tomorrow, too, and a hub that was away need not be.
    """
    found = [error for error in errors if error is not None]
    if found:
        raise max(found, key=lambda error: EXIT_CODES[type(error)])
