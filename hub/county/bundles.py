"""The bundles of a county that no network reaches: what waits goes out as a file, the hub's answers come back as one.

    bundles.sqlite   bundle   number, digest, made, answered (POSIX seconds; null: no answer came)
                     face     identifier, leaf      of faces that the vault took
    bundles/<county>-<number>.bundle                each one that was made, until its answer came

A bundle holds all that waits, whatever an earlier one held: everything sent is idempotent by bytes, so a lost file
costs the way and nothing else. It is kept and noted before it is handed out; `again` gives the same bytes.
An answer counts as if it had come over HTTP (hub/county/settlement.py): the hub's word alone makes nothing logged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from hub.bundles.head import BundleHead, check_signature
from hub.bundles.keys import answer_key
from hub.bundles.lines import AnswerLine, OutboxLine, answer_lines
from hub.bundles.sealed import opened_bundle, write_bundle
from hub.database import Database
from hub.folderfiles import locked_folder
from hub.keyfiles import make_private_folder
from ledger.encoding import b64u_decode, b64u_encode
from ledger.errors import Conflict, Malformed, NotVerified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hub.bundles.keys import BundleKey
    from hub.county.node import CountyNode
    from hub.county.outbox import Settled
    from hub.county.settlement import Settlement
    from ledger.suites import PublicKey

__all__ = ["BUNDLE_SCHEMA", "MAX_FACES", "MAX_ITEMS", "CountyBundles", "Exported", "Imported"]

MAX_ITEMS: Final = 10_000
MAX_FACES: Final = 10_000
_LEAF_CHARS: Final = 43
_BATCH: Final = 512
_ENTRY: Final = {"pending": "entry", "logged": "record"}
BUNDLE_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS bundle (
  number INTEGER PRIMARY KEY, digest BLOB NOT NULL, made INTEGER NOT NULL, answered INTEGER);
CREATE TABLE IF NOT EXISTS face (identifier TEXT PRIMARY KEY, leaf BLOB NOT NULL)"""
_NEWEST: Final = "SELECT number, digest FROM bundle ORDER BY number DESC LIMIT 1"
_DIGEST: Final = "SELECT digest FROM bundle WHERE number = ?"
_MADE: Final = "INSERT INTO bundle VALUES (?, ?, ?, NULL)"
_ANSWERED: Final = "UPDATE bundle SET answered = ? WHERE number <= ? AND answered IS NULL"
_FACE: Final = "INSERT OR REPLACE INTO face VALUES (?, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A bundle that was made. lines: how many of each kind. path: the kept copy."""

    number: int
    path: Path
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an answer brought. settled: items that came one state further. waiting: those that go out again.

    refused: (kind, id, code) of each item that the hub refused for good, and of each face that it did not take.
    """

    number: int
    settled: int
    waiting: int
    faces: int
    refused: list[tuple[str, str, str]] = field(default_factory=list)


class CountyBundles:
    """The bundles of one opened node. on_line: told, for each line, how many there are in all."""

    def __init__(self, node: CountyNode, *, on_line: Callable[[int], None] = lambda _all: None) -> None:
        self._node: Final = node
        self._folder: Final = node.data / "bundles"
        self._on_line: Final = on_line
        self._database: Final = Database(node.data / "bundles.sqlite", BUNDLE_SCHEMA, summed=True)

    def export(self, hub: BundleKey, now: int, *, faces: bool) -> Exported | None:
        """Make the next bundle of all that waits, at most 10,000 items; None: nothing does. faces: also for the vault.

        Raises NotVerified key_not_active, Malformed too_large, Unavailable store_stopped.
        """
        make_private_folder(self._folder)
        with locked_folder(self._folder):
            lines = self._lines(faces=faces)
            if not lines:
                return None
            number, previous = self._next()
            path, key = self._path(number), self._node.keys.key("journal")
            head = BundleHead(
                kind="outbox", county=self._node.county, number=number, previous=previous, iat=now, to="", length=0,
                total=b"", answer_key=self._answer_key(number).public,
            )  # fmt: skip
            digest = write_bundle(path, self._told(lines), head, hub, kid=key.kid, signer=key.signer)
            with self._database.transaction() as connection:
                connection.execute(_MADE, (number, digest, now))
        return Exported(number=number, path=path, lines=Counter(line.kind for line in lines))

    def again(self, number: int) -> Path:
        """Give the kept copy of a bundle. Raises Conflict wrong_target: there is none, or its answer came."""
        path = self._path(number)
        if not path.is_file():
            raise Conflict("wrong_target", f"bundle {number} is not kept here: none was made, or its answer came")
        return path

    def take(
        self, file: Path, hub_keys: Mapping[str, PublicKey], settlement: Settlement, now: int
    ) -> Imported:  # fmt: skip
        """Take the hub's answer in. Once more changes nothing. hub_keys: pinned, by kid.

        Raises Malformed bad_bundle, too_large, NotVerified unknown_kid, bad_signature, bundle_damaged, Conflict
        wrong_target (for another county, or no answer to a bundle of this folder): then nothing was changed.
        """
        with opened_bundle(file) as bundle, locked_folder(self._node.data):
            head = bundle.head
            self._check(head)
            key = hub_keys.get(bundle.signed.kid)
            if key is None:
                raise NotVerified("unknown_kid", "the answer was signed by another key than the hub's")
            check_signature(bundle.signed, key)
            checked, secret = bundle.check_body(), self._answer_key(head.number)
            count = sum(1 for _ in answer_lines(checked.lines(secret)))  # all of it is read before the first one counts
            report = self._settle(self._counted(answer_lines(checked.lines(secret)), count), settlement, head.number)
            with self._database.transaction() as connection:
                connection.execute(_ANSWERED, (now, head.number))
        self._forget(head.number)
        return report

    def close(self) -> None:
        """Close the store."""
        self._database.close()

    def _check(self, head: BundleHead) -> None:
        if head.kind != "answer":
            raise Malformed("bad_bundle", "this is no answer but an outbox: `tongban ingest bundle` takes it")
        if head.county != self._node.county:
            raise Conflict("wrong_target", f"the answer is for county {head.county}")
        with self._database.reading() as connection:
            row = connection.execute(_DIGEST, (head.number,)).fetchone()
        if row is None or row[0] != head.previous:
            raise Conflict("wrong_target", f"bundle {head.number} that this answers was not made in this folder")

    def _settle(self, answers: Iterator[AnswerLine], settlement: Settlement, number: int) -> Imported:
        outcomes: list[Settled] = []
        faces = 0
        refused: list[tuple[str, str, str]] = []
        for kind, lines in groupby(answers, key=lambda line: line.kind):  # a record waits for its entry to be settled
            while batch := list(islice(lines, _BATCH)):
                if kind != "face":
                    outcomes += self._settled(batch, settlement)
                    continue
                refused += [("face", line.id, code) for line in batch if (code := _refusal(line)) is not None]
                faces += self._keep_faces([line.id for line in batch if _refusal(line) is None])
        failed = [each for each in outcomes if each.state == "failed"]
        moved = sum(each.state not in {each.item.state, "failed"} for each in outcomes)
        told = [(_ENTRY[each.item.state], b64u_encode(each.item.leaf), each.code or "") for each in failed]
        waiting = len(outcomes) - moved - len(failed)
        return Imported(number=number, settled=moved, waiting=waiting, faces=faces, refused=[*told, *refused])

    def _counted(self, lines: Iterator[AnswerLine], count: int) -> Iterator[AnswerLine]:
        for line in lines:
            self._on_line(count)
            yield line

    def _settled(self, lines: Sequence[AnswerLine], settlement: Settlement) -> list[Settled]:
        """Settle the items of some lines, in one transaction; nothing where one is not waiting for this any more."""
        outcomes = []
        for line in lines:
            item = self._node.outbox.by_leaf(b64u_decode(line.id)) if len(line.id) == _LEAF_CHARS else None
            if item is not None and _ENTRY.get(item.state) == line.kind:
                outcomes.append(settlement.judged(item, line.answer))
        self._node.outbox.settle(outcomes)
        return outcomes

    def _keep_faces(self, identifiers: Sequence[str]) -> int:
        found = [(each, items[0].leaf) for each in identifiers if (items := self._node.outbox.of(each))]
        with self._database.transaction() as connection:
            connection.executemany(_FACE, found)
        return len(found)

    def _lines(self, *, faces: bool) -> list[OutboxLine]:
        items = self._node.outbox.unsettled(MAX_ITEMS)
        entries = [
            OutboxLine(kind="entry", id=b64u_encode(item.leaf), data=item.entry)
            for item in items
            if item.state == "pending"
        ]
        records = [
            OutboxLine(kind="record", id=b64u_encode(item.leaf), data=item.journal)
            for item in items
            if item.journal is not None
        ]
        return [*entries, *records, *(self._faces() if faces else ())]

    def _faces(self) -> list[OutboxLine]:
        with self._database.reading() as connection:
            known = dict(connection.execute("SELECT identifier, leaf FROM face").fetchall())
        wanted = [each for each, leaf in self._node.outbox.seals() if known.get(each) != leaf][:MAX_FACES]
        found = [(each, self._node.records.face(each)) for each in wanted]
        return [
            OutboxLine(kind="face", id=each, data=face.sd_jwt.encode("ascii"))
            for each, face in found
            if face is not None
        ]

    def _told(self, lines: list[OutboxLine]) -> Iterator[bytes]:
        for line in lines:
            self._on_line(len(lines))
            yield line.text()

    def _next(self) -> tuple[int, bytes | None]:
        with self._database.reading() as connection:
            row = connection.execute(_NEWEST).fetchone()
        return (1, None) if row is None else (int(row[0]) + 1, bytes(row[1]))

    def _forget(self, number: int) -> None:
        """Delete all copies up to a number, whatever an import that was cut off has left of them."""
        newest = self._path(number).name
        for path in sorted(self._folder.glob(f"{self._node.county}-*.bundle")):
            if path.name <= newest:
                path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._node.county}-{number:06d}.bundle"

    def _answer_key(self, number: int) -> BundleKey:
        return answer_key(self._node.keys.records, self._node.county, number)


def _refusal(line: AnswerLine) -> str | None:
    """Give the code with which the hub did not take a face, or None."""
    error = line.answer.get("error")
    if error is None:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code.isidentifier() else "bad_json"
