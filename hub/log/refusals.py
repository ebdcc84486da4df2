"""What auditors refused to cosign: verified, kept for good, told in the log and at `/readyz`.

    refusals.sqlite        one row a refusal, beside the ledger; the newest 10,000
    GET /ledger/refusals   [{"county":"370214","code":"bad_head","size":812,"index":811,"iat":1780304400,"jws":"…"},…]

A refusal is believed if a `govern` key of the newest key state signed it. It is the county's word and no proof: whoever
wants to know replays the entry at its index (`tongban audit`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from hub.database import Database
from ledger.encoding import JsonValue
from ledger.errors import NotVerified
from ledger.refusal import Refusal, parse_refusal, verify_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.members import KeyState
    from ledger.transparency.checkpoint import Checkpoint

__all__ = ["HeardRefusal", "Refusals"]

_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS refusal (
  id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, county TEXT NOT NULL, jws BLOB NOT NULL)"""
_KEEP: Final = "INSERT OR IGNORE INTO refusal (digest, county, jws) VALUES (?, ?, ?)"
_TRIM: Final = "DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - 10000"
_RECENT: Final = "SELECT county, jws FROM refusal ORDER BY id DESC LIMIT ?"

_TOLD: Final = ("code", "size", "index", "leaf", "iat")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRefusal:
    """A refusal that a county's auditor signed, and the JWS that says so."""

    county: str
    refusal: Refusal
    jws: bytes

    def to_json(self) -> dict[str, JsonValue]:
        """Write it for people and machines; its JWS has all the rest."""
        payload = self.refusal.payload()
        told: dict[str, JsonValue] = {name: payload[name] for name in _TOLD if name in payload}
        return {"county": self.county, **told, "jws": self.jws.decode("ascii")}

    def __str__(self) -> str:
        about = "" if self.refusal.index is None else f" at {self.refusal.index}"
        return f"{self.county} refused it: {self.refusal.code}{about}"


class Refusals:
    """The refusals that a hub has heard. keys: the newest key state. Thread-safe."""

    def __init__(self, path: Path, keys: Callable[[], KeyState]) -> None:
        self._database: Final = Database(path, _SCHEMA)
        self._keys: Final = keys

    def take(self, jws: bytes, checkpoint: Checkpoint) -> HeardRefusal:
        """Verify and keep a refusal of this checkpoint; a new one is logged.

        Raises Malformed, NotVerified: as verify_refusal; bad_signature: of another checkpoint. Unavailable.
        """
        county, refusal = verify_refusal(jws, self._keys())
        if (refusal.size, refusal.root) != (checkpoint.size, checkpoint.root):
            raise NotVerified("bad_signature", "the refusal is of another checkpoint")
        with self._database.transaction() as connection:
            fresh = connection.execute(_KEEP, (hashlib.sha256(jws).digest(), county, jws)).rowcount
            connection.execute(_TRIM)
        if fresh:
            index, size = refusal.index, refusal.size
            _log.warning("checkpoint_refused", county=county, code=refusal.code, index=index, size=size)
        return HeardRefusal(county=county, refusal=refusal, jws=jws)

    def recent(self, limit: int) -> list[HeardRefusal]:
        """Give the newest refusals, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(_RECENT, (limit,)).fetchall()
        return [HeardRefusal(county=county, refusal=parse_refusal(jws), jws=jws) for county, jws in rows]

    def close(self) -> None:
        """Close the file."""
        self._database.close()
