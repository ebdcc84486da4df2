"""Check of what a county keeps: its record store and outbox, what its witness holds, and the small files beside them.

    records.sqlite witness.sqlite      the file, and a sum beside every row (hub/rowsums.py)
    witness.sqlite                     its checkpoints are signed by a log of the policy, its columns say what they say
    genesis, policy                    can be read, and genesis is signed
    keys.json                          the chain of member and rule entries, followed from genesis
    sums                               hub/filesums.py, where something is remembered

    auditor.sqlite                     the mirror, replayed entry by entry (hub/county/auditcheck.py)

It needs no key, opens no face, writes nothing, and may run beside the serving node.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.county.auditcheck import check_auditor
from hub.county.bundles import BUNDLE_SCHEMA
from hub.county.node import NODE_SCHEMA
from hub.county.witness import WITNESS_SCHEMA, log_keys
from hub.database import open_reader
from hub.filesums import check_remembered
from hub.keychain import FolderChain
from hub.rowsums import check_sums
from ledger.anchor import TrustAnchor
from ledger.encoding import JsonValue
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.transparency.checkpoint import verify_checkpoint
from ledger.transparency.note import Keyring, Note
from ledger.transparency.policy import Policy
from ledger.transparency.witness import monitoring_path

__all__ = ["CountyFindings", "check_county"]

_STORES: Final = {
    "bundles.sqlite": BUNDLE_SCHEMA.split(";\n"),
    "records.sqlite": NODE_SCHEMA.split(";\n"),
    "witness.sqlite": WITNESS_SCHEMA.split(";\n"),
}
_LATEST: Final = "SELECT path, size, root, note FROM latest ORDER BY path"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyFindings:
    """What holds: rows of the record store and outbox, of the witness, entries mirrored, files with remembered sums."""

    records: int
    witness: int
    mirrored: int
    files: int

    def to_json(self) -> dict[str, JsonValue]:
        """Write the findings for machines."""
        return {"records": self.records, "witness": self.witness, "mirrored": self.mirrored, "files": self.files}


def check_county(data: Path, *, remembered: bool = True) -> CountyFindings:
    """Check a county's folder. remembered: also against the sums of files that an earlier check kept.

    Raises NotVerified corrupt_store with the file at fault, Malformed bad_file (no county's folder).
    """
    if not (data / "county.json").is_file():
        raise Malformed("bad_file", "there is no county.json in this folder: it is no county's")
    files = check_remembered(data) if remembered else 0
    pinned = _pinned(data)
    rows = {name: _check_store(data / name, schema) for name, schema in _STORES.items() if (data / name).is_file()}
    if "witness.sqlite" in rows and pinned is not None:
        _check_latest(data / "witness.sqlite", log_keys(pinned.policy))
    return CountyFindings(
        records=rows.get("records.sqlite", 0),
        witness=rows.get("witness.sqlite", 0),
        mirrored=_mirrored(data / "auditor.sqlite", pinned),
        files=files,
    )


def _mirrored(path: Path, pinned: TrustAnchor | None) -> int:
    if pinned is None or not path.is_file():
        return 0
    try:
        return check_auditor(path, pinned.policy, pinned.genesis)
    except NotVerified as error:
        raise NotVerified("corrupt_store", f"{path.name}: {error.message}", index=error.index) from error


def _pinned(data: Path) -> TrustAnchor | None:
    """Read policy and genesis, which are there once the alliance has been founded."""
    if not ((data / "policy").is_file() and (data / "genesis").is_file()):
        return None
    try:
        policy = Policy.parse((data / "policy").read_bytes())
        anchor = TrustAnchor(policy, (data / "genesis").read_bytes())
    except TongbanError as error:
        raise NotVerified("corrupt_store", f"policy or genesis: {error}") from error
    try:
        FolderChain(data).chain()
    except TongbanError as error:
        raise NotVerified("corrupt_store", f"keys.json: {error}") from error
    return anchor


def _check_store(path: Path, schema: Sequence[str]) -> int:
    with closing(open_reader(path)) as connection:
        try:
            return check_sums(connection, schema)
        except NotVerified as error:
            raise NotVerified("corrupt_store", f"{path.name}: {error.message}") from error


def _check_latest(path: Path, logs: Keyring) -> None:
    with closing(open_reader(path)) as connection:
        rows = connection.execute(_LATEST).fetchall()
    for at, size, root, note in rows:
        try:
            held = verify_checkpoint(Note.parse(note), logs).checkpoint
        except TongbanError as error:
            raise NotVerified("corrupt_store", f"{path.name}: {error}") from error
        if (at, size, root) != (monitoring_path(held.origin), held.size, held.root):
            raise NotVerified("corrupt_store", f"{path.name}: the checkpoint of {held.origin} is not what its row says")
