"""What an answer must hold: each check takes the parsed answer of one operation and raises ValueError if it is wrong.

An answer that is right as far as it goes, and says of each part that is missing why, is partial: `PartialAnswerError`.
A fast wrong answer is worth nothing, so every answer of every load test goes through one of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import HASH_BYTES, leaf_hash
from ledger.transparency.note import Note
from ledger.transparency.tiles import ENTRIES, TILE_WIDTH, TilePath, decode_bundle
from loadtests.population import Holder

__all__ = [
    "PartialAnswerError",
    "bundle_paths",
    "check_bundle",
    "check_case",
    "check_checkpoint",
    "check_faces",
    "check_licenses",
    "check_offering",
    "check_own",
    "check_reads",
    "check_receipt",
    "check_statistics",
    "check_verdict",
    "checkpoint_size",
    "tile_of_hashes",
]


_LATE: Final = frozenset({"deadline", "source_unavailable"})


class PartialAnswerError(ValueError):
    """What is there is right; what is missing has a code that says so."""


def _root(answer: Mapping[str, Any], name: str) -> Any:
    """Give a root field's value. Raises ValueError when there is none, or an error beside it."""
    value = (answer.get("data") or {}).get(name)
    if answer.get("errors") or value is None:
        raise ValueError(f"{name}: no value, errors {answer.get('errors')}")
    return value


def _nodes(answer: Mapping[str, Any], holder: Holder) -> list[dict[str, Any]]:
    nodes = [edge["node"] for edge in _root(answer, "licenses")["edges"]]
    found = tuple(node["certificateIdentifier"] for node in nodes)
    if found != holder.identifiers:
        raise ValueError(f"licenses: expected {len(holder.identifiers)} of this holder, got {len(found)} or others")
    return nodes


def check_licenses(answer: Mapping[str, Any], holder: Holder) -> None:
    """`licenses.graphql`: exactly the holder's licenses, in order, with type, authority and place."""
    for node in _nodes(answer, holder):
        if not (node["status"] and node["type"]["name"] and node["issuedBy"]["jurisdiction"]["name"]):
            raise ValueError("licenses: a license lacks its status, type or authority")


def check_faces(answer: Mapping[str, Any], holder: Holder) -> None:
    """`faces.graphql`: the same licenses, and on each face the holder's own code.

    Raises PartialAnswerError where a county did not answer in time, and all other faces are right.
    """
    late: set[str] = set()
    for node in _nodes(answer, holder):
        face = node["face"]
        if face is None or face.get("code", "deadline") not in _LATE:
            raise ValueError(f"faces: missing, {face and face['code']}")
        if "code" in face:
            late.add(face["code"])
        elif holder.code not in face["certificateHolderCode"]:
            raise ValueError("faces: a face of another holder")
    if late:
        raise PartialAnswerError(f"faces: missing, {', '.join(sorted(late))}")


def check_receipt(answer: Mapping[str, Any]) -> str:
    """`receipt.graphql`: a receipt of the license that the graph names; gives its text."""
    value = _root(answer, "receipt")
    result = value["result"]
    if "text" not in result:
        raise ValueError(f"receipt: {result['code']}")
    if result["logIndex"] != value["logIndex"]:
        raise ValueError("receipt: of another log index than the license")
    return str(result["text"])


def check_verdict(answer: Mapping[str, Any]) -> None:
    """`verify.graphql`: VALID, in the clerk's word too, with all fourteen steps passed."""
    verdict = _root(answer, "verify")
    outcome, word = verdict.get("outcome", verdict.get("code")), verdict.get("clerkText")
    if (outcome, word) != ("VALID", "有效"):
        raise ValueError(f"verify: expected VALID 有效, got {outcome} {word}")
    if [step["state"] for step in verdict["steps"]] != ["PASSED"] * 14:
        raise ValueError("verify: VALID without fourteen passed steps")


def check_offering(answer: Mapping[str, Any], matter: str, county: str) -> None:
    """`offering.graphql`: that county's offering of that matter, with materials."""
    offering = _root(answer, "offering")
    if not offering["code"].startswith(f"{matter}@{county}@") or offering["county"]["code"] != county:
        raise ValueError("offering: another one than was asked for")
    if not offering["materials"] or not all(each["code"].startswith(matter) for each in offering["materials"]):
        raise ValueError("offering: no materials, or those of another matter")


def check_checkpoint(answer: Mapping[str, Any], seen: int) -> int:
    """`checkpoint.graphql`: not smaller than what this user saw before, and cosigned; gives its size."""
    checkpoint = _root(answer, "checkpoint")
    if checkpoint["size"] < seen or not checkpoint["cosigners"]:
        raise ValueError(f"checkpoint: size {checkpoint['size']} after {seen}, or without cosigners")
    return int(checkpoint["size"])


def check_own(answer: Mapping[str, Any], holder: Holder) -> None:
    """`own.graphql`: exactly the holder's licenses, in order, with status and type."""
    for node in _nodes(answer, holder):
        if not (node["status"] and node["type"]["name"]):
            raise ValueError("own: a license lacks its status or type")


def check_reads(answer: Mapping[str, Any]) -> None:
    """`reads.graphql`: reads in the order of the journal, each with its county and cause."""
    found = _root(answer, "accessRecords")["records"]
    if "records" not in found:
        raise ValueError(f"reads: {found['code']}")
    rows = found["records"]
    if not all(row["county"] and row["useCause"] for row in rows):
        raise ValueError("reads: without county or cause")
    positions = [row["position"] for row in rows]
    if positions != sorted(set(positions)):
        raise ValueError("reads: not in the order of the journal")


def check_case(answer: Mapping[str, Any], number: str) -> None:
    """`case.graphql`: the case that was asked for, with all its steps, and somebody's turn."""
    case = _root(answer, "case")
    if case["caseNumber"] != number or [step["sequence"] for step in case["steps"]] != [
        *range(1, case["stepCount"] + 1)
    ]:
        raise ValueError("case: another one, or steps are missing")
    if not case["stage"] or not case["nextSteps"]:
        raise ValueError("case: without a stage, or nobody's turn")


def check_statistics(answer: Mapping[str, Any], county: str) -> None:
    """`statistics.graphql`: of that county, exact for its own auditor."""
    found = _root(answer, "statistics")
    if found["code"] != county or not found["exact"] or not found["periods"]:
        raise ValueError("statistics: of another county, not exact, or without periods")


def checkpoint_size(note: bytes) -> int:
    """`/ledger/checkpoint`: a note with a checkpoint; gives its size."""
    return Checkpoint.parse(Note.parse(note).text).size


def bundle_paths(size: int, number: int) -> tuple[str, str]:
    """Give the paths of one of the log's full bundles (the partial one while there is none), and of its hashes."""
    full = size // TILE_WIDTH
    place, width = (number % full, TILE_WIDTH) if full else (0, size)
    entries, hashes = (TilePath(level=level, number=place, width=width) for level in (ENTRIES, 0))
    return f"/ledger/{entries.format()}", f"/ledger/{hashes.format()}"


def tile_of_hashes(data: bytes) -> list[bytes]:
    """`/ledger/tile/0/…`: hashes of 32 bytes."""
    if not data or len(data) % HASH_BYTES:
        raise ValueError(f"tile: {len(data)} bytes")
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]


def check_bundle(data: bytes, hashes: Sequence[bytes]) -> None:
    """`/ledger/tile/entries/…`: the very entries under a tile of hashes."""
    if [leaf_hash(entry) for entry in decode_bundle(data)] != list(hashes):
        raise ValueError("entries: not those under the tile")
