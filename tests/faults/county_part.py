"""The county's record store: the face and its outbox item in one transaction, and what becomes of the item."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from hub.county import CountyNode, open_county
from hub.county.outbox import Item, Settled
from hub.county.outcomes import Sealed
from hub.journal.records import parse_license_record
from ledger.attestation import SdJwt
from ledger.transparency.merkle import leaf_hash
from tests.alliance import NOW, PASSPHRASE, found_alliance, identifier_of, license_of
from tests.entropy import seeded
from tests.faults.parts import Finding, Tell, Told
from tests.faults.points import FailingConnection, FailPoints

__all__ = ["COUNTY", "CountyPart"]

_COUNTY: Final = "370214"
_BEFORE: Final = 2
_TOO_OLD: Final = 86_401  # seconds after which the log takes an entry no more
_SEALED: Final = range(2, 5)
_RECEIPT: Final = b"a receipt of 1,400 bytes " * 56


@contextmanager
def _opened(folder: Path, random: str, points: FailPoints | None = None) -> Iterator[CountyNode]:
    """Open the county's folder; with `points` each statement of its stores is one."""
    with closing(open_county(folder / _COUNTY, PASSPHRASE, random=seeded(random))) as node:
        if points is not None:
            database = node._database
            database._connection = FailingConnection(database._connection, "county", points)  # type: ignore[misc]
        yield node


class CountyPart:
    """`county`: seal and outbox, settle, renew, change of status, erasure."""

    name = "county"

    def prepare(self, folder: Path) -> None:
        """Found an alliance; seal two licenses, the first of them is logged."""
        found_alliance(folder).close()
        with _opened(folder, "prepare") as node:
            node.seal_many([license_of(number) for number in range(_BEFORE)], NOW)
            node.outbox.settle([_logged(item) for item in node.outbox.due("pending", NOW, 1)])

    def work(self, folder: Path, points: FailPoints, tell: Tell) -> None:
        """Seal three; settle one; revoke the first; sign the second anew; erase the first."""

        def answer(*values: object) -> None:
            points.around(f"answer: {values[0]}", lambda: tell(*values), OSError())

        with _opened(folder, "work", points) as node:
            for number in _SEALED:
                tell("sent", number)
            for number, outcome in zip(_SEALED, node.seal_many(list(map(license_of, _SEALED)), NOW), strict=True):
                assert isinstance(outcome, Sealed), outcome
                answer("sealed", number, outcome.leaf.hex())
            first, second = (str(identifier_of(number)) for number in (0, 1))
            (item,) = (each for each in node.outbox.due("pending", NOW, 9) if each.identifier == second)
            node.renew(item, NOW + _TOO_OLD)
            answer("renewed", 1)
            answer("revoked", 0, node.revoke(first, "04", NOW).hex())
            waiting = node.outbox.due("pending", NOW + _TOO_OLD + 5, 9)[-2:]
            node.outbox.settle([_logged(each) for each in waiting])
            for each in waiting:
                answer("settled", each.id)
            node.erase(first)
            answer("erased", 0)

    def check(self, folder: Path, told: Told) -> Finding:
        """Recover, compare, seal everything again, compare."""
        with _opened(folder, "check") as node:
            finding = _compared(node, told)
            for number in (*range(1, _BEFORE), *_SEALED):
                _seal_again(node, number)
            assert _compared(node, told).lost == 0
            assert node.status(NOW).sealed == _BEFORE + len(_SEALED)
            return finding


def _logged(item: Item) -> Settled:
    return Settled(item=item, state="logged", log_index=item.id, evidence=_RECEIPT)


def _seal_items(node: CountyNode, number: int) -> list[Item]:
    return [item for item in node.outbox.of(str(identifier_of(number))) if item.kind == "seal"]


def _compared(node: CountyNode, told: Told) -> Finding:
    """Each license has a face and one item, which name the same seal, or neither; all that was told is there."""
    counts = [_check_license(node, number, told) for number in range(_SEALED.stop)]
    assert node.records.count() == sum(counts)
    sealed = dict(told.of("sealed"))
    lost = sum(leaf not in {item.leaf.hex() for item in _seal_items(node, number)} for number, leaf in sealed.items())
    items = {item.id: item for number in range(_SEALED.stop) for item in node.outbox.of(str(identifier_of(number)))}
    standing = {(item.id, item.state, item.evidence) for item in items.values()}
    lost += sum((key, "logged", _RECEIPT) not in standing for (key,) in told.of("settled"))
    leaves = {item.leaf.hex() for item in items.values()}
    lost += sum(leaf not in leaves for _, leaf in told.of("revoked"))
    lost += sum(node.records.face(str(identifier_of(number))) is not None for (number,) in told.of("erased"))
    acknowledged = sum(len(told.of(what)) for what in ("sealed", "settled", "revoked", "erased"))
    unknown = [number for (number,) in told.of("sent") if number not in sealed]
    stored = acknowledged - lost + sum(counts[number] for number in unknown)
    twice = sum(max(count - 1, 0) for count in counts)
    return Finding(acknowledged=acknowledged, unknown=len(unknown), stored=stored, lost=lost, twice=twice)


def _check_license(node: CountyNode, number: int, told: Told) -> int:
    """Check that face, entry and journal record of a license belong together; gives how many seal items it has."""
    identifier = str(identifier_of(number))
    items, face = _seal_items(node, number), node.records.face(identifier)
    if not items:
        assert face is None, "a face without its outbox item"
        return 0
    item = items[0]
    assert leaf_hash(item.entry) == item.leaf
    assert item.journal is not None
    assert parse_license_record(item.journal).leaf == item.leaf
    if face is None:
        assert number == 0, "an outbox item without its face"  # 0 is erased on the way
    else:
        assert SdJwt.parse(face.sd_jwt).jwt.encode() == item.entry
    return len(items)


def _seal_again(node: CountyNode, number: int) -> None:
    """Sealed once more, a license that is stored keeps its seal, and no second item comes."""
    before = [item.leaf for item in _seal_items(node, number)]
    (outcome,) = node.seal_many([license_of(number)], NOW + 9)
    assert isinstance(outcome, Sealed), outcome
    assert outcome.fresh == (not before)
    assert [item.leaf for item in _seal_items(node, number)] == (before or [outcome.leaf])


COUNTY: Final = CountyPart()
