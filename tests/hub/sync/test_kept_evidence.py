"""Fork evidence beside a sync folder: sixteen files at most, and none that proves a fork is ever given up."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hub.sync.evidence import EVIDENCE, keep_evidence
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import MAX_EVIDENCE_BYTES, ForkEvidence
from ledger.transparency.note import NoteSignature
from ledger.transparency.policy import Policy
from tests.small_log import LOG, POLICY

MINE: Final = bytes(MAX_EVIDENCE_BYTES + 1)
KEYS: Final = Policy.parse(POLICY).keys
ORIGIN: Final = Policy.parse(POLICY).logs[0].key.name


def note(size: int, root: int) -> bytes:
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=bytes([root]) * 32), ORIGIN, LOG)


def proven(number: int) -> ForkEvidence:
    """Give two roots of one size."""
    return ForkEvidence(a=note(4, 0), b=note(4, number))


def unproven(number: int) -> ForkEvidence:
    """Give growth whose proof is missing."""
    return ForkEvidence(a=note(4, 0), b=note(5, number))


def kept(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.iterdir())


def test_sixteen_files_are_kept_and_the_same_one_once(tmp_path: Path) -> None:
    places = [keep_evidence(tmp_path, proven(number), KEYS) for number in range(1, 17)]
    assert places[0] == tmp_path / "fork-evidence.json"
    assert len(set(places)) == 16
    assert keep_evidence(tmp_path, proven(16), KEYS) == places[15]
    before = kept(tmp_path)
    assert (keep_evidence(tmp_path, proven(17), KEYS), kept(tmp_path)) == (None, before)


def test_what_proves_nothing_makes_room_for_proof_and_never_the_other_way_round(tmp_path: Path) -> None:
    """Whoever answers for the log can make growth fail at every sync; a fork must still find room after that."""
    for number in range(1, 17):
        assert keep_evidence(tmp_path, unproven(number), KEYS) is not None
    assert keep_evidence(tmp_path, unproven(17), KEYS) is None
    for number in range(1, 17):
        place = keep_evidence(tmp_path, proven(number), KEYS)
        assert place is not None
        assert place.read_bytes() == proven(number).format()
    assert kept(tmp_path) == sorted(proven(number).format() for number in range(1, 17))
    assert keep_evidence(tmp_path, unproven(1), KEYS) is None
    assert keep_evidence(tmp_path, proven(17), KEYS) is None


def test_what_somebody_else_has_put_there_is_not_touched(tmp_path: Path) -> None:
    names = ["fork-evidence.json", *(f"fork-evidence-{number}.json" for number in range(15))]
    for name in names:
        (tmp_path / name).write_bytes(MINE)
    assert keep_evidence(tmp_path, proven(1), KEYS) is None
    (tmp_path / names[-1]).unlink()
    place = keep_evidence(tmp_path, proven(1), KEYS)
    assert place is not None
    assert place.name not in names
    assert (tmp_path / names[0]).read_bytes() == MINE


def test_a_proof_takes_the_place_where_it_is_looked_for(tmp_path: Path) -> None:
    """That of what proves nothing, under the plain name; the other names follow."""
    weak = [keep_evidence(tmp_path, unproven(number), KEYS) for number in range(1, 17)]
    assert weak[0] == tmp_path / EVIDENCE
    assert keep_evidence(tmp_path, proven(1), KEYS) == weak[0]
    assert keep_evidence(tmp_path, proven(2), KEYS) not in weak
    assert len(kept(tmp_path)) == 16


def test_where_all_its_names_are_taken_there_is_a_further_one(tmp_path: Path) -> None:
    """By files that are not what was written, and by a link that leads nowhere."""
    keep_evidence(tmp_path, proven(1), KEYS)
    names = set()
    for number in range(15):
        place = keep_evidence(tmp_path, proven(5), KEYS)
        assert place is not None
        assert keep_evidence(tmp_path, proven(5), KEYS) == place
        names.add(place.name)
        place.unlink()
        place.symlink_to("nowhere") if number == 3 else place.write_bytes(MINE)
    stem = min(names, key=len).removesuffix(".json")
    assert names == {f"{stem}.json", *(f"{stem}-{number}.json" for number in range(2, 16))}
    assert keep_evidence(tmp_path, proven(5), KEYS) is None


def test_a_folder_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    assert keep_evidence(tmp_path / "nowhere", proven(1), KEYS) is None
    (tmp_path / "file").write_bytes(b"")
    assert keep_evidence(tmp_path / "file", proven(1), KEYS) is None


def test_what_others_put_under_a_checkpoint_is_left_out(tmp_path: Path) -> None:
    junk = NoteSignature(name='"' * 200_000, key_id=b"junk", blob=bytes(64)).line()
    evidence = ForkEvidence(a=note(4, 0) + junk, b=note(4, 1) + junk)
    place = keep_evidence(tmp_path, evidence, KEYS)
    assert place == keep_evidence(tmp_path, proven(1), KEYS)
    assert kept(tmp_path) == [proven(1).format()]
