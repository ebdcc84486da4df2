"""Puts the figures of a run of `make bench-peers` into README.md: the picture, a table, and what was missed.

    python -m loadtests.bench.peers.readme [FOLDER]      FOLDER: what the run wrote, bench-out by default

README.md holds them between two comments, and docs/ holds peers.json and peers.svg. All three are made of the one
peers.json, and `tests/load/test_peers_readme.py` compares them: figures that nobody measured do not get in. Exit code
0: written; 2: there is no such run.

Example: make bench-peers && python -m loadtests.bench.peers.readme
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from loadtests.bench.peers.picture import draw, rounds_of, title_of
from loadtests.bench.peers.rounds import MOST_FOREIGN

__all__ = ["BEGIN", "END", "block", "main", "with_block"]

BEGIN: Final = "<!-- peers: written by python -m loadtests.bench.peers.readme -->"
END: Final = "<!-- /peers -->"
_DOCS: Final = Path("docs")
_README: Final = Path("README.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Copy the figures, draw the picture, write the block."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.peers.readme", description=(__doc__ or "").splitlines()[0],
        epilog="Example: python -m loadtests.bench.peers.readme bench-out",
    )  # fmt: skip
    parser.add_argument("folder", nargs="?", type=Path, default=Path("bench-out"), help="default bench-out")
    given = parser.parse_args(arguments).folder / "peers.json"
    if not given.is_file():
        print(f"there is no {given}: run `make bench-peers` first", file=sys.stderr)
        return 2
    data = given.read_bytes()
    document = orjson.loads(data)
    _DOCS.mkdir(exist_ok=True)
    (_DOCS / "peers.json").write_bytes(data)
    draw(document, _DOCS, png=False)
    _README.write_text(with_block(_README.read_text("utf-8"), block(document)), "utf-8")
    print(f"written to {_README}, {_DOCS}/peers.json, {_DOCS}/peers.svg")
    return 0


def with_block(text: str, made: str) -> str:
    """Give a text with the block between the two comments replaced. Raises ValueError where it has not each once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError("expected the two comments of the figures once each")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{made}{rest.partition(END)[2]}"


def block(document: Mapping[str, Any]) -> str:
    """Write the block, comments included."""
    figures = document["figures"]
    lines = ["", f"![{title_of(document)}](docs/peers.svg)", ""]
    lines += ["| figure | gateway | beside | ratio, least and greatest | bar |", "|---|---|---|---|---|"]
    lines += [_row(each) for each in figures]
    return "\n".join([BEGIN, *lines, "", _told(document, figures), END])


def _row(figure: Mapping[str, Any]) -> str:
    ratio, beside = figure["ratio"], figure["beside"]
    spread = f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"
    bar = f"{figure['gate'].removeprefix('ratio ')}: {figure['verdict']}" if figure["gate"] else ""
    unit = figure["unit"]
    return (
        f"| {figure['title']} | {figure['ours']:,.0f} {unit} | {beside['what']}, {beside['value']:,.0f} {unit} "
        f"| {spread} | {bar} |"
    )


def _told(document: Mapping[str, Any], figures: Sequence[Mapping[str, Any]]) -> str:
    facts = document["conditions"]
    missed = [each["name"] for each in figures if each["verdict"] == "missed"]
    count = f"{facts['rounds']} rounds" if facts["rounds"] != 1 else "1 round"
    said = f"`make bench-peers`: {count}, {facts['cores']} cores of {facts['processor']}, load average"
    said += f" {facts['load_before']:.1f} before and {facts['load_after']:.1f} after."
    noise = max(each["foreign"] for each in rounds_of(document))
    if noise > MOST_FOREIGN:
        said += f" No round was quiet: others took up to {noise:.0%} of a core, so these figures say little."
    if facts["left_out"]:
        said += f" Left out for other work on the machine: {len(facts['left_out'])}."
    return f"{said} Missed: {', '.join(missed)}." if missed else f"{said} Every bar is met."


if __name__ == "__main__":
    sys.exit(main())
