"""What the figures of `make bench-peers` look like: the picture, made of peers.json alone.

draw(document, folder)      folder/peers.svg, folder/peers.png
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from loadtests.bench.peers.plot import Bar, draw_png, draw_svg

__all__ = ["draw", "rounds_of", "title_of"]

_OURS: Final = "gateway"


def draw(document: Mapping[str, Any], folder: Path, *, png: bool = True) -> None:
    """Write the picture: answers a second of each contender, ten documents mixed."""
    title, bars = title_of(document), _bars(document)
    draw_svg(folder / "peers.svg", title, bars)
    if png:
        draw_png(folder / "peers.png", title, bars)


def title_of(document: Mapping[str, Any]) -> str:
    """Say what the picture shows, and how it was measured."""
    database = document["conditions"]["database"]
    return f"Answers a second, ten documents mixed, 32 connections, one core each, database: {database}"


def rounds_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the measurements of the rounds that count."""
    left_out = frozenset(document["conditions"]["left_out"])
    return [each for each in document["measured"] if each["round"] not in left_out]


def _bars(document: Mapping[str, Any]) -> list[Bar]:
    rates: dict[str, list[float]] = {}
    for each in rounds_of(document):
        if each["kind"] == "mix":
            rates.setdefault(each["contender"], []).append(each["rate"])
    titles = document["titles"]
    bars = [
        Bar(label=titles[name], median=statistics.median(of), least=min(of), greatest=max(of), ours=name == _OURS)
        for name, of in rates.items()
    ]
    return sorted(bars, key=lambda bar: bar.median, reverse=True)
