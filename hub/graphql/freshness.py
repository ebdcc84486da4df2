"""What caches may keep of an answer by GET, and when it need not be sent again.

    Cache-Control: public, max-age=60       a trusted document, asked for by its identifier
    Cache-Control: no-cache                 another document: kept, and asked for again each time
    ETag: "<22 characters>"                 of the answer's bytes; If-None-Match with it is answered by 304

Only an answer without errors to a caller without a token, and with no person's records, can be kept. All others are
`no-store`. Source: RFC 9110 (8.8.3, 13.1.2, 15.4.5), RFC 9111.
"""

from __future__ import annotations

import hashlib
from typing import Final

from ledger.encoding import b64u_encode

__all__ = ["BY_ID", "REVALIDATED", "entity_tag", "is_fresh"]

BY_ID: Final = "public, max-age=60"
REVALIDATED: Final = "no-cache"
_MAX_TAGS: Final = 32


def entity_tag(body: bytes) -> str:
    """Give the strong entity tag of an answer: a quoted text of 22 characters."""
    return f'"{b64u_encode(hashlib.sha256(body).digest()[:16])}"'


def is_fresh(if_none_match: str | None, tag: str) -> bool:
    """Tell whether the client has the answer already: one of its tags, weak or strong, is this one, or it says `*`."""
    if if_none_match is None:
        return False
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",", _MAX_TAGS)[:_MAX_TAGS]]
    return tag in tags or tags == ["*"]
