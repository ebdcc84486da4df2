"""The witness: it decides and stores in one step, and what it cosigned once it never forgets.

A forked log asks it, too: a witness that was killed must refuse the fork as one that was not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.county.witness import Witness, WitnessStore
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint, verify_cosignature
from ledger.transparency.merkle import consistency_path, leaf_hash, root_of
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey, keyring, parse_signature_lines
from ledger.transparency.witness import AddCheckpoint, Decision, monitoring_path
from tests.entropy import signer_of
from tests.faults.parts import Finding, Tell, Told
from tests.faults.points import FailingConnection, FailPoints
from tests.sequenced import LOG_KEY
from tests.small_log import LOG, ORIGIN, T0

__all__ = ["WITNESS", "WitnessPart", "opened_witness"]

FILE: Final = "witness.sqlite"
_NAME: Final = "370214.example/witness"
_SIGNER: Final = signer_of("witness of the faults")
_KEY: Final = VerifierKey.of(_NAME, COSIGNATURE_ED25519, _SIGNER)
_BEFORE: Final = 3
_SIZES: Final = ((3, 7, 60), (7, 7, 120), (7, 20, 90))  # old, new, seconds: once the clock goes back
_LEAVES: Final = {fork: [leaf_hash(b"%d, fork %d" % (n, fork and n >= 3)) for n in range(32)] for fork in (False, True)}


@dataclass
class _Clock:
    now: int = T0

    def __call__(self) -> int:
        return self.now


@contextmanager
def opened_witness(folder: Path, clock: _Clock, points: FailPoints | None = None) -> Iterator[Witness]:
    """Open the real witness over its file; with `points` each of its statements is one."""
    store = WitnessStore(folder / FILE)
    try:
        if points is not None:
            database = store._database
            database._connection = FailingConnection(database._connection, "witness", points)  # type: ignore[misc]
        yield Witness(store, logs=keyring([LOG_KEY]), name=_NAME, signer=_SIGNER, clock=clock)
    finally:
        store.close()


def _request(old: int, size: int, *, fork: bool = False) -> bytes:
    leaves = _LEAVES[fork]
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root_of(leaves[:size])), ORIGIN, LOG)

    def read(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    path = tuple(consistency_path(old, size, read)) if 0 < old < size else ()
    return AddCheckpoint.of(old, path, note).format()


class WitnessPart:
    """`witness`: decide and store, before the answer leaves."""

    name = "witness"

    def prepare(self, folder: Path) -> None:
        """Let it cosign three entries."""
        with opened_witness(folder, _Clock()) as witness:
            assert witness.add_checkpoint(_request(0, _BEFORE)).status == 200

    def work(self, folder: Path, points: FailPoints, tell: Tell) -> None:
        """Growth, a heartbeat, growth with a clock that went back, a fork that is refused and kept."""
        clock = _Clock()
        with opened_witness(folder, clock, points) as witness:
            for old, size, seconds in _SIZES:
                clock.now = T0 + seconds
                tell("asked", size)
                decision = witness.add_checkpoint(_request(old, size))
                assert decision.status == 200, decision
                say = lambda size=size, line=decision.body: tell("cosigned", size, line.hex())  # noqa: E731
                points.around("answer: cosignature", say, OSError())
            decision = witness.add_checkpoint(_request(20, 21, fork=True))
            assert (decision.status, decision.evidence) == (422, True)
            points.around("answer: refused", lambda: tell("refused", 21), OSError())

    def check(self, folder: Path, told: Told) -> Finding:
        """Sizes and times never fall; a fork is refused; what was asked is answered when it is asked again."""
        cosigned = told.of("cosigned")
        with opened_witness(folder, _Clock()) as witness:
            latest = witness._store.latest(monitoring_path(ORIGIN))
            assert latest is not None
            assert latest.root == root_of(_LEAVES[False][: latest.size])
            lost = sum(size > latest.size or _time(size, line) > latest.time for size, line in cosigned)
            _check_fork(witness, latest.size)
            assert len(witness._store.offers()) >= len(told.of("refused"))
            _ask_again(witness, latest.size, latest.time)
        unknown = _SIZES[len(cosigned) : len(told.of("asked"))]
        stored = sum(size <= latest.size and T0 + seconds <= latest.time for _, size, seconds in unknown)
        return Finding(
            acknowledged=len(cosigned), unknown=len(unknown), stored=stored + len(cosigned) - lost, lost=lost
        )


def _time(size: int, line: str) -> int:
    text = Checkpoint(origin=ORIGIN, size=size, root=root_of(_LEAVES[False][:size])).text()
    (signature,) = parse_signature_lines(bytes.fromhex(line))
    return verify_cosignature(text, signature, _KEY)


def _check_fork(witness: Witness, size: int) -> None:
    """Ask for the other view, of the same size and of a greater one, from whatever size the fork claims."""
    if size == _BEFORE:
        return  # both views begin with these three: nothing is cosigned yet that the fork would contradict
    for old, new in ((_BEFORE, size), (_BEFORE, 25), (size, size), (size, 25)):
        assert witness.add_checkpoint(_request(old, new, fork=True)).status in {409, 422}


def _ask_again(witness: Witness, size: int, time: int) -> None:
    """A hub that heard nothing asks again: it is told the size, or gets its cosignature, at no earlier time."""
    for old, new, _ in _SIZES:
        decision: Decision = witness.add_checkpoint(_request(old, new))
        held = size if decision.latest is None else decision.latest.size
        if decision.status == 409:
            assert decision.body == b"%d\n" % size
        else:
            assert decision.status == 200, decision
            assert held >= size
            assert _time(new, decision.body.hex()) >= time
        size = held


WITNESS: Final = WitnessPart()
