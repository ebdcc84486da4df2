r"""Receipt (`.lic-receipt`): one file with all that an offline verifier needs beside its policy and genesis.

    {"v":1,"sd_jwt":"<presentation>","proof":"c2sp.org/tlog-proof@v1\nindex 1\n…\n\n<checkpoint>",
     "head":{"jws":"<head entry>","path":["<b64>",…]},"status":{"tile":"<b64 of 64 bytes>","path":["<b64>",…]},
     "keys":[{"index":812,"entry":"<member or rule entry>"}]}

Canonical JSON, members in this order, `keys` only when not empty, at most 512 KiB. One checkpoint serves all three
proofs: of the seal (`proof`), of the status head as last leaf (`head.path`), and of the status tile under the head's
status root (`status.path`). `keys` brings member and rule entries that the verifier may not have.

Reading checks the form alone; what it means is decided in `ledger.verifier`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from ledger.attestation import MAX_PRESENTATION_BYTES
from ledger.closed import closed, integer, list_of
from ledger.encoding import JsonValue, b64_decode, b64_encode, canonical_json, parse_canonical_json
from ledger.errors import Malformed
from ledger.jws import MAX_ENTRY_BYTES
from ledger.status import TILE_BYTES
from ledger.transparency.merkle import MAX_PATH
from ledger.transparency.proof import TlogProof, parse_hashes

__all__ = [
    "MAX_KEYS",
    "MAX_RECEIPT_BYTES",
    "Receipt",
    "format_receipt",
    "parse_receipt",
    "with_presentation",
    "write_receipt",
]

MAX_RECEIPT_BYTES: Final = 512 * 1024
MAX_KEYS: Final = 256
_RECEIPT: Final = ("v", "sd_jwt", "proof", "head", "status")
_HEAD: Final = ("jws", "path")
_STATUS: Final = ("tile", "path")
_KEY: Final = ("index", "entry")
_CODE: Final = "bad_receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Parts of a receipt, none of them checked against another.

    sd_jwt: the presentation. proof: place of the seal, and the checkpoint. head: the head entry, head_path its
    inclusion at size - 1. tile: 64 bytes of statuses, status_path its inclusion under the head's root. Paths go from
    the sibling up, 32 bytes a hash. keys: (log index, entry) of member and rule entries, ascending.
    """

    sd_jwt: str
    proof: TlogProof
    head: bytes
    head_path: tuple[bytes, ...]
    tile: bytes
    status_path: tuple[bytes, ...]
    keys: tuple[tuple[int, bytes], ...] = ()

    @property
    def entry(self) -> bytes:
        """The seal: the presentation before its first `~`."""
        return self.sd_jwt.partition("~")[0].encode("utf-8")


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt of at most 512 KiB.

    Raises Malformed too_large, bad_encoding, bad_json, duplicate_member, unknown_member, bad_number, bad_base64,
    bad_receipt, bad_proof_form, bad_note.
    """
    obj = _ordered(parse_canonical_json(data, max_bytes=MAX_RECEIPT_BYTES), "receipt", _RECEIPT, ("keys",))
    integer(obj, "v", minimum=1, maximum=1)
    head, status = _ordered(obj["head"], "head", _HEAD), _ordered(obj["status"], "status", _STATUS)
    return Receipt(
        sd_jwt=_text(obj, "sd_jwt", MAX_PRESENTATION_BYTES),
        proof=TlogProof.parse(_text(obj, "proof", MAX_RECEIPT_BYTES).encode("utf-8")),
        head=_text(head, "jws", MAX_ENTRY_BYTES).encode("utf-8"),
        head_path=_head_path(*_lines(head)),
        tile=b64_decode(_text(status, "tile", 2 * TILE_BYTES), size=TILE_BYTES),
        status_path=parse_hashes(_lines(status)),
        keys=_keys(obj) if "keys" in obj else (),
    )


def _ordered(value: JsonValue, what: str, names: tuple[str, ...], last: tuple[str, ...] = ()) -> dict[str, JsonValue]:
    if isinstance(value, dict) and (*value,) == names:
        return value
    obj = closed(value, what, frozenset(names), frozenset(last), code=_CODE)
    if (*obj,) != (*names, *last):
        raise Malformed(_CODE, f"members of {what} are not in their order")
    return obj


def _text(obj: dict[str, JsonValue], name: str, max_chars: int) -> str:
    value = obj[name]
    if not isinstance(value, str):
        raise Malformed(_CODE, f"{name} is no text")
    if len(value) > max_chars:
        raise Malformed("too_large", f"{name} has more than {max_chars} characters")
    return value


def _lines(obj: dict[str, JsonValue]) -> list[bytes]:
    hashes = list_of(obj, "path", maximum=MAX_PATH, code=_CODE)
    lines = [value.encode("utf-8") for value in hashes if isinstance(value, str)]
    if len(lines) != len(hashes):
        raise Malformed(_CODE, "a hash of a path is no text")
    return lines


@lru_cache(maxsize=32)  # one head comes with many receipts
def _head_path(*lines: bytes) -> tuple[bytes, ...]:
    return parse_hashes(lines)


def _keys(obj: dict[str, JsonValue]) -> tuple[tuple[int, bytes], ...]:
    rows = [_ordered(row, "key entry", _KEY) for row in list_of(obj, "keys", maximum=MAX_KEYS, code=_CODE)]
    keys = tuple((integer(row, "index", minimum=1), _text(row, "entry", MAX_ENTRY_BYTES).encode()) for row in rows)
    indexes = [index for index, _ in keys]
    if not keys or indexes != sorted(set(indexes)):
        raise Malformed(_CODE, "keys are empty, or not ascending by index")
    return keys


def format_receipt(receipt: Receipt) -> bytes:
    """Write a receipt. Raises Malformed where parse_receipt would: what it refuses is not written."""
    data = write_receipt(receipt)
    parse_receipt(data)
    return data


def write_receipt(receipt: Receipt) -> bytes:
    """Write a receipt of parts that a log has checked before it kept them; only their number can be too great.

    Raises Malformed too_large: more key entries, or bytes, than parse_receipt takes.
    """
    document: dict[str, JsonValue] = {
        "v": 1,
        "sd_jwt": receipt.sd_jwt,
        "proof": receipt.proof.format().decode("utf-8"),
        "head": {"jws": receipt.head.decode("utf-8"), "path": [b64_encode(node) for node in receipt.head_path]},
        "status": {"tile": b64_encode(receipt.tile), "path": [b64_encode(node) for node in receipt.status_path]},
    }
    if receipt.keys:
        document["keys"] = [{"index": index, "entry": entry.decode("utf-8")} for index, entry in receipt.keys]
    data = canonical_json(document)
    if len(receipt.keys) > MAX_KEYS or len(data) > MAX_RECEIPT_BYTES:
        raise Malformed("too_large", f"a receipt has at most {MAX_KEYS} key entries and {MAX_RECEIPT_BYTES} bytes")
    return data


def with_presentation(data: bytes, sd_jwt: str) -> bytes:
    """Put a presentation of the same seal into a receipt, as the holder does who shows some claims.

    Raises Malformed bad_receipt (another seal), and as parse_receipt.
    """
    receipt = parse_receipt(data)
    shown = replace(receipt, sd_jwt=sd_jwt)
    if shown.entry != receipt.entry:
        raise Malformed(_CODE, "the presentation is of another seal than the receipt")
    return format_receipt(shown)
