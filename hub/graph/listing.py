"""From the catalogue's tables to rows: columns become properties, checked before anything is written. No I/O.

    divisions      code, name, level, valid_from, valid_to          -> jurisdictions
    roster         code, authority_code, authority_name             -> authorities
    license_types  code, name, definer_code, definer_name, holder_category, validity_years, provisional
    matters        number, code, name, mode, type, statutory_days, day_unit, promised_days, produces

Every table ends in `source` and `confidence`, which go into the graph with the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ledger.errors import Malformed

__all__ = ["Row", "Tables", "listed"]

Tables: TypeAlias = Mapping[str, Sequence[Mapping[str, str]]]
Row: TypeAlias = dict[str, Any]

_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_MAX_KEY: Final = 200  # characters; far below the 4 KB that an index takes


def listed(tables: Tables, release: str) -> dict[str, list[Row]]:
    """Give the rows of each kind of node, in order of their keys, each with `code`, `properties` and what it links to.

    Raises Malformed bad_row on an empty or doubled key, a bad number or flag, or a code that its table does not have.
    """
    divisions = {row["code"]: row for row in tables["divisions"]}  # a renamed code: the newest row comes last
    rows = {
        "jurisdictions": [_jurisdiction(row, divisions) for row in divisions.values()],
        "authorities": [_authority(row) for row in tables["roster"]],
        "license_types": [_license_type(row) for row in tables["license_types"]],
        "matters": [_matter(row) for row in tables["matters"]],
    }
    for name, made in rows.items():
        made.sort(key=lambda row: str(row["code"]))
        _check_keys(name, made)
        for row in made:
            row["properties"]["release"] = release
    _check_links(rows)
    return rows


def _jurisdiction(row: Mapping[str, str], divisions: Mapping[str, Mapping[str, str]]) -> Row:
    code = row["code"]
    above = (other for other in (f"{code[:4]}00", f"{code[:2]}0000") if other != code and other in divisions)
    properties = _properties(row, name=_text, level=str.upper, valid_from=_text, valid_to=_text)
    return {"code": code, "properties": properties, "within": next(above, None) if code[2:] != "0000" else None}


def _authority(row: Mapping[str, str]) -> Row:
    properties = {"name": row["authority_name"], **_properties(row)}
    return {"code": row["authority_code"], "properties": properties, "of": row["code"]}


def _license_type(row: Mapping[str, str]) -> Row:
    properties = _properties(
        row,
        name=_text,
        definer_code=_text,
        definer_name=_text,
        holder_category=_text,
        validity_years=_number,
        provisional=_flag,
    )
    return {"code": row["code"], "properties": properties}


def _matter(row: Mapping[str, str]) -> Row:
    properties = _properties(
        row,
        number=_number,
        name=_text,
        mode=_text,
        type=_text,
        statutory_days=_number,
        day_unit=_text,
        promised_days=_number,
    )
    return {"code": row["code"], "properties": properties}


def _properties(row: Mapping[str, str], **columns: Callable[[str], Any]) -> dict[str, Any]:
    """Convert columns to properties with the names of the API; an empty cell is null. Every row says its source."""
    wanted = {**columns, "source": _text, "confidence": _text}
    return {_camel(name): convert(row[name]) if row[name] else None for name, convert in wanted.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _text(cell: str) -> str:
    return cell


def _number(cell: str) -> int:
    if not _NUMBER.fullmatch(cell):
        raise Malformed("bad_row", f"expected a number, got {cell!r:.40}")
    return int(cell)


def _flag(cell: str) -> bool:
    if cell not in {"true", "false"}:
        raise Malformed("bad_row", f"expected true or false, got {cell!r:.40}")
    return cell == "true"


def _check_keys(name: str, rows: Sequence[Row]) -> None:
    codes = [row["code"] for row in rows]
    if any(not isinstance(code, str) or not 0 < len(code) <= _MAX_KEY for code in codes):
        raise Malformed("bad_row", f"{name}: a row lacks its code")
    if len(set(codes)) != len(codes):
        raise Malformed("bad_row", f"{name}: a code occurs twice")


def _check_links(rows: Mapping[str, Sequence[Row]]) -> None:
    """Check that every code that a row names is listed: a MATCH without its node would drop the link in silence."""
    known = {row["code"] for row in rows["jurisdictions"]}
    if missing := sorted({row["of"] for row in rows["authorities"]} - known):
        raise Malformed("bad_row", f"jurisdictions: {missing[0]} is named but not listed")
