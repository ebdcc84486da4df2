"""What a county's folder keeps of one holder: found by the keyed hash, given out in the clear, erased.

    stated   the county's own statement in the journal, signed: digests, dates, the keyed hash
    face     the license's claims; null once erased

Which licenses are a holder's is what the county stated of them (`outbox.journal`): faces are encrypted, and nothing in
the folder looks a person up by name or number. Erasing a face deletes its data key, its salts and its disclosures. What
stays is the seal's digests and the keyed hash: without the deleted salts a digest fits every value, and without the
alliance's holder key a hash fits every number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.journal.records import parse_license_record
from hub.progress import Progress, silent
from ledger.attestation import SdJwt
from ledger.encoding import JsonValue

if TYPE_CHECKING:
    from pathlib import Path

    from hub.county.node import CountyNode

__all__ = ["HeldLicense", "Traces", "erase_faces", "licenses_of", "personal_texts", "traces_in"]

_WHAT: Final = "licenses"
_CHUNK: Final = 1 << 20
_PERSONAL: Final = ("certificateHolderName", "certificateHolderCode", "certificateNumber")
_SHORTEST: Final = 4  # bytes; less stands everywhere by chance


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLicense:
    """One license of a holder. stated: payload of the county's statement. face: claims by name, None once erased."""

    identifier: str
    log_index: int | None
    stated: Mapping[str, JsonValue]
    face: Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a search for texts came to: files and bytes read, and the names of files in which one stands."""

    files: int
    bytes: int
    found: tuple[str, ...]


def licenses_of(node: CountyNode, key: str, *, progress: Progress = silent) -> list[HeldLicense]:
    """Find the licenses that this county stated of a holder, by the keyed hash, in the order in which they were sealed.

    Reads every statement of the folder once. Raises NotVerified corrupt_store.
    """
    found: list[HeldLicense] = []
    total = node.records.count()
    for item in node.outbox.stated_seals():
        progress(_WHAT, 1, total)
        record = parse_license_record(item.journal or b"")
        if key in record.holders:
            face = node.records.face(item.identifier)
            values = None if face is None else face.values()
            found.append(
                HeldLicense(
                    identifier=item.identifier, log_index=item.log_index, stated=record.jws.payload, face=values
                )
            )
    return found


def personal_texts(node: CountyNode, licenses: Iterable[HeldLicense]) -> frozenset[bytes]:
    """Give what must be found nowhere once the faces are erased: names, numbers, salts and disclosures, as bytes."""
    texts: set[bytes] = set()
    for license_ in licenses:
        face = node.records.face(license_.identifier)
        for disclosure in () if face is None else SdJwt.parse(face.sd_jwt).disclosures:
            texts.add(disclosure.text.encode("ascii"))
            texts.add(disclosure.salt.encode())
            if disclosure.name in _PERSONAL:
                texts.update(each.encode() for each in _strings(disclosure.value))
    return frozenset(text for text in texts if len(text) >= _SHORTEST)


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def erase_faces(node: CountyNode, licenses: Iterable[HeldLicense]) -> list[str]:
    """Erase the faces that are still there; gives their identifiers. Raises Unavailable store_stopped: erase again."""
    erased: list[str] = []
    for license_ in licenses:
        if license_.face is not None:
            node.erase(license_.identifier)
            erased.append(license_.identifier)
    return erased


def traces_in(folder: Path, texts: frozenset[bytes]) -> Traces:
    """Search every file of a folder, byte for byte, for texts."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = tuple(str(path.relative_to(folder)) for path in files if _holds(path, texts))
    return Traces(files=len(files), bytes=sum(path.stat().st_size for path in files), found=found)


def _holds(path: Path, texts: frozenset[bytes]) -> bool:
    overlap = max(map(len, texts), default=1) - 1
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            if any(text in window for text in texts):
                return True
            tail = window[-overlap:] if overlap else b""
    return False
