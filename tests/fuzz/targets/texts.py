"""Targets of the C2SP formats: what the parser takes, the writer writes again, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Final

from ledger.errors import NotVerified
from ledger.transparency.checkpoint import Checkpoint, verify_checkpoint
from ledger.transparency.evidence import ForkEvidence
from ledger.transparency.merkle import leaf_hash, verify_inclusion
from ledger.transparency.note import COSIGNATURE_ED25519, Keyring, Note, VerifierKey, parse_signature_lines
from ledger.transparency.policy import Policy
from ledger.transparency.proof import TlogProof
from ledger.transparency.tiles import TilePath, decode_bundle, encode_bundle
from ledger.transparency.witness import AddCheckpoint, Latest, decide, read_cosignatures, read_size
from tests.cases.proofs import EARLY_PARTS, LATE_PARTS
from tests.fuzz.campaign import Target
from tests.logbook import LogBook
from tests.small_log import AUDITORS, GENESIS, LOG, POLICY, SEALED, T0, issue_at, sealed_log, small_log
from tests.trees import RecursiveTree

__all__ = ["same", "targets"]

NESTED: Final = b"""# two provinces
log hub.example/ledger+e2440450+AW/ypwBOKk5kjwohGTWxpt3VwUZhYRFycyjNXAJpq5Hi

witness\ta  370214.example/auditor+436138c1+BMF2Ja85q6G9eYp2nRKNFlEjcq6dI2iYvfE74rxpKDF7 https://a.example/
witness b 320583.example/auditor+36c5e38a+BKDkVFYKzqGXyE782gmpF37wZ8CyOtdUajBIQ4bfABJd
group one any a
group two 1 b
group both 2 one two
quorum both
"""
KEYS: Final = Policy.parse(POLICY).keys


def same(written: bytes | str, data: bytes | str) -> None:
    """Fail where what was written is not what was read."""
    assert written == data, "accepted, but written otherwise"


@cache
def _notes() -> tuple[bytes, bytes]:
    return sealed_log()[1], small_log()[1]


def _note(data: bytes) -> None:
    note = Note.parse(data)
    same(note.format(), data)
    verify_checkpoint(note, KEYS)


def _checkpoint(data: bytes) -> None:
    same(Checkpoint.parse(data).text(), data)


def _cosignature_lines() -> tuple[bytes, ...]:
    return tuple(note.partition(b"\n\n")[2].partition(b"\n")[2] for note in _notes()[:1])


def _cosignatures(data: bytes) -> None:
    same(b"".join(signature.line() for signature in parse_signature_lines(data)), data)
    read_cosignatures(data, Note.parse(_notes()[0]).text, KEYS)


def _policy(data: bytes) -> None:
    policy = Policy.parse(data)
    times = {witness.key: T0 + number for number, witness in enumerate(policy.witnesses)}
    policy.missing(list(times)[1:])
    if policy.quorum is not None:
        assert policy.quorum_time(times, T0) >= T0
        assert set(policy.minimal(times)) <= set(times)
        assert policy.block >= 1


def _proof(data: bytes) -> None:
    proof = TlogProof.parse(data)
    same(proof.format(), data)
    checkpoint = verify_checkpoint(Note.parse(proof.checkpoint), KEYS).checkpoint
    leaf = leaf_hash(SEALED.partition("~")[0].encode())
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)


def _vkey(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    same(VerifierKey.parse(text).vkey(), text)


def _tile_path(data: bytes) -> None:
    text = data.decode("latin-1")
    path = TilePath.parse(text)
    same(path.format(), text)
    path.is_within(70_000)


def _bundle(data: bytes) -> None:
    same(encode_bundle(decode_bundle(data)), data)


def _size(data: bytes) -> None:
    same(b"%d\n" % read_size(data), data)


@cache
def _growth() -> tuple[bytes, ...]:
    """The consistency proof from size 3 to size 5."""
    return tuple(RecursiveTree(small_log()[0].leaves()).consistency(3, 5))


@cache
def _witness() -> tuple[bytes, Latest, Keyring]:
    """The request to cosign size 5 after size 3, what the witness knows, and the log's key."""
    early, late = _notes()
    known = Checkpoint.parse(Note.parse(early).text)
    latest = Latest(size=3, root=known.root, time=T0 + 120, note=early)
    logs = {name: key for name, key in KEYS.items() if key.kind != COSIGNATURE_ED25519}
    return AddCheckpoint.of(3, _growth(), late).format(), latest, logs


def _add_checkpoint(data: bytes) -> None:
    request = AddCheckpoint.parse(data)
    same(request.format(), data)
    _, latest, logs = _witness()
    auditor = AUDITORS["370214"]
    decision = decide(request, latest, logs=logs, name=auditor.name, signer=auditor.signer, now=T0 + 3700)
    assert decision.status in {200, 400, 403, 404, 409, 422}
    if decision.status == 200:
        same(request.note.text, Note.parse(_notes()[1]).text)


@cache
def _forks() -> tuple[bytes, ...]:
    other = LogBook(GENESIS, LOG)
    other.add(issue_at(T0 + 90).partition("~")[0].encode())
    other.close()
    fork = other.checkpoint([(AUDITORS["370214"], T0 + 130)])
    early, late = _notes()
    return ForkEvidence(a=early, b=fork).format(), ForkEvidence(a=fork, b=late, path=_growth()).format()


def _evidence(data: bytes) -> None:
    evidence = ForkEvidence.parse(data)
    same(evidence.format(), data)
    assert evidence.check(KEYS) == evidence.kind
    with suppress(NotVerified):  # not every contradiction proves a fork
        assert evidence.prove(KEYS)


def _tile_paths() -> tuple[bytes, ...]:
    return b"tile/0/x001/x234/067.p/9", b"tile/entries/000.p/5", b"tile/63/999", b"tile/1/x001/000"


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="note", seeds=_notes, run=_note)
    yield Target(name="checkpoint", seeds=lambda: [Note.parse(note).text for note in _notes()], run=_checkpoint)
    yield Target(name="cosignature", seeds=_cosignature_lines, run=_cosignatures)
    yield Target(name="policy", seeds=lambda: (POLICY, NESTED), run=_policy)
    yield Target(
        name="proof", seeds=lambda: [parts["proof"].encode() for parts in (EARLY_PARTS, LATE_PARTS)], run=_proof
    )
    yield Target(name="vkey", seeds=lambda: [key.vkey().encode() for key in KEYS.values()], run=_vkey)
    yield Target(name="tile path", seeds=_tile_paths, run=_tile_path)
    yield Target(name="bundle", seeds=lambda: [encode_bundle(small_log()[0].entries)], run=_bundle)
    yield Target(name="add-checkpoint", seeds=lambda: [_witness()[0]], run=_add_checkpoint)
    yield Target(name="witness size", seeds=lambda: [b"0\n", b"3\n", b"9007199254740991\n"], run=_size)
    yield Target(name="fork evidence", seeds=_forks, run=_evidence)
