"""A bar chart as SVG and as PNG, drawn from one list of marks: no library for plots, and the same picture in both.

bars: (label, median, least, greatest); the whisker on a bar goes from least to greatest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

__all__ = ["Bar", "draw_png", "draw_svg"]

_WIDTH: Final = 900
_ROW: Final = 34
_TOP: Final = 60
_LEFT: Final = 250
_RIGHT: Final = 110
_OURS: Final = "#b5322a"
_THEIRS: Final = "#7d8791"
_INK: Final = "#222222"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the chart. ours: it has the colour."""

    label: str
    median: float
    least: float
    greatest: float
    ours: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class _Text:
    x: float
    y: float
    text: str
    size: int
    right: bool = False


def _marks(title: str, bars: Sequence[Bar]) -> tuple[list[_Box | _Text], int]:
    marks: list[_Box | _Text] = [_Text(20, 30, title, 18)]
    scale = (_WIDTH - _LEFT - _RIGHT) / max(bar.greatest for bar in bars)
    for row, bar in enumerate(bars):
        y = _TOP + row * _ROW
        marks += [
            _Text(_LEFT - 12, y + 16, bar.label, 14, right=True),
            _Box(_LEFT, y, bar.median * scale, 22, _OURS if bar.ours else _THEIRS),
            _Box(_LEFT + bar.least * scale, y + 10, max(1.0, (bar.greatest - bar.least) * scale), 2, _INK),
            _Text(_LEFT + bar.greatest * scale + 10, y + 16, f"{bar.median:,.0f}/s", 14),
        ]
    return marks, _TOP + len(bars) * _ROW + 10


def draw_svg(path: Path, title: str, bars: Sequence[Bar]) -> None:
    """Write the chart as SVG."""
    marks, height = _marks(title, bars)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif">']
    parts.append(f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>')
    for mark in marks:
        if isinstance(mark, _Box):
            parts.append(
                f'<rect x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" height="{mark.height:.1f}"'
                f' fill="{mark.colour}"/>'
            )
        else:
            anchor = ' text-anchor="end"' if mark.right else ""
            parts.append(
                f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" font-size="{mark.size}" fill="{_INK}"{anchor}>'
                f"{escape(mark.text)}</text>"
            )
    path.write_text("\n".join([*parts, "</svg>", ""]), "utf-8")


def draw_png(path: Path, title: str, bars: Sequence[Bar]) -> None:
    """Write the chart as PNG."""
    marks, height = _marks(title, bars)
    image = Image.new("RGB", (_WIDTH, height), "#ffffff")
    canvas = ImageDraw.Draw(image)
    for mark in marks:
        if isinstance(mark, _Box):
            canvas.rectangle((mark.x, mark.y, mark.x + mark.width, mark.y + mark.height), fill=mark.colour)
        else:
            font = ImageFont.load_default(mark.size)
            canvas.text((mark.x, mark.y), mark.text, fill=_INK, font=font, anchor="rs" if mark.right else "ls")
    image.save(path)
