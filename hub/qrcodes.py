"""QR codes as a county makes them: the seal's place under a landmark of the log, and the picture.

    place = find_place(log, verifier.anchor, leaf, index, now=now)      # out of the log's tiles, checked
    code = draw(format_qr(QrPayload(presentation=…, index=index, landmark=place.under)))
    code.save(Path("shown.svg"))                                        # .svg, .png, or .txt for the text

The landmark is the first one of a day that is over: it never moves, and whoever synced since knows it. A license that
was sealed today has today's only, which moves with every checkpoint until midnight (UTC+8); that is said.

A code is drawn at error level M where that fits version 25 (117 modules, comfortable on a phone's screen), otherwise at
level L, up to version 40 (177 modules). Source: ISO/IEC 18004, alphanumeric mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import segno

from hub.logclient import HttpLog
from ledger.anchor import TrustAnchor
from ledger.errors import Malformed, NotVerified
from ledger.landmarks import parse_landmarks, prove_landmarks
from ledger.qr import LandmarkPath
from ledger.sync_files import SYNC_FILES
from ledger.transparency.merkle import TreeView, verify_inclusion
from ledger.transparency.sequencer import landmark_day
from ledger.transparency.store import Landmark
from ledger.transparency.tiles import TileNodes

__all__ = ["COMFORTABLE", "Drawn", "Place", "draw", "find_place"]

COMFORTABLE: Final = 25  # version that a phone reads from another phone without care
_QUIET: Final = 4  # modules of white around, as the standard asks for
_SCALES: Final = {".png": 8, ".svg": 4}
_SUFFIXES: Final = frozenset({*_SCALES, ".txt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A seal's place in the log. day: of the landmark. final: that day is over, so the landmark stays."""

    under: LandmarkPath
    day: str
    final: bool


def find_place(log: HttpLog, anchor: TrustAnchor, leaf: bytes, index: int, *, now: int) -> Place:
    """Read a seal's inclusion path under a landmark out of the log, and check that it holds.

    leaf, index: of the seal. The landmark must lead to a checkpoint with a quorum. Raises NotVerified bad_inclusion,
    bad_consistency, no_quorum, unknown_landmark (none holds the entry yet); Malformed, Unavailable.
    """
    note = log.need("checkpoint", SYNC_FILES["checkpoint"])
    checkpoint = anchor.checkpoint(note).checkpoint
    anchor.quorum_time(note, now)
    listed = parse_landmarks(log.need("landmarks", SYNC_FILES["landmarks"]))
    row = _chosen([each for each in listed if index < each.size <= checkpoint.size], landmark_day(now))
    nodes = TileNodes(log.tiles(checkpoint.size))
    proved, _ = prove_landmarks([row], checkpoint, (), lambda old, new: TreeView(new, nodes).consistency_path(old))
    if not proved:
        raise NotVerified("bad_consistency", f"the landmark of {row.day} does not lead to the checkpoint")
    path = tuple(TreeView(row.size, nodes).inclusion_path(index))
    verify_inclusion(leaf, index, row.size, path, row.root)
    return Place(under=LandmarkPath(size=row.size, path=path), day=row.day, final=row.day < landmark_day(now))


def _chosen(landmarks: list[Landmark], today: str) -> Landmark:
    if not landmarks:
        raise NotVerified("unknown_landmark", "no landmark of the log holds the seal yet: try again after a minute")
    return next((each for each in landmarks if each.day < today), landmarks[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A code as a picture. level: of error correction, M or L. modules: along one side, without the white around."""

    text: str
    picture: segno.QRCode
    level: str

    @property
    def version(self) -> int:
        """1..40."""
        return int(self.picture.version)

    @property
    def modules(self) -> int:
        """Modules along one side."""
        return 17 + 4 * self.version

    def save(self, path: Path) -> None:
        """Write the picture, or with .txt the text. Raises Malformed bad_setting for any other name."""
        if path.suffix not in _SUFFIXES:
            raise Malformed("bad_setting", f"expected a file name that ends in {', '.join(sorted(_SUFFIXES))}")
        if path.suffix == ".txt":
            path.write_text(f"{self.text}\n", encoding="ascii")
        else:
            with path.open("wb") as file:
                self.picture.save(file, kind=path.suffix[1:], scale=_SCALES[path.suffix], border=_QUIET)


def draw(text: str) -> Drawn:
    """Draw the text of a code, 1..4,296 characters of the alphanumeric mode. Raises Malformed too_large, bad_qr."""
    drawn = _drawn(text, "M")
    if drawn is None or drawn.version > COMFORTABLE:
        drawn = _drawn(text, "L")
    if drawn is None:
        raise Malformed("too_large", "no QR code holds this: show fewer claims")
    return drawn


def _drawn(text: str, level: str) -> Drawn | None:
    try:
        picture = segno.make_qr(text, error=level, mode="alphanumeric", boost_error=False)
    except segno.DataOverflowError:
        return None
    except ValueError as error:
        raise Malformed("bad_qr", "expected the characters of a code's alphanumeric mode") from error
    return Drawn(text=text, picture=picture, level=level)
