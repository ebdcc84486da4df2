"""A hub's folder made from a mirror: what a mirror holds is checked, rebuilt, replayed, and only then given its name.

    from the mirror     ledger.sqlite      every table: entries, dedup, tiles, statuses, changes, the signed note,
                                           published checkpoints with cosignatures, landmarks
                        journal.sqlite     opened with the hub's own key (hub/journal/sealed.py)
    pinned              genesis, policy, log.vkey
    brought             keys/  (a log key cannot be made again), hub-jwks.json from them
    not restored        the vault (counties deposit again), the graph (replayed), tokens (they live for minutes)

Status heads bind the journal's root: a hub without its journal could sign no next head that an auditor accepts, and an
empty journal in its place would be a lie. So a journal is demanded wherever a head binds one: the mirror's, or that of
a backup, as long as it holds at least what is bound. What was acknowledged after the mirror's checkpoint is not in it;
a witness that has seen it keeps the hub from starting (hub/log/sightings.py): then a newer mirror is needed.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.auth import TokenIssuer
from hub.database import create_database, open_reader
from hub.folderfiles import sync_folder
from hub.governance.founding import log_key, open_hub_keys
from hub.journal.records import parse_record
from hub.journal.sealed import JournalSeal
from hub.journal.store import JournalStore, row_of
from hub.keyfiles import make_private_folder, read_private, write_private
from hub.mirror.check import MirrorFindings, check_mirror
from hub.mirror.folder import MirrorFolder, sealed_path
from hub.mirror.pages import PublishedCheckpoint, rows_up_to
from hub.mirror.parts import parse_landmark_lines
from hub.progress import Progress, silent
from hub.upkeep.fsck import Pinned, StoresReport, check_stores
from hub.upkeep.stores import JOURNAL, LEDGER
from ledger.anchor import TrustAnchor
from ledger.encoding import JsonValue, b64_encode
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.signers import MAX_PEM_BYTES
from ledger.transparency.note import Note, VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.rebuild import rebuild_log
from ledger.transparency.spans import InOrder, one_by_one
from ledger.transparency.sqlite import SqliteStore
from ledger.transparency.store import Landmark, Publication
from ledger.transparency.tiles import TILE_WIDTH, decode_bundle, tile_numbers

__all__ = ["Brought", "RestoreReport", "restore_hub"]

_KEYS: Final = ("log.pem", "token.pem", "holder.key", "vault.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a mirror does not have. keys: a hub's `keys` folder. journal: a journal.sqlite; None: the mirror's own."""

    policy: bytes
    genesis: bytes
    keys: Path
    passphrase: bytes
    journal: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What stands in the new folder, all of it checked. keys: the names of the key files that were brought.

    status_root: that the checkpoint binds. time: since when a quorum has held it, POSIX seconds. journal: where the
    records come from, `mirror` or `backup`.
    """

    stores: StoresReport
    status_root: bytes
    time: int
    journal: str
    keys: tuple[str, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """Write the report for machines."""
        return {
            **self.stores.to_json(),
            "status_root": b64_encode(self.status_root),
            "time": self.time,
            "journal_from": self.journal,
            "keys": list(self.keys),
        }


def restore_hub(
    mirror: MirrorFolder,
    data: Path,
    brought: Brought,
    *,
    now: int,
    random: Callable[[int], bytes],
    in_order: InOrder = one_by_one,
    progress: Progress = silent,
) -> RestoreReport:
    """Make a new folder that a hub can be started on; nothing is left behind if this raises.

    Raises Conflict already_exists (the folder is there); Unavailable no_log (a mirror of hashes, or no journal to be
    had); NotVerified corrupt_store (mirror, journal or keys do not hold, or not together); Malformed.
    """
    if data.exists():
        raise Conflict("already_exists", f"{data} is there already: a hub is restored into a new folder")
    found = _checked(mirror, brought, now, progress)
    draft = Path(tempfile.mkdtemp(prefix=f".{data.name}.", dir=data.absolute().parent))
    try:
        _Restore(mirror, found, draft, brought, progress).run(random)
        # From here on the draft is judged as if it had come from somebody else: every entry, every signature.
        pinned = Pinned.of(Policy.parse(brought.policy), brought.genesis)
        stores = check_stores(draft, pinned, in_order=in_order, progress=progress)
        sync_folder(draft)
        draft.rename(data)
        sync_folder(data.absolute().parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return RestoreReport(
        stores=stores,
        status_root=found.parts.bound.root,
        time=found.parts.time,
        journal="mirror" if brought.journal is None else "backup",
        keys=_KEYS,
    )


def _checked(mirror: MirrorFolder, brought: Brought, now: int, progress: Progress) -> MirrorFindings:
    found = check_mirror(mirror, TrustAnchor(Policy.parse(brought.policy), brought.genesis), now=now, progress=progress)
    if not found.entries:
        raise Unavailable("no_log", "this is a mirror of hashes: it holds no entries to restore from")
    if found.parts.bound.journal_n and not found.journal and brought.journal is None:
        why = f"the ledger binds {found.parts.bound.journal_n} journal records, which this mirror does not hold"
        raise Unavailable("no_log", f"{why}: bring a journal.sqlite that has them")
    return found


class _Restore:
    """The parts of a folder, one after the other, in a draft."""

    def __init__(
        self, mirror: MirrorFolder, found: MirrorFindings, draft: Path, brought: Brought, progress: Progress
    ) -> None:
        self._mirror: Final = mirror
        self._found: Final = found
        self._draft: Final = draft
        self._brought: Final = brought
        self._progress: Final = progress
        self._size: Final = found.parts.checkpoint.size

    def run(self, random: Callable[[int], bytes]) -> None:
        """Make keys, pinned files, journal and ledger."""
        seal = self._bring_keys(random)
        self._restore_journal(seal)
        with closing(create_database(self._draft / LEDGER)) as connection:
            store = SqliteStore(connection)
            rebuild_log(store, self._entries(), self._signed_note())
            self._publish(store)
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, until a hub goes on with it

    def _bring_keys(self, random: Callable[[int], bytes]) -> JournalSeal:
        make_private_folder(self._draft / "keys")
        for name in _KEYS:
            write_private(self._draft / "keys" / name, read_private(self._brought.keys / name, max_bytes=MAX_PEM_BYTES))
        keys = open_hub_keys(self._draft, self._brought.passphrase)
        (log,) = Policy.parse(self._brought.policy).logs
        if log_key(log.key.name, keys.log) != log.key:
            raise NotVerified("corrupt_store", "the log key that was brought is not the one that the policy names")
        files = {"genesis": self._brought.genesis, "policy": self._brought.policy, "log.vkey": _line(log.key)}
        files["hub-jwks.json"] = TokenIssuer(keys.token, issuer="", random=random).jwks()
        for name, content in files.items():
            write_private(self._draft / name, content)
        return JournalSeal(keys.vault, random)

    def _restore_journal(self, seal: JournalSeal) -> None:
        with closing(create_database(self._draft / JOURNAL)) as connection:
            if self._brought.journal is not None:
                _copy(self._brought.journal, connection)
            else:
                self._open_journal(JournalStore.create(connection), seal)
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()

    def _open_journal(self, journal: JournalStore, seal: JournalSeal) -> None:
        """Open the mirror's bundles, and append their records where they stood."""
        count, root = self._found.parts.bound.journal_n, self._found.parts.bound.journal_root
        self._progress("records", 0, count)
        for number in tile_numbers(0, count):
            width = min(TILE_WIDTH, count - number * TILE_WIDTH)
            sealed = self._mirror.read(sealed_path(number, width)) or b""
            rows = [row_of(parse_record(raw)) for raw in seal.open(number, width, sealed)]
            first = number * TILE_WIDTH
            if journal.append(rows) != list(range(first, first + width)):
                raise NotVerified("corrupt_store", "a journal record of the mirror stands there twice", index=first)
            self._progress("records", width, count)
        if (journal.head.n, journal.head.root) != (count, root):
            raise NotVerified("corrupt_store", "the mirror's journal has another root than the head binds")

    def _signed_note(self) -> bytes:
        """Give the newest checkpoint with the log's own signature alone, as a store keeps it."""
        note = Note.parse(self._found.parts.note)
        origin = self._found.parts.checkpoint.origin
        own = tuple(line for line in note.signatures if line.name == origin)[:1]
        return Note(text=note.text, signatures=own).format()

    def _entries(self) -> Iterator[list[bytes]]:
        self._progress("rebuilt", 0, self._size)
        for number in tile_numbers(0, self._size):
            entries = decode_bundle(self._mirror.bundle(number, self._size))[: self._size - number * TILE_WIDTH]
            yield entries
            self._progress("rebuilt", len(entries), self._size)

    def _publish(self, store: SqliteStore) -> None:
        """Put published checkpoints and landmarks back, oldest first."""
        marks = parse_landmark_lines(self._mirror.read("landmarks") or b"")
        for row in self._published():
            for mark in _marks_of(row.size, marks):
                store.publish(Publication(size=row.size, note=row.note, cosignatures=row.stored(), landmark=mark))

    def _published(self) -> Iterator[PublishedCheckpoint]:
        for _, page in self._mirror.pages():
            yield from rows_up_to(self._size, page)


def _marks_of(size: int, marks: list[Landmark]) -> list[Landmark]:
    """Give the days whose last checkpoint this is, or the next landmark: it gets its own place soon anyway."""
    own = [mark for mark in marks if mark.size == size]
    return own or [next(mark for mark in marks if mark.size > size)]


def _line(key: VerifierKey) -> bytes:
    return key.vkey().encode() + b"\n"


def _copy(source: Path, target: sqlite3.Connection) -> None:
    if not source.is_file():
        raise Malformed("bad_file", f"cannot read {source}: no such file")
    try:
        with closing(open_reader(source)) as connection:
            connection.backup(target)
    except TongbanError:
        raise
    except sqlite3.Error as error:
        raise NotVerified("corrupt_store", f"{source.name} cannot be read as a journal") from error
