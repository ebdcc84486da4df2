"""Checkpoint: the signed head of the log, and the cosignatures under it.

    hub.example/ledger                                origin = name of the log key
    3                                                 size, decimal
    xuez9zi14s2qcuOkX4rnobKvrsZQ7+7pRdPGR4qTmog=      root, b64 of 32 bytes

Exactly three lines: a checkpoint with extension lines is valid C2SP, but Malformed here, because nobody audits them and
older cosigners do not sign them. A cosignature (type 0x04) is `uint64 big-endian time || 64 bytes`, the Ed25519
signature over

    cosignature/v1
    time 1780300921
    <the whole note text>

and says: at that time (POSIX seconds) this was the largest consistent tree that the cosigner had seen.

Source: c2sp.org/tlog-checkpoint@v1.0.0, c2sp.org/tlog-cosignature@v1.0.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.encoding import b64_decode, b64_encode, parse_decimal
from ledger.errors import Malformed, NotVerified
from ledger.signers import Signer
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    NOTE_ED25519,
    Keyring,
    Note,
    NoteSignature,
    VerifierKey,
    check_note_signature,
    sign_note,
)

__all__ = [
    "Checkpoint",
    "SignedCheckpoint",
    "cosign",
    "cosignature_time",
    "cut_to_log",
    "sign_checkpoint",
    "verify_checkpoint",
    "verify_cosignature",
    "with_cosignatures",
]

_MAX_CHECKPOINT_BYTES: Final = 4096
_MAX_TIME: Final = 2**63 - 1
_TIME_BYTES: Final = 8
_COSIGNATURE_BYTES: Final = _TIME_BYTES + 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Head of a log at one size. origin: one line, not empty. size: 0..2^53-1. root: 32 bytes."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """Read the text of a checkpoint note, final newline included. Raises Malformed bad_checkpoint."""
        lines = text.split(b"\n", 4)
        if len(text) > _MAX_CHECKPOINT_BYTES or len(lines) != 4 or not lines[0] or lines[3]:
            raise Malformed("bad_checkpoint", "expected exactly three lines: origin, size, root")
        try:
            size = parse_decimal(lines[1].decode("ascii"))
            root = b64_decode(lines[2].decode("ascii"), size=HASH_BYTES)
            return cls(origin=lines[0].decode("utf-8"), size=size, root=root)
        except (Malformed, UnicodeDecodeError) as error:
            raise Malformed("bad_checkpoint", "checkpoint holds no decimal size or no root of 32 bytes") from error

    def text(self) -> bytes:
        """Write the text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64_encode(self.root)}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint whose signatures were checked.

    log: the key that signed as its origin. cosignatures: time of each known cosigner, POSIX seconds.
    """

    checkpoint: Checkpoint
    log: VerifierKey
    cosignatures: Mapping[VerifierKey, int]


def sign_checkpoint(checkpoint: Checkpoint, name: str, signer: Signer) -> bytes:
    """Sign as the log `name`, which must be the origin, and return the note. Raises Malformed bad_checkpoint."""
    if name != checkpoint.origin:
        raise Malformed("bad_checkpoint", "the origin of a checkpoint is the name of the log key")
    return sign_note(checkpoint.text(), name, signer).format()


def cosign(note_text: bytes, name: str, signer: Signer, time: int) -> NoteSignature:
    """Cosign the text of a checkpoint note at `time`, POSIX seconds, 1..2^63-1. Raises Malformed bad_number."""
    if not 0 < time <= _MAX_TIME:
        raise Malformed("bad_number", "a cosignature has a time from 1 to 2^63 - 1")
    key = VerifierKey.of(name, COSIGNATURE_ED25519, signer)
    signature = signer.sign(_cosigned_message(note_text, time))
    return NoteSignature(name=name, key_id=key.id, blob=time.to_bytes(_TIME_BYTES, "big") + signature)


def verify_cosignature(note_text: bytes, signature: NoteSignature, key: VerifierKey) -> int:
    """Check a cosignature of type 0x04 and return its time, POSIX seconds. Raises NotVerified bad_signature."""
    if key.kind != COSIGNATURE_ED25519 or len(signature.blob) != _COSIGNATURE_BYTES:
        raise NotVerified("bad_signature", f"expected a cosignature of {_COSIGNATURE_BYTES} bytes")
    time = cosignature_time(signature)
    if not 0 < time <= _MAX_TIME:
        raise NotVerified("bad_signature", "cosignature has no time")
    key.verify(_cosigned_message(note_text, time), signature.blob[_TIME_BYTES:])
    return time


def cosignature_time(signature: NoteSignature) -> int:
    """Give the time that a cosignature states, POSIX seconds; whether it holds is not looked at."""
    return int.from_bytes(signature.blob[:_TIME_BYTES], "big")


def _cosigned_message(note_text: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (time, note_text)


def verify_checkpoint(note: Note, keys: Keyring) -> SignedCheckpoint:
    """Check every line whose key is known; one must be of the log that the origin names.

    keys: logs (type 0x01) and cosigners (0x04). A line of an unknown key, of an ML-DSA-44 key, or the second of one
    key is passed over; a known key whose signature fails makes the whole note invalid, even beside a full quorum.
    Raises Malformed bad_checkpoint; NotVerified bad_signature.
    """
    checkpoint = Checkpoint.parse(note.text)
    log: VerifierKey | None = None
    seen: set[VerifierKey] = set()
    cosignatures: dict[VerifierKey, int] = {}
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None or key in seen or key.kind == COSIGNATURE_ML_DSA_44:
            continue
        seen.add(key)
        if key.kind == COSIGNATURE_ED25519:
            cosignatures[key] = verify_cosignature(note.text, signature, key)
            continue
        check_note_signature(note.text, signature, key)
        log = key if key.name == checkpoint.origin and log is None else log
    if log is None:
        raise NotVerified("bad_signature", "no signature of a known log with this origin")
    return SignedCheckpoint(checkpoint=checkpoint, log=log, cosignatures=cosignatures)


def cut_to_log(note: Note, keys: Keyring) -> Note:
    """Leave of a checkpoint note the one line of its log that `verify_checkpoint` goes by; it is not checked here.

    Anyone can put lines of unknown keys under a note, with names and signatures as long as the note may be. What is
    kept or passed on for its text does without them. Raises Malformed bad_checkpoint; NotVerified bad_signature.
    """
    origin = Checkpoint.parse(note.text).origin
    for line in note.signatures:
        key = keys.get((line.name, line.key_id))
        if key is not None and (key.name, key.kind) == (origin, NOTE_ED25519):
            return Note(text=note.text, signatures=(line,))
    raise NotVerified("bad_signature", "no signature of a known log with this origin")


def with_cosignatures(note: Note, cosignatures: list[NoteSignature]) -> Note:
    """Put cosignatures under the first line of a note, in the order of their names, as our writer orders them."""
    ordered = sorted(cosignatures, key=lambda signature: (signature.name, signature.key_id))
    return Note(text=note.text, signatures=(note.signatures[0], *ordered))
