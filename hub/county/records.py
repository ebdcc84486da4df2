"""The record store: one row a license, its face encrypted, found by its certificateIdentifier only.

    record   identifier   certificateIdentifier
             digest       keyed digest of the content; null once erased
             wrapped      wrapped data key; null once erased
             body         the SD-JWT with all its disclosures, encrypted (hub/envelope.py)
             sealed_at    POSIX seconds

No name and no number of a holder stands in it in the clear, and nothing by which holders could be looked up. Erasure
deletes data key and body, and overwrites their pages; a backup made before still has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.envelope import Envelope, FaceCipher
from ledger.attestation import SdJwt
from ledger.errors import Conflict

if TYPE_CHECKING:
    import sqlite3

    from hub.database import Database
    from ledger.encoding import JsonValue

__all__ = ["RECORD_SCHEMA", "Face", "RecordStore"]

RECORD_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS record (
  identifier TEXT PRIMARY KEY, digest BLOB, wrapped BLOB, body BLOB, sealed_at INTEGER NOT NULL)"""

_ADD: Final = "INSERT INTO record VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_DIGEST: Final = "SELECT digest FROM record WHERE identifier = ?"
_OPEN: Final = "SELECT wrapped, body FROM record WHERE identifier = ? AND wrapped IS NOT NULL"
_REPLACE: Final = "UPDATE record SET wrapped = ?, body = ? WHERE identifier = ? AND wrapped IS NOT NULL"
_ERASE: Final = "UPDATE record SET digest = NULL, wrapped = NULL, body = NULL WHERE identifier = ?"


@dataclass(frozen=True, slots=True)
class Face:
    """An opened face: the SD-JWT with all its disclosures, as it was issued."""

    sd_jwt: str

    def values(self) -> dict[str, JsonValue]:
        """Give every claim by its name."""
        return {disclosure.name: disclosure.value for disclosure in SdJwt.parse(self.sd_jwt).disclosures}


class RecordStore:
    """The faces of one county's licenses. `content` is what makes two records the same, as canonical bytes."""

    def __init__(self, database: Database, cipher: FaceCipher) -> None:
        self._database = database
        self._cipher = cipher

    def holds(self, identifier: str, content: bytes) -> bool:
        """Tell whether the license is stored with this content.

        Raises Conflict duplicate_identifier when it is stored with another one, or was erased.
        """
        with self._database.reading() as connection:
            return self._compare(connection, identifier, self._cipher.digest(content))

    def encrypt(self, identifier: str, face: Face) -> Envelope:
        """Encrypt a face for `add` or `replace`, outside of any transaction."""
        return self._cipher.encrypt(identifier, face.sd_jwt.encode("ascii"))

    def add(
        self, connection: sqlite3.Connection, identifier: str, content: bytes, envelope: Envelope, sealed_at: int
    ) -> bool:
        """Store a license in the caller's transaction; False if it is there with the same content.

        Raises Conflict duplicate_identifier.
        """
        digest = self._cipher.digest(content)
        row = (identifier, digest, envelope.wrapped, envelope.body, sealed_at)
        if connection.execute(_ADD, row).rowcount:
            return True
        self._compare(connection, identifier, digest)
        return False

    def replace(self, connection: sqlite3.Connection, identifier: str, envelope: Envelope) -> None:
        """Store the face anew (its seal was signed again) in the caller's transaction; an erased one stays erased."""
        connection.execute(_REPLACE, (envelope.wrapped, envelope.body, identifier))

    def face(self, identifier: str) -> Face | None:
        """Open a face; None if there is no such license, or its face was erased. Raises NotVerified corrupt_store."""
        with self._database.reading() as connection:
            row = connection.execute(_OPEN, (identifier,)).fetchone()
        if row is None:
            return None
        envelope = Envelope(wrapped=row[0], body=row[1])
        return Face(self._cipher.decrypt(identifier, envelope).decode("ascii"))

    def erase(self, identifier: str) -> bool:
        """Delete data key and body of a license, in the write-ahead log too; False if there is no such license.

        Raises Unavailable store_stopped when they may linger there still: erase again.
        """
        with self._database.transaction() as connection:
            erased = connection.execute(_ERASE, (identifier,)).rowcount == 1
        self._database.empty_wal()
        return erased

    def count(self) -> int:
        """Count the licenses sealed, erased ones included."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])

    @staticmethod
    def _compare(connection: sqlite3.Connection, identifier: str, digest: bytes) -> bool:
        row = connection.execute(_DIGEST, (identifier,)).fetchone()
        if row is not None and row[0] is None:
            raise Conflict("duplicate_identifier", "the license was erased: it is not sealed again")
        if row is not None and row[0] != digest:
            raise Conflict("duplicate_identifier", "the certificateIdentifier is in use for another content")
        return row is not None
