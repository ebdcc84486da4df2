"""The report of a load test as one page: gates with what was measured, stages beside the generator's ceiling.

It is made of report.json alone, and asks nobody: no script, no font, no picture of another site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

__all__ = ["page"]

_STYLE: Final = (
    "body{font-family:sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin:.5em 0 1.5em}"
    "td,th{border:1px solid #bbb;padding:.25em .7em;text-align:right}td:first-child,th:first-child{text-align:left}"
    ".missed{background:#f6d5d3}.met{background:#dcefdc}"
)
_STAGE: Final = (
    "stage", "seconds", "good", "good/s", "away", "partial", "wrong", "p50 ms", "p95 ms", "p99 ms", "generator",
)  # fmt: skip


def page(document: Mapping[str, Any]) -> str:
    """Write the page of a report."""
    missed = [
        f"{each['shape']}: {gate['name']}" for each in document["shapes"] for gate in each["gates"] if not gate["met"]
    ]
    verdict = f"Missed: {', '.join(missed)}" if missed else "Every gate is met"
    conditions = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in document["conditions"].items()
    )
    parts = [_shape(each) for each in document["shapes"]]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Load test</title><style>{_STYLE}</style>'
        f"<h1>Load test</h1><p>{escape(verdict)}.</p>{''.join(parts)}"
        f"<h2>Conditions</h2><table>{conditions}</table></html>\n"
    )


def _shape(shape: Mapping[str, Any]) -> str:
    name, shares = str(shape["shape"]), shape["generator"]
    stages = [_cells(_stage(row, shares.get(row["stage"]))) for row in shape["stages"]]
    gates = [
        _cells(
            [gate["name"], f"{gate['value']:.2f}", gate["bound"], "met" if gate["met"] else "missed"],
            kind="met" if gate["met"] else "missed",
        )
        for gate in shape["gates"]
    ]
    faults = "".join(f"<li>{count} x {escape(fault)}</li>" for fault, count in shape["faults"].items())
    return (
        f"<h2>{escape(name)}</h2><p>The generator reaches {shape['ceiling']:,.0f} answers/s against a constant reply. "
        f'<a href="{escape(name)}.html">Its own page</a></p>'
        f"<table>{_heads(('gate', 'measured', 'bound', 'verdict'))}{''.join(gates)}</table>"
        f"<table>{_heads(_STAGE)}{''.join(stages)}</table><ul>{faults}</ul>"
    )


def _stage(row: Mapping[str, Any], share: float | None) -> list[object]:
    told = "" if share is None else f"{share:.0%} of a core"
    rate = f"{row['goodput']:.1f}"
    counts = [row[name] for name in ("away", "partial", "wrong", "p50", "p95", "p99")]
    return [row["stage"], row["seconds"], row["good"], rate, *counts, told]


def _heads(names: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"


def _cells(values: Iterable[object], *, kind: str = "") -> str:
    opened = f'<tr class="{kind}">' if kind else "<tr>"
    return opened + "".join(f"<td>{escape(str(value))}</td>" for value in values) + "</tr>"
