"""Check of what an auditor keeps: its mirror entry by entry, and every row beside it by what was signed.

    entry, leaf, statement, tile,       made again from the entries (ledger/transparency/fsck.py)
    status, change, head, meta
    latest      a checkpoint of the mirror, signed by the log and by this auditor
    deposit     a status entry under its own leaf hash            refusal    signed by a county of the log
    offer       a request whose checkpoint the log has signed, as well as the one that stood against it

What nobody signs, like the time of a deposit, is told by the sum beside each of these rows (hub/rowsums.py). It reads,
and writes nothing; the serving node may run.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from hub.county.audited import audited_log
from hub.county.auditing import AUDIT_SCHEMA, SUMMED
from hub.database import open_reader
from hub.rowsums import check_sums
from ledger.closed import county_of
from ledger.deposits import parse_deposit
from ledger.errors import NotVerified, TongbanError
from ledger.jws import parse_compact
from ledger.refusal import REFUSAL_TYP, parse_refusal
from ledger.suites import verify
from ledger.transparency.checkpoint import verify_checkpoint
from ledger.transparency.fsck import Replayed, replay_log
from ledger.transparency.note import Note
from ledger.transparency.spans import InOrder, one_by_one
from ledger.transparency.sqlite import SqliteReader, read_rows, read_state
from ledger.transparency.tables import check_tables
from ledger.transparency.witness import AddCheckpoint, Latest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger.members import KeyState
    from ledger.transparency.note import Keyring
    from ledger.transparency.policy import Policy

__all__ = ["check_auditor"]

_ANYTHING: Final = "SELECT 1 FROM head UNION ALL SELECT 1 FROM entry UNION ALL SELECT 1 FROM leaf LIMIT 1"
_ROWS: Final = {
    "latest": "SELECT size, root, time, note FROM latest",
    "deposit": "SELECT leaf, raw, county FROM deposit",
    "refusal": "SELECT size, root, code, place, leaf, jws FROM refusal",
    "offer": "SELECT origin, size, root, request, held FROM offer",
}


def check_auditor(path: Path, policy: Policy, genesis: KeyState, *, in_order: InOrder = one_by_one) -> int:
    """Check an auditor's file; gives how many entries it mirrors. policy, genesis: what the county has pinned.

    Raises NotVerified corrupt_store, with the first index at fault where one is known; Unavailable no_log.
    """
    with closing(open_reader(path)) as connection:
        connection.execute("BEGIN")  # everything as of one moment
        check_sums(connection, AUDIT_SCHEMA.split(";\n"), SUMMED)
        replayed = _replayed(connection, policy, genesis, in_order)
        for table, check in _checks(policy.keys, genesis if replayed is None else replayed.keys, replayed).items():
            for row in read_rows(connection, _ROWS[table]):
                _check_row(table, check, row)
        return 0 if replayed is None else replayed.checkpoint.size


def _replayed(connection: sqlite3.Connection, policy: Policy, genesis: KeyState, in_order: InOrder) -> Replayed | None:
    if not read_rows(connection, _ANYTHING):
        return None
    state = read_state(connection)
    if state.genesis_leaf != genesis.genesis_leaf:
        raise NotVerified("corrupt_store", "entry 0: it is another genesis than the pinned one", index=0)
    log = audited_log(policy, genesis.origin)
    replayed = replay_log(SqliteReader(connection), state, log.key, in_order=in_order, signed=False)
    check_tables(connection, state)
    return replayed


def _check_row(table: str, check: Callable[..., bool], row: tuple[Any, ...]) -> None:
    try:
        holds = check(*row)
    except (TongbanError, AttributeError, TypeError, ValueError) as error:
        raise NotVerified("corrupt_store", f"a row of {table} cannot be read: {error}") from error
    if not holds:
        raise NotVerified("corrupt_store", f"a row of {table} is not what it says")


def _checks(keys: Keyring, state: KeyState, replayed: Replayed | None) -> dict[str, Callable[..., bool]]:
    def latest(size: int, root: bytes, time: int, note: bytes) -> bool:
        Latest(size=size, root=root, time=time, note=note).check()
        held = verify_checkpoint(Note.parse(note), keys).checkpoint
        return replayed is None or replayed.checkpoint.size != size or replayed.checkpoint == held

    def deposit(leaf: bytes, raw: bytes, county: str) -> bool:
        entry = parse_deposit(raw)
        return (entry.leaf, county_of(entry.signatures[0].kid)) == (leaf, county)

    def refusal(size: int, root: bytes, code: str, place: int, leaf: bytes, jws: bytes) -> bool:
        said, (signature,) = parse_refusal(jws), parse_compact(jws, REFUSAL_TYP).signatures
        verify(state.listed_key(signature.kid).public_key, signature.message, signature.signature)
        index = -1 if said.index is None else said.index
        told = (said.size, said.root, said.code, index, said.leaf or b"", said.origin)
        return told == (size, root, code, place, leaf, state.origin)

    def offer(origin: str, size: int, root: bytes, request: bytes, held: bytes | None) -> bool:
        note = AddCheckpoint.parse(request).note
        claimed = verify_checkpoint(note, keys).checkpoint
        against = claimed if held is None else verify_checkpoint(Note.parse(held), keys).checkpoint
        is_ours = (claimed.origin, against.origin) == (state.origin, state.origin)
        return (claimed.origin, claimed.size, claimed.root) == (origin, size, root) and is_ours

    return {"latest": latest, "deposit": deposit, "refusal": refusal, "offer": offer}
