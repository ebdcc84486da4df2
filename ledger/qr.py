"""QR code: what the holder shows on a phone, as one text in a code's alphanumeric mode.

    "LIC1:" base45(zlib(presentation || 0x00 || tail))

    presentation   SD-JWT with the shown disclosures: <jwt>~<disclosure>~…~ (ledger.attestation)
    tail, pointer  uint64be index
    tail, landmark uint64be index || uint64be landmark size || uint8 n || n * 32 bytes

`index` is the seal's place in the log. The landmark form brings the seal's inclusion path (sibling first) in the tree
of that size; whoever synced knows its root. A pointer proves no place: anyone can write another index into it, so it is
worth nothing before the path has come from elsewhere. Both leave out what a receipt has beside: checkpoint,
cosignatures, status head and status proof. Those stand in the verifier's sync folder (`ledger.qr_verifier`).

At most 4,296 characters, which a code of version 40 holds, and 64 KiB inflated. Source of base45: RFC 9285.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.attestation import MAX_PRESENTATION_BYTES
from ledger.base45 import base45_decode, base45_encode
from ledger.deflated import deflate, inflate
from ledger.encoding import MAX_INTEGER
from ledger.errors import Malformed
from ledger.transparency.merkle import HASH_BYTES, MAX_PATH

__all__ = ["MAX_QR_CHARS", "QR_PREFIX", "LandmarkPath", "QrPayload", "format_qr", "parse_qr"]

QR_PREFIX: Final = "LIC1:"
MAX_QR_CHARS: Final = 4296
_END: Final = b"\x00"  # no SD-JWT holds it
_NUMBER_BYTES: Final = 8
_COUNT_AT: Final = 2 * _NUMBER_BYTES
_PATH_AT: Final = _COUNT_AT + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkPath:
    """Inclusion path of the seal in the tree of `size` entries: sibling hashes from the leaf up, 0..63 of 32 bytes."""

    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QrPayload:
    """Parts of a code, none of them checked against another. index: of the seal. landmark: None in a pointer."""

    presentation: str
    index: int
    landmark: LandmarkPath | None = None

    @property
    def entry(self) -> bytes:
        """The seal: the presentation before its first `~`."""
        return self.presentation.partition("~")[0].encode("utf-8")


def format_qr(payload: QrPayload) -> str:
    """Write the text of a code. Raises Malformed bad_qr, too_large where parse_qr would."""
    tail = _number(payload.index)
    if payload.landmark is not None:
        path = payload.landmark.path[: MAX_PATH + 1]
        tail += _number(payload.landmark.size) + len(path).to_bytes(1, "big") + b"".join(path)
    stream = deflate(payload.presentation.encode("utf-8") + _END + tail)
    text = QR_PREFIX + base45_encode(stream)
    if parse_qr(text) != payload:
        raise Malformed("bad_qr", "a presentation without NUL and a path of whole hashes are expected")
    return text


def parse_qr(text: str) -> QrPayload:
    """Read the text of a code. Raises Malformed too_large, bad_qr, bad_base45, bad_encoding, bad_number."""
    if len(text) > MAX_QR_CHARS:
        raise Malformed("too_large", f"a code has at most {MAX_QR_CHARS} characters, this text has {len(text)}")
    if not text.startswith(QR_PREFIX):
        raise Malformed("bad_qr", f"expected a text that begins with {QR_PREFIX}")
    data = inflate(base45_decode(text[len(QR_PREFIX) :]), max_bytes=MAX_PRESENTATION_BYTES)
    presentation, end, tail = data.partition(_END)
    if not end:
        raise Malformed("bad_qr", "the presentation has no end")
    index, landmark = _tail(tail)
    try:
        return QrPayload(presentation=presentation.decode("utf-8"), index=index, landmark=landmark)
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", "the presentation is no UTF-8") from error


def _tail(tail: bytes) -> tuple[int, LandmarkPath | None]:
    if len(tail) == _NUMBER_BYTES:
        return _read_number(tail), None
    if len(tail) < _PATH_AT or len(tail) != _PATH_AT + tail[_COUNT_AT] * HASH_BYTES or tail[_COUNT_AT] > MAX_PATH:
        raise Malformed("bad_qr", f"after the presentation: an index, or an index and a path of 0..{MAX_PATH} hashes")
    path = tuple(tail[start : start + HASH_BYTES] for start in range(_PATH_AT, len(tail), HASH_BYTES))
    size = _read_number(tail[_NUMBER_BYTES:_COUNT_AT])
    return _read_number(tail[:_NUMBER_BYTES]), LandmarkPath(size=size, path=path)


def _read_number(data: bytes) -> int:
    number = int.from_bytes(data, "big")
    if number > MAX_INTEGER:
        raise Malformed("bad_number", f"an index or a size is above {MAX_INTEGER}")
    return number


def _number(number: int) -> bytes:
    if not 0 <= number <= MAX_INTEGER:
        raise Malformed("bad_number", f"an index or a size is not in 0..{MAX_INTEGER}")
    return number.to_bytes(_NUMBER_BYTES, "big")
