"""The face of a license, field by field, from the county's own node, its legacy service or the vault.

    face { ... on Face { certificateHolderName extendInfo(fields: ["KZ_ADDRESS"]) source asOf }
           ... on FaceUnavailable { code county } }

The selection set is the `metadataRange` of GB/T 36906: only the fields that are selected, and that the basis of the
reading covers, leave the county (`schema.masks`). A county that is late, dead or answers nonsense gives its licenses a
reason and leaves the rest of the answer untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info
from strawberry.types.nodes import SelectedField, Selection

from ledger.errors import Malformed
from schema.context import Context, FaceAnswer, FaceRequest
from schema.loaders import face_loader
from schema.mapping import attribute, computed
from schema.masks import Sight, masked, sight
from schema.scalars import CatalogueCode, Date, DateTime, FaceFieldName, LicenseIdentifier, instant

__all__ = ["FACE_FIELDS", "Face", "FaceResult", "FaceUnavailable", "face_of", "selected_fields"]

_ACCESS: Final = "license.face"
_MAX_TEXT: Final = 4096
_NEVER_EMPTY: Final = "certificateIdentifier"  # an empty list of fields would ask for all of them

Text: TypeAlias = "str | None"


def _field(description: str, **options: Any) -> Any:
    """Declare one metadata element; it costs like a stored field, and an access record names it."""
    return attribute(access=_ACCESS, cost=1, default=None, description=description, **options)


@strawberry.type(description="What stands on a license: metadata of GB/T 36903, as far as it was selected.")
class Face:
    """Values as the county's record has them; null where the license has none."""

    certificate_name: Text = _field("Name of the license.")
    certificate_type_name: Text = _field("Name of its type.")
    certificate_type_code: Text = _field("Code of its type, 21 characters.")
    certificate_number: Text = _field("Number printed on the face.")
    certificate_identifier: LicenseIdentifier | None = _field("Identifier (GB/T 36904).")
    certificate_issuing_authority_name: Text = _field("Name of the issuing authority.")
    certificate_issuing_authority_code: Text = _field("Unified social credit code of the issuing authority.")
    certificate_issued_date: Date | None = _field("Day of issue.")
    certificate_holder_name: list[str] | None = _field("Names of the holders, in one order with their codes.")
    certificate_holder_code: list[str] | None = _field("Codes of the holders.")
    certificate_holder_type_name: list[str] | None = _field("Names of the kinds of the holders' codes.")
    certificate_holder_type_code: list[str] | None = _field("Codes of the kinds of the holders' codes (Annex A).")
    certificate_effective_date: Date | None = _field("First day of validity.")
    certificate_expiring_date: Date | None = _field("Last day of validity; null: no end (长期).")
    certificate_area_code: CatalogueCode | None = _field("Division code of the place in charge.")
    associated_zze_cert_id: LicenseIdentifier | None = _field(
        "Identifier of the license that this one replaces.", name="associatedZzeCertID"
    )
    source: str = attribute(
        access=_ACCESS, default="", description="Where it was read: node, legacy (a GB/T 36906 service) or vault."
    )
    as_of: DateTime | None = _field("When it was read at the county; from the vault: when the county deposited it.")
    masked: list[str] = attribute(
        access=_ACCESS, default_factory=list, description="Names of the fields that are shown with stars, as selected."
    )
    withheld: list[str] = attribute(
        access=_ACCESS,
        default_factory=list,
        description="Names of the fields that the basis does not cover: null here, and not asked of the county.",
    )
    extension: strawberry.Private[Mapping[str, Any]]

    @computed(access=_ACCESS)
    def extend_info(self, fields: list[FaceFieldName]) -> JSON:
        """Fields that only licenses of this type have (extendInfo), by name; a name that the license lacks is null."""
        return JSON({name: self.extension.get(name) for name in fields})


@strawberry.type(description="A face that could not be read; the rest of the answer stands.")
class FaceUnavailable:
    """The reason, and which county is missing."""

    code: str = attribute(access=_ACCESS, description="source_unavailable, deadline, or absent: no face is kept.")
    county: CatalogueCode = attribute(access=_ACCESS, description="Member id of the county that keeps the face.")
    message: str = attribute(access=_ACCESS, description="One sentence for a person.")


FaceResult: TypeAlias = Annotated[
    Face | FaceUnavailable, strawberry.union("FaceResult", description="A face, or the reason why it is missing.")
]

