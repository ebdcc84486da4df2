"""A county's QR codes: the place under a landmark read out of the log, and the picture."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
import segno
from PIL import Image
from zxingcpp import read_barcodes

from hub.logclient import HttpLog
from hub.qrcodes import COMFORTABLE, Place, draw, find_place
from ledger.attestation import present
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.qr import QrPayload, format_qr
from ledger.transparency.merkle import leaf_hash
from ledger.verdict import Outcome
from tests.shown_log import SHOWN_URL, ShownLog
from tests.synced_log import LANDMARK, NOW, SEALS, SIZE, T, qr_of, synced_book, synced_files


def log_of(*landmarks: int) -> ShownLog:
    """Show the synced log; its landmarks are of 2026-06-01, 2026-06-02, …; `NOW` is on the 2nd."""
    return ShownLog(synced_book(), time=T, landmarks=landmarks)


def place_of(log: ShownLog, index: int) -> Place:
    with log.client() as http:
        reader = HttpLog(SHOWN_URL, http, seconds=60)
        leaf = leaf_hash(SEALS[index].partition("~")[0].encode())
        return find_place(reader, synced_files().verifier().anchor, leaf, index, now=NOW)


def test_a_seal_stands_under_the_first_landmark_of_a_day_that_is_over() -> None:
    place = place_of(log_of(LANDMARK, SIZE), 2)
    assert (place.under.size, place.day, place.final) == (LANDMARK, "2026-06-01", True)
    text = format_qr(QrPayload(presentation=present(SEALS[2], ("certificateTypeName",)), index=2, landmark=place.under))
    assert text == qr_of(2)


def test_a_seal_of_today_stands_under_todays_landmark() -> None:
    place = place_of(log_of(LANDMARK, SIZE), 8)
    assert (place.under.size, place.day, place.final) == (SIZE, "2026-06-02", False)


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        ({"landmarks": b""}, "unknown_landmark"),
        ({"landmarks": b"2026-06-01 6 " + b"A" * 43 + b"=\n"}, "bad_consistency"),
        ({"landmarks": b"2026-06-01 11 " + b"A" * 43 + b"=\n"}, "unknown_landmark"),
        ({"checkpoint": b""}, "bad_note"),
    ],
)
def test_a_place_that_does_not_hold_is_refused(forged: dict[str, bytes], code: str) -> None:
    log = log_of(LANDMARK)
    log.forge(**forged)
    with pytest.raises(TongbanError) as caught:
        place_of(log, 2)
    assert caught.value.code == code


def test_another_seal_has_no_place_there() -> None:
    with log_of(LANDMARK).client() as http, pytest.raises(NotVerified, match=r"^bad_inclusion: "):
        find_place(HttpLog(SHOWN_URL, http, seconds=60), synced_files().verifier().anchor, bytes(32), 2, now=NOW)


def test_a_log_without_its_tiles_gives_no_place() -> None:
    log = log_of(LANDMARK)
    log.instead["tile/0/000.p/10"] = httpx2.Response(404)
    log.instead["tile/0/000"] = httpx2.Response(404)
    with pytest.raises(TongbanError) as caught:
        place_of(log, 2)
    assert caught.value.code == "no_log"


# The picture


def test_a_small_code_has_level_m_and_a_large_one_level_l() -> None:
    small, large, huge = draw("A" * 1400), draw("A" * 1500), draw("A" * 4296)
    assert [(each.level, each.version, each.modules) for each in (small, large, huge)] == [
        ("M", 25, 117),
        ("L", 23, 109),
        ("L", 40, 177),
    ]
    assert {each.picture.mode for each in (small, large, huge)} == {"alphanumeric"}
    with pytest.raises(Malformed, match=r"^too_large: "):
        draw("A" * 4297)
    with pytest.raises(Malformed, match=r"^bad_qr: "):
        draw("lower case")


def test_a_typical_code_is_comfortable() -> None:
    drawn = draw(qr_of(1))
    assert drawn.version <= COMFORTABLE
    assert drawn.picture.designator == f"{drawn.version}-{drawn.level}"


def test_pictures_are_written_by_their_name(tmp_path: Path) -> None:
    drawn = draw(qr_of(1))
    for name, beginning in (("a.png", b"\x89PNG\r\n"), ("a.svg", b"<?xml version"), ("a.txt", b"LIC1:")):
        drawn.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(beginning)
    side = (drawn.modules + 8) * 8
    assert (tmp_path / "a.png").read_bytes()[16:24] == side.to_bytes(4, "big") * 2
    assert (tmp_path / "a.txt").read_text("ascii") == f"{qr_of(1)}\n"
    with pytest.raises(Malformed, match=r"^bad_setting: .*\.png, \.svg, \.txt"):
        drawn.save(tmp_path / "a.gif")


def test_the_picture_is_that_of_the_text() -> None:
    """The matrix is the one the drawing library makes of this very text at this version and level."""
    drawn = draw(qr_of(2))
    again = segno.make(qr_of(2), error=drawn.level, version=drawn.version, boost_error=False)
    assert drawn.picture.matrix == again.matrix
    assert drawn.picture.matrix != draw(qr_of(1)).picture.matrix


@pytest.mark.parametrize("index", [1, 2])
def test_an_independent_reader_reads_the_picture(index: int, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    draw(qr_of(index)).save(path)
    (read,) = read_barcodes(Image.open(path))
    assert (str(read.format), read.text) == ("QR Code", qr_of(index))


def test_what_the_picture_says_is_verified() -> None:
    text = draw(qr_of(1)).text
    verdict = synced_files().open(now=NOW).verify_qr(text, now=NOW, max_age=86_400)
    assert verdict.outcome is Outcome.VALID
