r"""Witness: decides whether a checkpoint may be cosigned, and what a log sends to ask for it.

    POST <submission prefix>/add-checkpoint

    old 3                                             size of the last checkpoint that the witness cosigned
    <b64 hash>                                        0..63 lines: consistency proof from there
                                                      empty line
    <checkpoint>                                      the note, signed by the log

    200  one cosignature line      409  "<size>\n", text/x.tlog.size: the size to prove growth from

A witness cosigns only what is grown from what it cosigned last, so it needs one record a log (`Latest`) and one atomic
step. The decision is made here and touches nothing. The caller reads `Latest`, decides, stores the new one durably, all
in one transaction, and answers only after that; otherwise two requests could roll the witness back.

    GET <monitoring prefix>/<lower-case hex H(origin)>/checkpoint        `Latest.note`, 404 if there is none

Source: c2sp.org/tlog-witness@v1.0.0; `sign-subtree` is optional and left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ledger.encoding import parse_decimal
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from ledger.signers import Signer
from ledger.transparency.checkpoint import Checkpoint, cosign, cut_to_log, verify_checkpoint, verify_cosignature
from ledger.transparency.merkle import EMPTY_ROOT, verify_consistency
from ledger.transparency.note import (
    COSIGNATURE_ED25519,
    NOTE_ED25519,
    Keyring,
    Note,
    NoteSignature,
    VerifierKey,
    parse_signature_lines,
)
from ledger.transparency.proof import format_hashes, parse_hashes

__all__ = [
    "MAX_REQUEST_BYTES",
    "AddCheckpoint",
    "Cosignature",
    "Decision",
    "Latest",
    "decide",
    "monitoring_path",
    "read_cosignatures",
    "read_size",
    "refuse_malformed",
]

MAX_REQUEST_BYTES: Final = 256 * 1024
_TEXT: Final = "text/plain; charset=utf-8"
_SIZE: Final = "text/x.tlog.size"
_MAX_SIZE_BYTES: Final = 17
_TIME_BYTES: Final = 8  # in front of a cosignature


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """Body of an add-checkpoint request. old_size: 0..2^53-1. path: consistency proof, 32 bytes each, at most 63."""

    old_size: int
    path: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint

    @classmethod
    def of(cls, old_size: int, path: tuple[bytes, ...], note: bytes) -> AddCheckpoint:
        """Ask for a cosignature of a signed checkpoint. Raises Malformed bad_note, bad_checkpoint."""
        parsed = Note.parse(note)
        return cls(old_size=old_size, path=path, note=parsed, checkpoint=Checkpoint.parse(parsed.text))

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a body of at most 256 KiB.

        Raises Malformed too_large, bad_request, bad_number, bad_proof_form, bad_note, bad_checkpoint.
        """
        if len(body) > MAX_REQUEST_BYTES:
            raise Malformed("too_large", f"request has {len(body)} bytes, at most {MAX_REQUEST_BYTES} are read")
        head, empty_line, note = body.partition(b"\n\n")
        first, *hashes = head.split(b"\n")
        if not (empty_line and first.startswith(b"old ") and first.isascii()):
            raise Malformed("bad_request", "expected an old size, hashes, an empty line and a checkpoint")
        return cls.of(parse_decimal(first.removeprefix(b"old ").decode("ascii")), parse_hashes(hashes), note)

    def cut(self, logs: Keyring) -> AddCheckpoint:
        """Give the same with the log's own signature line alone. Raises NotVerified bad_signature: there is none."""
        return replace(self, note=cut_to_log(self.note, logs))

    def format(self) -> bytes:
        """Write the body."""
        return b"old %d\n%b\n%b" % (self.old_size, format_hashes(self.path), self.note.format())


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """What a witness keeps of one log: the last checkpoint that it cosigned.

    time: of the cosignature, POSIX seconds. note: with the signatures of the log and of the witness, in this order.
    """

    size: int
    root: bytes
    time: int
    note: bytes

    def check(self, *, cosigned: bool = True) -> Checkpoint:
        """Compare the fields with the note, which no signature is checked of, and give its checkpoint.

        cosigned: False where the time is of another clock than the cosigner's. Raises NotVerified corrupt_store.
        """
        try:
            note = Note.parse(self.note)
            held = Checkpoint.parse(note.text)
            time = int.from_bytes(note.signatures[-1].blob[:_TIME_BYTES], "big") if cosigned else self.time
        except (TongbanError, AttributeError, TypeError) as error:  # a damaged row may hold values of any type
            raise NotVerified("corrupt_store", f"the checkpoint cosigned last cannot be read: {error}") from error
        if (held.size, held.root, time) != (self.size, self.root, self.time):
            raise NotVerified("corrupt_store", "the checkpoint cosigned last is not what its note says")
        return held


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to a request, and what to do before it is sent.

    latest: set with status 200 only: store it first, durably. evidence: refused although a trusted log signed it: keep
    the request, once a checkpoint, as it may prove that the log forked.
    """

    status: int
    content_type: str
    body: bytes
    latest: Latest | None = None
    evidence: bool = False


def refuse_malformed(error: Malformed) -> Decision:
    """Answer a body that cannot be read: 413 if it is too large, 408 if it came too slowly, else 400."""
    return Decision(status=error.http_status, content_type=_TEXT, body=_message(error))


def decide(
    request: AddCheckpoint, latest: Latest | None, *, logs: Keyring, name: str, signer: Signer, now: int
) -> Decision:
    """Check a request in the order of the specification and cosign if all holds.

    latest: what is stored for the origin of the request, None if nothing is. logs: trusted log keys, type 0x01. name,
    signer: of the witness, Ed25519. now: POSIX seconds; a clock that went back does not take the time back.
    """
    case = _Case(request=request, latest=latest, logs=logs)
    signed = False
    for status, check in _CHECKS:
        try:
            check(case)
        except TongbanError as error:
            size_only = status == 409
            body = b"%d\n" % case.known_size if size_only else _message(error)
            return Decision(status=status, content_type=_SIZE if size_only else _TEXT, body=body, evidence=signed)
        signed = signed or check is _check_signature
    return _cosigned(case, name, signer, now if latest is None else max(now, latest.time))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    request: AddCheckpoint
    latest: Latest | None
    logs: Keyring

    @property
    def known_size(self) -> int:
        return 0 if self.latest is None else self.latest.size


def _check_origin(case: _Case) -> None:
    origins = {key.name for key in case.logs.values() if key.kind == NOTE_ED25519}
    if case.request.checkpoint.origin not in origins:
        raise NotVerified("unknown_kid", "no log of this origin is known here")


def _check_signature(case: _Case) -> None:
    verify_checkpoint(case.request.note, case.logs)


def _check_old_size(case: _Case) -> None:
    if case.request.old_size > case.request.checkpoint.size:
        raise Malformed("bad_request", "the old size is above the size of the checkpoint")


def _check_latest(case: _Case) -> None:
    if case.request.old_size != case.known_size:
        raise Conflict("stale_prev", "the old size is not that of the latest cosigned checkpoint")


def _check_growth(case: _Case) -> None:
    # With size 0 this also asks for the root of the empty tree: the known root is then that root.
    old_root = EMPTY_ROOT if case.latest is None else case.latest.root
    new, request = case.request.checkpoint, case.request
    verify_consistency(request.old_size, new.size, old_root, new.root, request.path)


_CHECKS: Final[tuple[tuple[int, Callable[[_Case], None]], ...]] = (
    (404, _check_origin),
    (403, _check_signature),
    (400, _check_old_size),
    (409, _check_latest),
    (422, _check_growth),
)


def _cosigned(case: _Case, name: str, signer: Signer, time: int) -> Decision:
    note, checkpoint = cut_to_log(case.request.note, case.logs), case.request.checkpoint
    cosignature = cosign(note.text, name, signer, time)
    kept = Note(text=note.text, signatures=(*note.signatures, cosignature)).format()
    latest = Latest(size=checkpoint.size, root=checkpoint.root, time=time, note=kept)
    return Decision(status=200, content_type=_TEXT, body=cosignature.line(), latest=latest)


def _message(error: TongbanError) -> bytes:
    return error.message.encode("utf-8") + b"\n"


def monitoring_path(origin: str) -> str:
    """Path below the monitoring prefix where a witness serves its latest checkpoint of a log."""
    return f"{hashlib.sha256(origin.encode('utf-8')).hexdigest()}/checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A cosignature that was checked. time: POSIX seconds. signature: the line that carries it."""

    key: VerifierKey
    time: int
    signature: NoteSignature


def read_size(body: bytes) -> int:
    """Read the body of a 409: the size that the witness knows. Raises Malformed bad_number."""
    if len(body) > _MAX_SIZE_BYTES or not body.endswith(b"\n") or not body.isascii():
        raise Malformed("bad_number", "expected a decimal size and a newline")
    return parse_decimal(body[:-1].decode("ascii"))


def read_cosignatures(body: bytes, note_text: bytes, keys: Keyring) -> tuple[Cosignature, ...]:
    """Read the body of a 200: cosignatures over the text that was sent, one a known key; others are passed over.

    Raises Malformed bad_note; NotVerified bad_signature: one of a known key fails, or none is of a known key.
    """
    found: dict[VerifierKey, Cosignature] = {}
    for signature in parse_signature_lines(body):
        key = keys.get((signature.name, signature.key_id))
        if key is not None and key.kind == COSIGNATURE_ED25519 and key not in found:
            time = verify_cosignature(note_text, signature, key)
            found[key] = Cosignature(key=key, time=time, signature=signature)
    if not found:
        raise NotVerified("bad_signature", "no cosignature of a known witness")
    return tuple(found.values())
