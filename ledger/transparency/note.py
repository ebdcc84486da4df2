"""Signed note: text with signature lines, and the keys that check them.

    hub.example/ledger                                            the text: its last newline belongs to it
    3
    xuez9zi14s2qcuOkX4rnobKvrsZQ7+7pRdPGR4qTmog=
                                                                  the *last* empty line ends the text
    — hub.example/ledger 4kQEUE0pBSrW…                            U+2014, space, name, space, b64(key ID || signature)

    vkey      name "+" 8 hex digits of the key ID "+" b64(type || public key)
    key ID    first 4 bytes of H(name || 0x0A || type || public key)

    type  meaning                          public key     trusted here
    0x01  Ed25519 over the text            32 bytes       as a log
    0x04  timestamped Ed25519 cosignature  32 bytes       as a witness (`ledger.transparency.checkpoint`)
    0x06  timestamped ML-DSA-44            1,312 bytes    read, and its signatures passed over

Other types (0x02 ECDSA, 0x05 RFC 6962 tree heads, 0xff private) are neither written nor read.

Source: c2sp.org/signed-note@v1.0.0.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ledger.encoding import b64_decode, b64_encode
from ledger.errors import Malformed, NotVerified
from ledger.signers import Signer
from ledger.suites import PublicKey, load_public_key, verify

__all__ = [
    "COSIGNATURE_ED25519",
    "COSIGNATURE_ML_DSA_44",
    "MAX_LINES",
    "MAX_NOTE_BYTES",
    "NOTE_ED25519",
    "Keyring",
    "Note",
    "NoteSignature",
    "VerifierKey",
    "check_note_signature",
    "key_id",
    "keyring",
    "parse_signature_lines",
    "sign_note",
    "verify_note",
]

NOTE_ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
COSIGNATURE_ML_DSA_44: Final = 0x06

MAX_LINES: Final = 64
MAX_NOTE_BYTES: Final = 256 * 1024  # an ML-DSA-44 line has about 3.3 kB
_MAX_VKEY_CHARS: Final = 4096
_ID_BYTES: Final = 4
_DASH: Final = "\u2014 "
_NAME: Final = re.compile(r"[^\s+\x00-\x1f]+")  # `\s` is every Unicode space
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")  # of U+0000 to U+001F only newline may stand in a note
_KEY_BYTES: Final = {NOTE_ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_ML_DSA_44: 1312}


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """First 4 bytes of H(name || 0x0A || type || public key)."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + public_key).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key that checks note signatures of one name.

    name: not empty, no Unicode space, no `+`. kind: the signature type. public_key: raw, as long as the type says.
    id: 4 bytes, computed. Raises Malformed bad_vkey, weak_key.
    """

    name: str
    kind: int
    public_key: bytes = field(repr=False)
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise Malformed("bad_vkey", "key name is empty or holds a space, a control character or +")
        if len(self.public_key) != _KEY_BYTES.get(self.kind):
            raise Malformed("bad_vkey", f"signature type {self.kind} is unknown, or its key has another length")
        if self.kind != COSIGNATURE_ML_DSA_44:
            load_public_key("Ed25519", self.public_key, None)
        object.__setattr__(self, "id", key_id(self.name, self.kind, self.public_key))

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Read a vkey; the ID in it must be the one that its key gives. Raises Malformed bad_vkey, weak_key."""
        parts = vkey.split("+", 2)  # a name holds no `+`, base64 may
        if len(parts) != 3 or len(vkey) > _MAX_VKEY_CHARS:
            raise Malformed("bad_vkey", "expected name+id+key")
        try:
            typed_key = b64_decode(parts[2])
            key = cls(name=parts[0], kind=typed_key[0] if typed_key else 0, public_key=typed_key[1:])
        except (Malformed, UnicodeEncodeError) as error:
            code = "weak_key" if isinstance(error, Malformed) and error.code == "weak_key" else "bad_vkey"
            raise Malformed(code, "vkey holds no usable name and key") from error
        if key.vkey() != vkey:
            raise Malformed("bad_vkey", f"vkey has another ID than its key, {key.id.hex()}")
        return key

    @classmethod
    def of(cls, name: str, kind: int, signer: Signer) -> VerifierKey:
        """Name the public half of an Ed25519 signer. Raises Malformed bad_vkey, unknown_alg."""
        public_key = signer.public_key
        if public_key.alg != "Ed25519":
            raise Malformed("unknown_alg", "notes and cosignatures are signed with Ed25519")
        return cls(name=name, kind=kind, public_key=public_key.x)

    def vkey(self) -> str:
        """Write the key as text."""
        return f"{self.name}+{self.id.hex()}+{b64_encode(bytes([self.kind]) + self.public_key)}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a bare Ed25519 signature. Raises NotVerified bad_signature."""
        verify(PublicKey("Ed25519", self.public_key, None), message, signature)


