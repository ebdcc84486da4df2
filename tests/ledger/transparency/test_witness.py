"""The witness: its status table as data, its order, and that it never goes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.errors import Malformed, NotVerified
from ledger.transparency.checkpoint import Checkpoint, cosign, sign_checkpoint, verify_checkpoint
from ledger.transparency.merkle import EMPTY_ROOT, consistency_path
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, Note, NoteSignature, VerifierKey, keyring
from ledger.transparency.witness import (
    MAX_REQUEST_BYTES,
    AddCheckpoint,
    Decision,
    Latest,
    decide,
    monitoring_path,
    read_cosignatures,
    read_size,
    refuse_malformed,
)
from tests.trees import VECTORS, RecursiveTree, made_leaves, vector_signer

ORIGIN: Final = "hub.example/ledger"
NAME: Final = "370214.tongban.example/witness"
LOG: Final = vector_signer("log")
WITNESS: Final = vector_signer("witness 370214")
STRANGER: Final = vector_signer("stranger")
LOGS: Final = keyring([VerifierKey.of(ORIGIN, NOTE_ED25519, LOG)])
WITNESS_KEY: Final = VerifierKey.of(NAME, COSIGNATURE_ED25519, WITNESS)
TREE: Final = RecursiveTree(made_leaves(64))
OTHER: Final = RecursiveTree(made_leaves(64)[::-1])
NOW: Final = 1780300800
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"


def checkpoint(size: int, tree: RecursiveTree = TREE) -> Checkpoint:
    return Checkpoint(origin=ORIGIN, size=size, root=tree.root(0, size))


def signed(size: int, tree: RecursiveTree = TREE) -> bytes:
    return sign_checkpoint(checkpoint(size, tree), ORIGIN, LOG)


def request(old: int, size: int, tree: RecursiveTree = TREE) -> AddCheckpoint:
    """A request that an honest log sends."""
    path = tuple(consistency_path(old, size, tree.node)) if old <= size else ()
    return AddCheckpoint.of(old, path, signed(size, tree))


def latest(size: int, time: int = NOW - 60) -> Latest:
    return Latest(size=size, root=TREE.root(0, size), time=time, note=b"")


def decided(asked: AddCheckpoint, known: Latest | None, now: int = NOW) -> Decision:
    return decide(asked, known, logs=LOGS, name=NAME, signer=WITNESS, now=now)


def with_lines(size: int, *lines: NoteSignature) -> bytes:
    return Note(text=checkpoint(size).text(), signatures=lines).format()


def log_line(size: int) -> NoteSignature:
    return Note.parse(signed(size)).signatures[0]


def bad_line(size: int) -> NoteSignature:
    return replace(log_line(size), blob=bytes(64))


def stranger_line(size: int) -> NoteSignature:
    key = VerifierKey.of(ORIGIN, NOTE_ED25519, STRANGER)
    return NoteSignature(name=ORIGIN, key_id=key.id, blob=STRANGER.sign(checkpoint(size).text()))


def foreign() -> bytes:
    """A checkpoint of a log that the witness does not know, well signed by it."""
    other = replace(checkpoint(5), origin="other.example/log")
    return sign_checkpoint(other, other.origin, STRANGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table: what is asked, what is stored, and the answer."""

    why: str
    asked: AddCheckpoint
    known: Latest | None
    status: int
    body: bytes | None = None
    evidence: bool = True


PATH: Final = request(3, 5).path
ROWS: Final = [
    Row(why="first checkpoint", asked=request(0, 5), known=None, status=200),
    Row(why="first checkpoint, of the empty log", asked=request(0, 0), known=None, status=200),
    Row(why="growth", asked=request(3, 5), known=latest(3), status=200),
    Row(why="growth from a power of two", asked=request(4, 7), known=latest(4), status=200),
    Row(why="heartbeat: same size, same root", asked=request(5, 5), known=latest(5), status=200),
    Row(why="growth from the empty log", asked=request(0, 5), known=latest(0), status=200),
    Row(why="a stranger's line beside", known=None, status=200,
        asked=AddCheckpoint.of(0, (), with_lines(5, stranger_line(5), log_line(5)))),
    Row(why="unknown origin", asked=AddCheckpoint.of(0, (), foreign()), known=None, status=404, evidence=False),
    Row(why="404 goes before 403 and 400", status=404, evidence=False, known=None,
        asked=AddCheckpoint.of(9, PATH, foreign())),
    Row(why="no signature of a trusted key", status=403, evidence=False, known=None,
        asked=AddCheckpoint.of(0, (), with_lines(5, stranger_line(5)))),
    Row(why="the trusted key's signature fails", status=403, evidence=False, known=None,
        asked=AddCheckpoint.of(0, (), with_lines(5, bad_line(5)))),
    Row(why="403 goes before 400", status=403, evidence=False, known=None,
        asked=AddCheckpoint.of(9, (), with_lines(5, bad_line(5)))),
    Row(why="old above size", asked=request(6, 5), known=latest(6), status=400),
    Row(why="400 goes before 409", asked=request(6, 5), known=latest(3), status=400),
    Row(why="old below latest", asked=request(3, 7), known=latest(5), status=409, body=b"5\n"),
    Row(why="old above latest", asked=request(3, 7), known=None, status=409, body=b"0\n"),
    Row(why="the size is asked for", asked=request(0, 7), known=latest(5), status=409, body=b"5\n"),
    Row(why="409 goes before 422", known=latest(5), status=409, body=b"5\n",
        asked=AddCheckpoint.of(3, (bytes(32),), signed(7, OTHER))),
    Row(why="size 0 with another root", known=None, status=422,
        asked=AddCheckpoint.of(0, (), sign_checkpoint(replace(checkpoint(0), root=bytes(32)), ORIGIN, LOG))),
    Row(why="old 0 with a proof", asked=AddCheckpoint.of(0, PATH, signed(5)), known=None, status=422),
    Row(why="same size, another root", asked=request(5, 5, OTHER), known=latest(5), status=422),
    Row(why="same size with a proof", asked=AddCheckpoint.of(5, PATH, signed(5)), known=latest(5), status=422),
    Row(why="no proof", asked=AddCheckpoint.of(3, (), signed(5)), known=latest(3), status=422),
    Row(why="proof of another size", asked=AddCheckpoint.of(3, request(3, 6).path, signed(5)), known=latest(3), status=422),
    Row(why="another tree", asked=request(3, 5, OTHER), known=latest(3), status=422),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.why)
