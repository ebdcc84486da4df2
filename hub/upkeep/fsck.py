"""Check of everything a hub keeps for good: ledger, journal, and the files that verifiers pin.

    genesis         is entry 0
    log.vkey        is the key that the policy names for this log
    ledger.sqlite   ledger.transparency.fsck, ledger.transparency.tables
    journal.sqlite  hub.journal.replay, against what the ledger's heads bind

It reads, and writes nothing; the hub may run. What the folder says is believed only as far as the caller pins nothing
else: with a policy and a genesis of one's own, a folder that was made up as a whole is refused, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.journal.replay import Bound, replay_journal
from hub.journal.store import JournalHead
from hub.progress import Progress, silent
from hub.upkeep.stores import OpenedStores, stores_of
from ledger.encoding import JsonValue, b64_encode
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.transparency.fsck import Replayed, replay_log
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import VerifierKey
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.transparency.spans import InOrder, one_by_one
from ledger.transparency.sqlite import SCHEMA, SqliteReader, read_state
from ledger.transparency.store import StoreState
from ledger.transparency.tables import check_file, check_tables

__all__ = ["Pinned", "StoresReport", "check_stores", "pinned_in"]

_MAX_FILE: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """What the stores are checked against. genesis: exact bytes, None: whatever the log begins with."""

    log: VerifierKey
    cosigners: Sequence[VerifierKey]
    genesis: bytes | None

    @classmethod
    def of(cls, policy: Policy, genesis: bytes | None) -> Pinned:
        """Take log and witnesses of a policy. Raises Malformed bad_policy: it names several logs."""
        if len(policy.logs) != 1:
            raise Malformed("bad_policy", "a hub keeps one log: the policy must name it alone")
        return cls(log=policy.logs[0].key, cosigners=[each.key for each in policy.witnesses], genesis=genesis)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoresReport:
    """What holds. published: entries in the newest published checkpoint."""

    origin: str
    size: int
    root: bytes
    published: int
    journal: JournalHead

    def to_json(self) -> dict[str, JsonValue]:
        """Write the report for machines."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": b64_encode(self.root),
            "published": self.published,
            "journal": {"n": self.journal.n, "root": b64_encode(self.journal.root)},
        }


def pinned_in(data: Path) -> Pinned:
    """Take what a hub's folder says of itself. Raises NotVerified corrupt_store: its files do not fit together."""
    try:
        key = VerifierKey.parse(_file(data, "log.vkey").decode("utf-8").removesuffix("\n"))
        pinned = Pinned.of(Policy.parse(_file(data, "policy", MAX_POLICY_BYTES)), _file(data, "genesis"))
    except (TongbanError, UnicodeDecodeError) as error:
        raise NotVerified("corrupt_store", f"the files beside the stores do not hold: {error}") from error
    if pinned.log != key:
        raise NotVerified("corrupt_store", "log.vkey is not the key that the policy names")
    return pinned


def _file(data: Path, name: str, max_bytes: int = _MAX_FILE) -> bytes:
    try:
        with (data / name).open("rb") as file:
            found = file.read(max_bytes + 1)
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {name}: {error.strerror}") from error
    if len(found) > max_bytes:
        raise Malformed("too_large", f"{name} has more than {max_bytes} bytes")
    return found


def check_stores(
    data: Path,
    pinned: Pinned,
    *,
    in_order: InOrder = one_by_one,
    progress: Progress = silent,
) -> StoresReport:
    """Check ledger and journal of a folder, as of one moment. progress: of `entries` and `records`.

    Raises NotVerified corrupt_store, with the first index or position at fault where one is known; Unavailable no_log.
    """
    with stores_of(data) as stores:
        state = read_state(stores.ledger)
        _check_pinned(state, pinned)
        replayed = _ledger(stores, state, pinned, in_order, progress)
        journal = _journal(stores, replayed, in_order, progress)
    return StoresReport(
        origin=state.origin,
        size=state.size,
        root=replayed.checkpoint.root,
        published=state.published,
        journal=journal,
    )


def _check_pinned(state: StoreState, pinned: Pinned) -> None:
    if state.origin != pinned.log.name:
        raise NotVerified("corrupt_store", f"the store holds another log than {pinned.log.name}")
    if pinned.genesis is not None and leaf_hash(pinned.genesis) != state.genesis_leaf:
        raise NotVerified("corrupt_store", "entry 0: it is another genesis than the pinned one", index=0)


def _ledger(stores: OpenedStores, state: StoreState, pinned: Pinned, in_order: InOrder, progress: Progress) -> Replayed:
    check_file(stores.ledger, SCHEMA)
    progress("entries", 0, state.size)
    replayed = replay_log(
        SqliteReader(stores.ledger), state, pinned.log,
        cosigners=pinned.cosigners, in_order=in_order, on_entries=lambda more: progress("entries", more, state.size),
    )  # fmt: skip
    check_tables(stores.ledger, state)
    return replayed


def _journal(stores: OpenedStores, replayed: Replayed, in_order: InOrder, progress: Progress) -> JournalHead:
    reader = SqliteReader(stores.ledger)

    def issuers_of(leaves: Sequence[bytes]) -> Mapping[bytes, str | None]:
        return {leaf: replayed.issuers[index] for leaf, index in reader.find(leaves, ())[0].items()}

    bound = Bound(roots=replayed.journal, keys=replayed.keys, issuers_of=issuers_of)
    return replay_journal(
        stores.journal, bound, in_order=in_order, on_records=lambda more, of: progress("records", more, of)
    )
