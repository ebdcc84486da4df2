"""How each field of a face is masked, and which fields a reader sees in clear: one table, and one judgement.

    张**                     certificateHolderName            the first character, and two stars whatever follows
    3702**********1234       certificateHolderCode            of 15 characters or more the first 4 and the last 4
    H*******90               certificateNumber                of 8 to 14 the first and the last 2; of fewer none
    138****1234              KZ_PHONE                         the first 3 and the last 4
    山东省青岛市****           KZ_ADDRESS                       the first 6 characters
    ***                      any other KZ_* field             nothing

A reader who names a basis sees in clear what it covers. What it does not cover is withheld: it is not even asked of the
county. Only the county that sealed the license sees such a field masked, because it knows the value anyway; so a
county's own list of its licenses shows no whole name. No standard settles the characters: GB/T 35273-2020 asks for
de-identified display, and these are the forms in common use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

__all__ = ["EXTENSION_MASKS", "MASKS", "OTHER_EXTENSION", "Mask", "Sight", "mask_of", "masked", "sight"]


@dataclass(frozen=True, slots=True)
class Form:
    """How much of a text of at least `length` characters is shown: so many at its start, so many at its end.

    stars: how many stand for the rest; None: one for each character, so that its length shows.
    """

    length: int
    first: int
    last: int
    stars: int | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """The forms of one kind of value, the longest first. A text too short for all of them shows nothing: `***`."""

    forms: tuple[Form, ...]

    def text(self, value: str) -> str:
        """Mask one text."""
        form = next((each for each in self.forms if len(value) >= each.length), None)
        if form is None:
            return _NOTHING
        hidden = len(value) - form.first - form.last
        stars = "*" * (hidden if form.stars is None else form.stars)
        return value[: form.first] + stars + value[len(value) - form.last :]


_NOTHING: Final = "***"
_NAME: Final = Mask((Form(2, 1, 0, 2),))
_CODE: Final = Mask((Form(15, 4, 4), Form(8, 1, 2)))
_PHONE: Final = Mask((Form(11, 3, 4),))
_ADDRESS: Final = Mask((Form(12, 6, 0, 4),))
OTHER_EXTENSION: Final = Mask(())
"""Of a field that only one type of license has, nobody here knows what it holds."""

MASKS: Final[Mapping[str, Mask | None]] = MappingProxyType(
    {
        "certificateName": None,
        "certificateTypeName": None,
        "certificateTypeCode": None,
        "certificateNumber": _CODE,
        "certificateIdentifier": None,
        "certificateIssuingAuthorityName": None,
        "certificateIssuingAuthorityCode": None,
        "certificateIssuedDate": None,
        "certificateHolderName": _NAME,
        "certificateHolderCode": _CODE,
        "certificateHolderTypeName": None,
        "certificateHolderTypeCode": None,
        "certificateEffectiveDate": None,
        "certificateExpiringDate": None,
        "certificateAreaCode": None,
        "associatedZzeCertID": None,
    }
)
"""Metadata name of GB/T 36903 -> how it is masked; None: it says nothing of a person, and is shown as it is."""

EXTENSION_MASKS: Final[Mapping[str, Mask]] = MappingProxyType(
    {"KZ_ADDRESS": _ADDRESS, "KZ_DOMICILE": _ADDRESS, "KZ_MOBILE": _PHONE, "KZ_PHONE": _PHONE}
)
"""`KZ_*` name -> how it is masked; any other one as `OTHER_EXTENSION`."""

_FREE: Final = "certificateIdentifier"  # the license was asked for by it, or listed with it


def mask_of(name: str) -> Mask | None:
    """Give the mask of a face field by its metadata or `KZ_*` name."""
    return MASKS[name] if name in MASKS else EXTENSION_MASKS.get(name, OTHER_EXTENSION)


def masked(name: str, value: Any) -> Any:
    """Mask the value of a face field: a text, a list of them, or (in an extension) any JSON value; null stays null."""
    mask = mask_of(name)
    if mask is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [masked(name, each) for each in value]
    return mask.text(value) if isinstance(value, str) else _NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What becomes of the fields asked of one face, each list in the order asked: they are asked for, or withheld."""

    clear: tuple[str, ...]
    masked: tuple[str, ...]
    withheld: tuple[str, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The fields that leave the county."""
        return (*self.clear, *self.masked)


def sight(asked: Sequence[str], granted: frozenset[str] | None, *, own: bool) -> Sight:
    """Judge the fields asked of one face. granted: those to be seen in clear; None: all. own: the caller sealed it."""
    clear = [name for name in asked if granted is None or name in granted or name == _FREE]
    rest = [name for name in asked if name not in clear]
    if own:
        clear = [name for name in asked if name in clear or mask_of(name) is None]
        rest = [name for name in rest if name not in clear]
    return Sight(clear=tuple(clear), masked=tuple(rest) if own else (), withheld=() if own else tuple(rest))