def test_the_status_table(row: Row) -> None:
    decision = decided(row.asked, row.known)
    assert decision.status == row.status
    assert decision.content_type == (SIZE_TYPE if row.status == 409 else TEXT_TYPE)
    if row.status == 200:
        assert_cosigned(row.asked, decision, NOW)
        return
    assert decision.latest is None
    assert decision.evidence is row.evidence
    assert row.body is None or decision.body == row.body
    assert decision.body.endswith(b"\n")


def assert_cosigned(asked: AddCheckpoint, decision: Decision, time: int) -> None:
    """The answer is one cosignature, and what is stored is the checkpoint with both signatures."""
    line = cosign(asked.note.text, NAME, WITNESS, time)
    assert decision.body == line.line()
    assert not decision.evidence
    stored = decision.latest
    assert stored is not None
    new = asked.checkpoint
    assert (stored.size, stored.root, stored.time) == (new.size, new.root, time)
    kept = verify_checkpoint(Note.parse(stored.note), keyring([*LOGS.values(), WITNESS_KEY]))
    assert kept.checkpoint == new
    assert kept.cosignatures == {WITNESS_KEY: time}
    assert len(Note.parse(stored.note).signatures) == 2


def test_the_time_never_goes_back() -> None:
    """A heartbeat with a clock that was set back keeps the last time."""
    decision = decided(request(5, 5), latest(5, time=NOW + 100))
    assert_cosigned(request(5, 5), decision, NOW + 100)


def test_a_witness_that_knows_several_logs_keeps_the_line_of_the_right_one() -> None:
    """Another trusted log's line, though it verifies, is not what makes this checkpoint."""
    second = VerifierKey.of("second.example/log", NOTE_ED25519, STRANGER)
    line = NoteSignature(name=second.name, key_id=second.id, blob=STRANGER.sign(checkpoint(5).text()))
    asked = AddCheckpoint.of(0, (), with_lines(5, line, log_line(5)))
    logs = keyring([*LOGS.values(), second])
    decision = decide(asked, None, logs=logs, name=NAME, signer=WITNESS, now=NOW)
    assert_cosigned(asked, decision, NOW)


def test_the_request_of_the_specification_is_read_and_written() -> None:
    data = (VECTORS / "add-checkpoint.request").read_bytes()
    asked = AddCheckpoint.parse(data)
    assert (asked.old_size, len(asked.path), asked.checkpoint.size) == (20852014, 4, 20852163)
    assert asked.checkpoint.origin == "example.com/behind-the-sofa"
    assert asked.format() == data


