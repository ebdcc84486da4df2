"""The README's figures of the peers: made of docs/peers.json and of nothing else, and the picture is the one it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from loadtests.bench.peers.picture import draw
from loadtests.bench.peers.readme import BEGIN, END, block, main, with_block

ROOT = Path(__file__).parents[2]
RATES = ((0, "gateway", 4000.0), (1, "gateway", 1.0), (2, "gateway", 5000.0), (0, "raw", 9.0))
RUN: dict[str, Any] = {
    "conditions": {
        "cores": 2, "processor": "some processor", "database": "replay", "rounds": 3, "left_out": [1],
        "load_before": 0.24, "load_after": 1.96,
    },
    "titles": {"gateway": "Tongban", "raw": "raw driver"},
    "figures": [
        {
            "name": "driver", "title": "Ten documents mixed", "unit": "answers/s", "ours": 4652.4,
            "beside": {"what": "raw driver calls", "value": 1542.2}, "ratio": {"median": 3.02, "min": 2.9, "max": 3.11},
            "gate": "ratio >= 3", "verdict": "met",
        },
        {
            "name": "floor", "title": "HTTP alone", "unit": "answers/s", "ours": 4652.4,
            "beside": {"what": "constant reply", "value": 13000.0}, "ratio": {"median": 0.36, "min": 0.3, "max": 0.4},
            "gate": None, "verdict": "",
        },
    ],
    "measured": [
        {"round": number, "contender": contender, "kind": "mix", "rate": rate, "foreign": 0.1 + number % 2}
        for number, contender, rate in RATES
    ],
}  # fmt: skip


def test_the_readme_has_the_figures_of_the_committed_run() -> None:
    document = orjson.loads((ROOT / "docs" / "peers.json").read_bytes())
    text = (ROOT / "README.md").read_text("utf-8")
    assert with_block(text, block(document)) == text


def test_the_readme_shows_the_picture_that_the_committed_run_makes(tmp_path: Path) -> None:
    draw(orjson.loads((ROOT / "docs" / "peers.json").read_bytes()), tmp_path)
    assert (ROOT / "docs" / "peers.svg").read_bytes() == (tmp_path / "peers.svg").read_bytes()
    assert "](docs/peers.svg)" in (ROOT / "README.md").read_text("utf-8")


def test_the_block_has_every_figure_and_names_what_is_missed() -> None:
    made = block(RUN).split("\n")
    assert made[0] == BEGIN
    assert made[6:9] == [
        "| Ten documents mixed | 4,652 answers/s | raw driver calls, 1,542 answers/s | 3.02 (2.90-3.11) | >= 3: met |",
        "| HTTP alone | 4,652 answers/s | constant reply, 13,000 answers/s | 0.36 (0.30-0.40) |  |",
        "",
    ]
    told = (
        "`make bench-peers`: 3 rounds, 2 cores of some processor, load average 0.2 before and 2.0 after. "
        "Left out for other work on the machine: 1. Every bar is met."
    )
    assert made[9:] == [told, END]
    noisy = block({**RUN, "conditions": {**RUN["conditions"], "left_out": []}})
    assert (
        "No round was quiet: others took up to 110% of a core, so these figures say little. Every bar is met." in noisy
    )
    missed = {**RUN, "figures": [{**RUN["figures"][0], "verdict": "missed"}]}
    assert block(missed).endswith(f"Missed: driver.\n{END}")


def test_a_run_is_put_in_by_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench-out"]) == 2
    (tmp_path / "bench-out").mkdir()
    (tmp_path / "bench-out" / "peers.json").write_bytes(orjson.dumps(RUN))
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n", "utf-8")
    assert main([]) == 0
    assert (tmp_path / "README.md").read_text("utf-8") == f"before\n{block(RUN)}\nbehind\n"
    picture = (tmp_path / "docs" / "peers.svg").read_text("utf-8")
    assert "4,500/s" in picture  # the median of the rounds that count


@pytest.mark.parametrize("text", ["", BEGIN, f"{BEGIN}{BEGIN}{END}"])
def test_a_text_without_its_two_comments_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError, match="two comments"):
        with_block(text, "")