Keyring: TypeAlias = Mapping[tuple[str, bytes], VerifierKey]
"""Known keys by (name, ID), as signature lines name them."""


def keyring(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    """Index keys for verification. Raises Malformed bad_vkey: two different keys share name and ID."""
    ring: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if ring.setdefault((key.name, key.id), key) != key:
            raise Malformed("bad_vkey", "two keys share one name and ID")  # a line could not say which one signed
    return ring


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line. blob: what follows the key ID, as long as the type of the key says."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> bytes:
        """Write the line, newline included."""
        return f"{_DASH}{self.name} {b64_encode(self.key_id + self.blob)}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note whose signatures are not yet checked. text: UTF-8, ends in newline, no control character but newline."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a note: at most 256 KiB and 1..64 signature lines. Raises Malformed too_large, bad_note."""
        if len(data) > MAX_NOTE_BYTES:
            raise Malformed("too_large", f"note has {len(data)} bytes, at most {MAX_NOTE_BYTES} are read")
        split = data.rfind(b"\n\n") + 1
        if not split:
            raise Malformed("bad_note", "note has no empty line before its signatures")
        _check_text(data[:split])
        return cls(text=data[:split], signatures=parse_signature_lines(data[split + 1 :]))

    def format(self) -> bytes:
        """Write the note, lines in their order."""
        return self.text + b"\n" + b"".join(signature.line() for signature in self.signatures)


def parse_signature_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Read 1..64 signature lines, each ended by newline. Raises Malformed bad_note."""
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("bad_note", "note is not UTF-8") from error
    if lines.pop() or not 0 < len(lines) <= MAX_LINES:
        raise Malformed("bad_note", f"expected 1 to {MAX_LINES} signature lines, each ended by newline")
    return tuple(_parse_line(line) for line in lines)


def _parse_line(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not (line.startswith(_DASH) and space and _is_name(name)):
        raise Malformed("bad_note", "expected a dash, a key name and a signature")
    try:
        data = b64_decode(encoded)
    except Malformed as error:
        raise Malformed("bad_note", "signature is not base64") from error
    if len(data) <= _ID_BYTES:
        raise Malformed("bad_note", "signature line holds no signature")
    return NoteSignature(name=name, key_id=data[:_ID_BYTES], blob=data[_ID_BYTES:])


def check_note_signature(text: bytes, signature: NoteSignature, key: VerifierKey) -> None:
    """Check a signature of type 0x01 over the text, its final newline included. Raises NotVerified bad_signature."""
    if key.kind != NOTE_ED25519:
        raise NotVerified("bad_signature", "the key is no note key")
    key.verify(text, signature.blob)


def verify_note(note: Note, keys: Keyring) -> tuple[VerifierKey, ...]:
    """Check every line whose key is known, and return those keys in line order, none twice.

    Unknown keys are passed over. A known key whose signature fails makes the note invalid, and so does the want of any
    known one. Keys are of type 0x01; for checkpoints with cosignatures see `ledger.transparency.checkpoint`.
    Raises NotVerified bad_signature.
    """
    signed: dict[VerifierKey, None] = {}
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is not None and key not in signed:
            check_note_signature(note.text, signature, key)
            signed[key] = None
    if not signed:
        raise NotVerified("bad_signature", "no signature by a known key")
    return tuple(signed)


def sign_note(text: bytes, name: str, signer: Signer) -> Note:
    """Sign a text as a note of one Ed25519 signature. Raises Malformed bad_note, bad_vkey, unknown_alg."""
    _check_text(text)
    key = VerifierKey.of(name, NOTE_ED25519, signer)
    return Note(text=text, signatures=(NoteSignature(name=name, key_id=key.id, blob=signer.sign(text)),))


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _check_text(text: bytes) -> None:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("bad_note", "note is not UTF-8") from error
    if not decoded.endswith("\n") or _CONTROL.search(decoded):
        raise Malformed("bad_note", "note text has no final newline, or a control character")
