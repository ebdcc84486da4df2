"""Fork evidence in a folder, of a sync or an audit: sixteen files at most; a proof of a fork is never given up.

    fork-evidence.json      fork-evidence-<first 16 hex digits of its SHA-256>[-<2..15>].json

Growth that is not proved says little by itself, and whoever answers for the log can bring it about at every sync. So it
makes room for what proves a fork (`ForkEvidence.prove`), and is left out when there is none for itself.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from hub.folderfiles import read_file, replace_file
from ledger.errors import TongbanError
from ledger.transparency.evidence import MAX_EVIDENCE_BYTES, ForkEvidence
from ledger.transparency.note import Keyring

__all__ = ["EVIDENCE", "MAX_FILES", "keep_evidence"]

EVIDENCE: Final = "fork-evidence.json"
MAX_FILES: Final = 16


def keep_evidence(folder: Path, evidence: ForkEvidence, logs: Keyring) -> Path | None:
    """Write evidence into a folder, cut, on disk when this returns, and give its place.

    logs: keys under which it counts, of those that signed it. None: there is no room for it, or the folder takes
    nothing. What is there is not written over, and a file of another kind not removed.
    """
    cut = evidence.cut(logs)
    try:
        return _kept(folder, cut.format(), is_proof=_holds(cut, logs), logs=logs)
    except OSError:
        return None


def _kept(folder: Path, data: bytes, *, is_proof: bool, logs: Keyring) -> Path | None:
    places = _places(folder, data)
    for place in places:
        if _content(place) == data:
            return place
    kept = sorted(folder.glob("fork-evidence*.json"))
    if len(kept) >= MAX_FILES:
        weak = [each for each in kept if _proves(each, logs) is False]
        if not weak or not is_proof:
            return None
        weak[-1].unlink()  # the first place sorts last: a proof is to be found there
        kept.remove(weak[-1])
    free = next((each for each in places if each not in kept), None)
    if free is not None:
        replace_file(free, data)
    return free


def _places(folder: Path, data: bytes) -> list[Path]:
    """Give the places that a file may take, one more than can be taken: what has their names may be something else."""
    name = f"fork-evidence-{sha256(data).hexdigest()[:16]}"
    more = [folder / f"{name}-{number}.json" for number in range(2, MAX_FILES)]
    return [folder / EVIDENCE, folder / f"{name}.json", *more]


def _proves(path: Path, logs: Keyring) -> bool | None:
    """Tell whether a file proves a fork of one of the logs; None: it is no evidence at all."""
    try:
        evidence = ForkEvidence.parse(_content(path) or b"")
    except TongbanError:
        return None
    return _holds(evidence, logs)


def _content(path: Path) -> bytes | None:
    try:
        return read_file(path, MAX_EVIDENCE_BYTES)
    except TongbanError:  # somebody else's: too large, or not to be read
        return None


def _holds(evidence: ForkEvidence, logs: Keyring) -> bool:
    try:
        evidence.prove(logs)
    except TongbanError:
        return False
    return True