BODY: Final = request(3, 5).format()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (BODY.replace(b"old 3\n", b""), 400, "bad_request"),
        (BODY.replace(b"old 3", b"Old 3"), 400, "bad_request"),
        (BODY.replace(b"old 3", b"old3"), 400, "bad_request"),
        (BODY.replace(b"old 3", b"old \xb23"), 400, "bad_request"),
        (BODY.replace(b"old 3", b"old 03"), 400, "bad_number"),
        (BODY.replace(b"old 3", b"old -3"), 400, "bad_number"),
        (BODY.replace(b"old 3", b"old "), 400, "bad_number"),
        (BODY.replace(b"old 3", b"old 3 "), 400, "bad_number"),
        (BODY.replace(b"old 3\n", b"old 3\nAAAA\n"), 400, "bad_proof_form"),
        (BODY.replace(b"old 3\n", b"old 3\n" + (b"A" * 43 + b"=\n") * 64), 400, "bad_proof_form"),
        (BODY.replace(b"old 3\n", b"old 3\n\n"), 400, "bad_checkpoint"),
        (BODY[:-1], 400, "bad_note"),
        (BODY + b"\n", 400, "bad_note"),
        (b"old 3\n\n" + checkpoint(5).text(), 400, "bad_note"),
        (BODY.replace(b"\n5\n", b"\n5\nextension\n"), 400, "bad_checkpoint"),
        (BODY.replace(b"\n5\n", b"\n05\n"), 400, "bad_checkpoint"),
        (b"x" * (MAX_REQUEST_BYTES + 1), 413, "too_large"),
    ],
)  # fmt: skip
def test_a_body_that_is_malformed(body: bytes, status: int, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        AddCheckpoint.parse(body)
    assert refused.value.code == code
    answer = refuse_malformed(refused.value)
    assert (answer.status, answer.latest, answer.evidence) == (status, None, False)


def test_sixty_three_hashes_are_read() -> None:
    asked = AddCheckpoint.of(3, (bytes(32),) * 63, signed(5))
    assert AddCheckpoint.parse(asked.format()) == asked


@given(position=st.integers(0, len(BODY) - 1), mask=st.integers(1, 255))
@settings(max_examples=150)
def test_no_request_with_a_changed_byte_is_cosigned_as_something_else(position: int, mask: int) -> None:
    """Only the origin, the size and the root are cosigned, and these the log has signed."""
    data = bytearray(BODY)
    data[position] ^= mask
    try:
        asked = AddCheckpoint.parse(bytes(data))
    except Malformed:
        return
    assert asked.format() == bytes(data)
    assert decided(asked, latest(3)).status != 200


def test_the_answer_is_read_by_the_log() -> None:
    decision = decided(request(0, 5), None)
    text = checkpoint(5).text()
    (found,) = read_cosignatures(decision.body, text, keyring([WITNESS_KEY]))
    assert (found.key, found.time, found.signature.line()) == (WITNESS_KEY, NOW, decision.body)
    unknown = cosign(text, "unknown.example", STRANGER, NOW).line()
    again = cosign(text, NAME, WITNESS, NOW + 1).line()
    assert read_cosignatures(unknown + decision.body + again, text, keyring([WITNESS_KEY])) == (found,)


@pytest.mark.parametrize(
    ("make_body", "error", "code"),
    [
        (lambda _text: b"", Malformed, "bad_note"),
        (lambda _text: b"ok\n", Malformed, "bad_note"),
        (lambda text: cosign(text, "unknown.example", STRANGER, NOW).line(), NotVerified, "bad_signature"),
        (lambda text: cosign(text + b"more\n", NAME, WITNESS, NOW).line(), NotVerified, "bad_signature"),
    ],
)
def test_an_answer_that_carries_no_cosignature(
    make_body: Callable[[bytes], bytes], error: type[Malformed | NotVerified], code: str
) -> None:
    text = checkpoint(5).text()
    with pytest.raises(error) as refused:
        read_cosignatures(make_body(text), text, keyring([WITNESS_KEY]))
    assert refused.value.code == code


def test_the_size_in_a_conflict_is_read() -> None:
    assert read_size(b"0\n") == 0
    assert read_size(b"20852014\n") == 20852014
    for body in (b"", b"5", b"05\n", b"-5\n", b"5\n\n", b" 5\n", b"\xb2\n", b"9" * 17 + b"\n"):
        with pytest.raises(Malformed, match="bad_number"):
            read_size(body)


def test_the_monitoring_path_is_the_hash_of_the_origin() -> None:
    digest = "5fd2dc0beb4ce54da5050cf6d5c75248b023abad441c3cecde3976fbe9da4fe4"
    assert monitoring_path("example.com/behind-the-sofa") == f"{digest}/checkpoint"


class WitnessUnderAttack(RuleBasedStateMachine):
    """A log that keeps two histories and sends whatever it likes; the witness stores as it decides."""

    def __init__(self) -> None:
        super().__init__()
        self.known: Latest | None = None
        self.now = NOW
        self.cosigned: list[tuple[int, bytes, int]] = []

    @rule(old=st.integers(0, 12), size=st.integers(0, 12), forked=st.booleans(), step=st.integers(-50, 50))
    def ask(self, old: int, size: int, forked: bool, step: int) -> None:
        """Any old size, any size, either history, a clock that jumps."""
        self.now += step
        asked = request(old, size, OTHER if forked else TREE)
        decision = decided(asked, self.known, self.now)
        if decision.latest is not None:
            self.known = decision.latest
            self.cosigned.append((decision.latest.size, decision.latest.root, decision.latest.time))

    @invariant()
    def what_was_cosigned_is_one_history(self) -> None:
        """Sizes and times never fall, and all roots with leaves are of one tree."""
        assert [row[0] for row in self.cosigned] == sorted(row[0] for row in self.cosigned)
        assert [row[2] for row in self.cosigned] == sorted(row[2] for row in self.cosigned)
        roots = [(size, root) for size, root, _ in self.cosigned if size]
        assert any(all(root == tree.root(0, size) for size, root in roots) for tree in (TREE, OTHER))
        assert all(root == EMPTY_ROOT for size, root, _ in self.cosigned if size == 0)


TestWitnessUnderAttack = WitnessUnderAttack.TestCase
TestWitnessUnderAttack.settings = settings(max_examples=30, stateful_step_count=25)
