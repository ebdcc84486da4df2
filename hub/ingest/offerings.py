"""A county's offerings from a file: CSV or JSON, each checked, the good ones published, the others in a reject report.

CSV, one line a material; the lines of one offering (same matter, same planEffectiveDate) stand together and say the
same in the offering's own columns. Lists are joined by `;`, an empty cell is null:

    matter,planEffectiveDate,planCancelDate,statutoryDays,promisedDays,dayUnit,mode,visits,onSiteReason,fee,feeStandard,
    flow,produces,source,confidence,materialName,materialKind,materialNeed,toleranceDays,certificateTypeCodes

JSON: one offering, or a list of them, with the members of `hub.journal.offerings.OFFERING_CLAIMS`, all of them.

An offering is taken as a whole or not at all: one bad material rejects it, with the line it begins on (JSON: its number
in the list, from 1).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from hub.ingest.data import read_table
from hub.ingest.normalise import Reject
from hub.journal.intake import Listed, check_offering
from hub.journal.offerings import MATERIAL_MEMBERS, OFFERING_CLAIMS, read_claims
from ledger.encoding import JsonValue, parse_json
from ledger.errors import Malformed, TongbanError

__all__ = [
    "COLUMNS",
    "MAX_FILE_BYTES",
    "OfferingRow",
    "check_claims",
    "checked",
    "listed_codes",
    "read_offerings",
    "sample_offerings",
    "write_rejects",
]

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_OWN: Final = (
    "matter", "planEffectiveDate", "planCancelDate", "statutoryDays", "promisedDays", "dayUnit", "mode", "visits",
    "onSiteReason", "fee", "feeStandard", "flow", "produces", "source", "confidence",
)  # fmt: skip
_OF_MATERIAL: Final = ("materialName", "materialKind", "materialNeed", "toleranceDays", "certificateTypeCodes")
COLUMNS: Final = (*_OWN, *_OF_MATERIAL)
"""The columns of a CSV file, all of them, in any order."""

_NUMBERS: Final = frozenset({"statutoryDays", "promisedDays", "visits", "fee", "toleranceDays"})
_LISTS: Final = frozenset({"flow", "produces", "certificateTypeCodes"})
_OPTIONAL: Final = frozenset({"planCancelDate", "onSiteReason", "feeStandard", "toleranceDays"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingRow:
    """One offering of a file. line: where it begins. claims: as they came, not yet checked."""

    line: int
    claims: dict[str, JsonValue]


def listed_codes() -> Listed:
    """Give the codes that the shipped catalogue lists."""
    return Listed(
        matters=frozenset(row["code"] for row in read_table("matters")),
        types=frozenset(row["code"] for row in read_table("license_types")),
    )


def checked(row: OfferingRow | Reject, listed: Listed) -> OfferingRow | Reject:
    """Check form and codes of an offering; whatever is wrong makes it a reject with a stable code."""
    if isinstance(row, Reject):
        return row
    try:
        check_claims(row.claims, listed)
    except TongbanError as error:
        return Reject(row.line, error.code, error.message)
    return row


def check_claims(claims: dict[str, JsonValue], listed: Listed) -> None:
    """Check form and codes of what an offering says. Raises Malformed as `read_claims`, Conflict not_listed."""
    materials, produces = read_claims(claims)
    named = frozenset(produces).union(*(each.type_codes for each in materials))
    check_offering(str(claims["matter"]), named, listed, date.fromisoformat(str(claims["planEffectiveDate"])))


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write the reject report, CSV `line,code,reason`; remove an older one when there is nothing to report."""
    if not rejects:
        path.unlink(missing_ok=True)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("line", "code", "reason"))
        writer.writerows((each.line, each.code, each.reason) for each in rejects)


def read_offerings(path: Path) -> list[OfferingRow | Reject]:
    """Read a .csv or .json file. Raises Malformed bad_file (suffix, header), too_large, bad_encoding, bad_json."""
    if path.suffix.lower() not in {".csv", ".json"}:
        raise Malformed("bad_file", f"expected a .csv or .json file, got {path.suffix or 'no suffix'}")
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Malformed("too_large", f"the file has more than {MAX_FILE_BYTES} bytes")
    return _of_json(data) if path.suffix.lower() == ".json" else list(_of_csv(data))


def _of_json(data: bytes) -> list[OfferingRow | Reject]:
    value = parse_json(data, max_bytes=MAX_FILE_BYTES)
    rows = value if isinstance(value, list) else [value]
    return [_from_json(number, row) for number, row in enumerate(rows, start=1)]


def _from_json(number: int, row: JsonValue) -> OfferingRow | Reject:
    try:
        claims = _in_order(row, OFFERING_CLAIMS, "an offering")
        materials = claims["materials"]
        if isinstance(materials, list):
            claims["materials"] = [_in_order(each, MATERIAL_MEMBERS, "a material") for each in materials]
    except Malformed as error:
        return Reject(number, error.code, error.message)
    return OfferingRow(line=number, claims=claims)


def _in_order(row: JsonValue, members: Sequence[str], what: str) -> dict[str, JsonValue]:
    if not isinstance(row, dict) or row.keys() != set(members):
        raise Malformed("bad_payload", f"{what} has exactly the members {', '.join(members)}")
    return {name: row[name] for name in members}


