"""The bars of the comparison, and its picture: what is missed is named, what was not measured has no bar."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from loadtests.bench.peers.__main__ import _left_out, _notes
from loadtests.bench.peers.bars import readings
from loadtests.bench.peers.plot import Bar, draw_png, draw_svg
from loadtests.bench.peers.rounds import Measured


def measured(contender: str, kind: str, rate: float, p50_us: float = 1.0, engine_us: float = 1.0) -> Measured:
    return Measured(
        contender=contender, kind=kind, rate=rate, p50_us=p50_us, p99_us=1, cpu_us=1, share=1, engine_us=engine_us
    )


ROUND = [
    measured("gateway", "mix", 3000, engine_us=4.0),
    measured("gateway", "one", 3750),
    measured("raw", "mix", 1000, engine_us=10.0),
    measured("bare", "mix", 1500),
    measured("yoga", "mix", 100),
    measured("apollo", "mix", 500),
    measured("gateway", "alone", 1, p50_us=12.0),
    measured("bare", "alone", 1, p50_us=10.0),
]


def test_each_bar_is_a_ratio_of_one_round() -> None:
    slower = [measured("gateway", "mix", 2000), *ROUND[1:]]
    found = {each.name: each for each in readings([ROUND, ROUND, slower], real_engine=True)}
    assert {name: (each.ratios[1], each.verdict) for name, each in found.items()} == {
        "driver": (3.0, "met"), "node": (2.0, "missed"), "apollo": (6.0, "met"), "mixed": (0.8, "met"),
        "alone": (1.2, "met"), "engine": (0.4, "met"),
    }  # fmt: skip
    assert found["driver"].ratios == (2.0, 3.0, 3.0)


def test_a_round_beside_other_work_is_left_out_unless_all_are() -> None:
    noisy = [replace(ROUND[0], foreign=0.16), *ROUND[1:]]
    assert _left_out([ROUND, noisy, ROUND]) == [1]
    assert _left_out([noisy, noisy]) == []
    assert _notes([ROUND], []) == []
    assert _notes([ROUND, noisy], [1]) == [
        "others took more than 15% of a core in 1 measurements: 1 rounds are left out"
    ]


def test_what_was_not_measured_has_no_bar() -> None:
    assert [each.name for each in readings([ROUND[:3]], real_engine=False)] == ["driver", "mixed"]


def test_the_picture_shows_every_bar(tmp_path: Path) -> None:
    bars = [Bar(label="a <b>", median=5, least=4, greatest=8, ours=True), Bar(label="c", median=2, least=2, greatest=2)]
    draw_svg(tmp_path / "peers.svg", "title", bars)
    draw_png(tmp_path / "peers.png", "title", bars)
    text = (tmp_path / "peers.svg").read_text("utf-8")
    assert all(part in text for part in ("title", "a &lt;b&gt;", "5/s", 'width="337.5"', 'width="135.0"'))
    with Image.open(tmp_path / "peers.png") as image:
        assert image.size == (900, 138)
        assert image.getpixel((400, 70)) == (0xB5, 0x32, 0x2A)