FACE_FIELDS: Final[Mapping[str, str]] = {
    "certificateName": "certificate_name",
    "certificateTypeName": "certificate_type_name",
    "certificateTypeCode": "certificate_type_code",
    "certificateNumber": "certificate_number",
    "certificateIdentifier": "certificate_identifier",
    "certificateIssuingAuthorityName": "certificate_issuing_authority_name",
    "certificateIssuingAuthorityCode": "certificate_issuing_authority_code",
    "certificateIssuedDate": "certificate_issued_date",
    "certificateHolderName": "certificate_holder_name",
    "certificateHolderCode": "certificate_holder_code",
    "certificateHolderTypeName": "certificate_holder_type_name",
    "certificateHolderTypeCode": "certificate_holder_type_code",
    "certificateEffectiveDate": "certificate_effective_date",
    "certificateExpiringDate": "certificate_expiring_date",
    "certificateAreaCode": "certificate_area_code",
    "associatedZzeCertID": "associated_zze_cert_id",
}
"""Metadata name of GB/T 36903 -> attribute of Face, in the standard's order."""

_LISTS: Final = frozenset(name for name in FACE_FIELDS if name.startswith("certificateHolder"))

_REASONS: Final[Mapping[str, str]] = {
    "absent": "the county keeps no face of this license",
    "deadline": "the county did not answer in time",
    "source_unavailable": "the county's record source does not answer",
}


def _shown(selection: Selection) -> bool:
    include = selection.directives.get("include", {}).get("if", True)
    skip = selection.directives.get("skip", {}).get("if", False)
    return bool(include) and not skip


def _leaves(selections: Iterable[Selection]) -> Iterator[SelectedField]:
    """Give the fields of a selection with its fragments spread, those skipped left out."""
    for selection in selections:
        if not _shown(selection):
            continue
        if isinstance(selection, SelectedField):
            yield selection
        else:
            yield from _leaves(selection.selections)


def selected_fields(info: Info[Context, Any]) -> tuple[str, ...]:
    """Give the metadata and `KZ_*` names that the document selects below a face, in the standard's order."""
    names: set[str] = set()
    extension: set[str] = set()
    for field in _leaves(inner for outer in info.selected_fields for inner in outer.selections):
        if field.name in FACE_FIELDS:
            names.add(field.name)
        elif field.name == "extendInfo":
            asked = field.arguments.get("fields") or ()
            extension.update([asked] if isinstance(asked, str) else asked)
    return (*(name for name in FACE_FIELDS if name in names), *sorted(extension)) or (_NEVER_EMPTY,)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise Malformed("bad_payload", f"{name}: expected a text of at most {_MAX_TEXT} characters")
    return value


def _metadata(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _LISTS:
        return [_text(name, item) for item in (value if isinstance(value, list | tuple) else [value])]
    return _text(name, value)


def _seen(values: Mapping[str, Any], seen: Sight) -> dict[str, Any]:
    """Give the values that this reader may see; another one of the same request may have asked for more."""
    clear = {name: values.get(name) for name in seen.clear}
    return clear | {name: masked(name, values.get(name)) for name in seen.masked}


def _face(values: Mapping[str, Any], answer: FaceAnswer, seen: Sight) -> Face:
    metadata = {attribute: _metadata(name, values.get(name)) for name, attribute in FACE_FIELDS.items()}
    return Face(
        **metadata,
        masked=list(seen.masked),
        withheld=list(seen.withheld),
        extension={name: value for name, value in values.items() if name.startswith("KZ_")},
        source=answer.source or "",
        as_of=None if answer.as_of is None else instant(answer.as_of),
    )


def _unavailable(code: str, county: str) -> FaceUnavailable:
    return FaceUnavailable(code=code, county=CatalogueCode(county), message=_REASONS.get(code, code))


def _sight(info: Info[Context, Any], county: str) -> Sight:
    basis = info.context.basis(info.path)
    granted = frozenset[str]() if basis is None else basis.fields
    caller = info.context.principal
    # The row rule has let no license pass but the holder's own. Who the holder is, one county says: it opens what it
    # sealed itself, and no other county's faces, or a county's key could open those of every person.
    if caller.holder is not None and county == caller.county:
        granted = None
    return sight(selected_fields(info), granted, own=county == caller.county)


async def face_of(
    info: Info[Context, Any], *, certificate_identifier: str, county: str, use_cause: str
) -> Face | FaceUnavailable:
    """Ask the county for the selected fields of one license's face that the caller may see; all faces in one call."""
    seen = _sight(info, county)
    info.context.withhold(info.path, seen.withheld)
    request = FaceRequest(
        certificate_identifier=certificate_identifier,
        county=county,
        fields=seen.asked or (_NEVER_EMPTY,),
        use_cause=use_cause,
        caller=info.context.principal,
    )
    answer = await face_loader(info.context).load(request)
    if answer.values is None:
        return _unavailable(answer.code or "source_unavailable", county)
    try:
        return _face(_seen(answer.values, seen), answer, seen)
    except Malformed:
        return _unavailable("source_unavailable", county)