def _of_csv(data: bytes) -> Iterator[OfferingRow | Reject]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", "the file is not UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if sorted(header) != sorted(COLUMNS):
            raise Malformed("bad_file", f"the header has exactly the columns {', '.join(COLUMNS)}")
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise Malformed("bad_file", f"line {reader.line_num}: no CSV: {error}") from error
    rows = [(line, dict(zip(header, cells, strict=False)), len(cells)) for line, cells in lines]
    for _, found in groupby(rows, key=lambda row: (row[1].get("matter"), row[1].get("planEffectiveDate"))):
        group = list(found)
        try:
            yield OfferingRow(line=group[0][0], claims=_from_group(group, len(header)))
        except Malformed as error:
            yield Reject(group[0][0], error.code, error.message)


def _from_group(group: Sequence[tuple[int, Mapping[str, str], int]], fields: int) -> dict[str, JsonValue]:
    if any(count != fields for _, _, count in group):
        raise Malformed("bad_row", f"expected {fields} fields on every line")
    return _from_cells([cells for _, cells, _ in group])


def _from_cells(lines: Sequence[Mapping[str, str]]) -> dict[str, JsonValue]:
    if any(line[name] != lines[0][name] for line in lines for name in _OWN):
        raise Malformed("bad_row", "the lines of one offering say different things in its own columns")
    own: dict[str, JsonValue] = {name: _cell(name, lines[0][name]) for name in _OWN}
    bare = len(lines) == 1 and not any(lines[0][name] for name in _OF_MATERIAL)
    materials: list[JsonValue] = [] if bare else [_material(line) for line in lines]
    claims: dict[str, JsonValue] = {**own, "materials": materials}
    return {name: claims[name] for name in OFFERING_CLAIMS}


def _material(line: Mapping[str, str]) -> dict[str, JsonValue]:
    need = {"true": True, "false": False}.get(line["materialNeed"])
    if need is None:
        raise Malformed("bad_row", "materialNeed: expected true or false")
    return {
        "name": line["materialName"],
        "kind": line["materialKind"],
        "need": need,
        "toleranceDays": _cell("toleranceDays", line["toleranceDays"]),
        "certificateTypeCodes": _cell("certificateTypeCodes", line["certificateTypeCodes"]),
    }


def _cell(name: str, cell: str) -> Any:
    if name in _LISTS:
        return _codes(cell) if name == "flow" else sorted(_codes(cell), key=str)
    if not cell and name in _OPTIONAL:
        return None
    if name in _NUMBERS:
        if not (cell.isascii() and cell.isdigit() and len(cell) <= 9):
            raise Malformed("bad_row", f"{name}: expected a number")
        return int(cell)
    return cell


def sample_offerings(county: str, day: str) -> list[dict[str, JsonValue]]:
    """Give what a county of the sample roster offers from a day on (`YYYY-MM-DD`), by matter: made up, and says so."""
    matters = {row["code"]: row for row in read_table("matters")}
    asked: dict[str, list[dict[str, str]]] = {}
    for row in read_table("materials"):
        asked.setdefault(row["matter_code"], []).append(row)
    changes = [row for row in read_table("material_differences") if row["county"] == county]
    return [
        _sample(row, matters[row["matter_code"]], _changed(asked[row["matter_code"]], changes), day)
        for row in read_table("offerings")
        if row["county"] == county
    ]


def _changed(rows: Sequence[Mapping[str, str]], changes: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Apply a county's own materials to a matter's: one of the same name takes its place, `drop` takes it away."""
    matter = rows[0]["matter_code"]
    own = {row["name"]: row for row in changes if row["matter_code"] == matter}
    kept = [own.pop(row["name"], row) for row in rows]
    return [row for row in [*kept, *own.values()] if row.get("change") != "drop"]


def _sample(
    row: Mapping[str, str], matter: Mapping[str, str], materials: Sequence[Mapping[str, str]], day: str
) -> dict[str, JsonValue]:
    visits = int(row["visits"])
    claims: dict[str, JsonValue] = {
        "matter": row["matter_code"],
        "planEffectiveDate": day,
        "planCancelDate": None,
        "statutoryDays": int(row["statutory_days"]),
        "promisedDays": int(row["promised_days"]),
        "dayUnit": matter["day_unit"],
        "mode": row["mode"],
        "visits": visits,
        "onSiteReason": row["on_site_reason"] or None,
        "fee": int(row["fee"]),
        "feeStandard": row["fee_standard"] or None,
        "flow": _codes(row["flow"]),
        "materials": [_sample_material(each) for each in materials],
        "produces": sorted(_codes(matter["produces"]), key=str),
        "source": row["source"],
        "confidence": row["confidence"],
    }
    return claims


def _sample_material(row: Mapping[str, str]) -> dict[str, JsonValue]:
    return {
        "name": row["name"],
        "kind": row["kind"],
        "need": row["need"] == "true",
        "toleranceDays": int(row["tolerance_days"]) if row["tolerance_days"] else None,
        "certificateTypeCodes": sorted(_codes(row["satisfied_by"]), key=str),
    }


def _codes(cell: str) -> list[JsonValue]:
    return list[JsonValue](cell.split(";")) if cell else []
