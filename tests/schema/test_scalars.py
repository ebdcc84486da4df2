"""Scalars parse one form each, and their errors never repeat the value."""

from __future__ import annotations

import pytest
from graphql import GraphQLError

from ledger.errors import Malformed
from schema import scalars
from schema.scalars import SCALARS, instant

GOOD = [
    (scalars.CatalogueCode, "001001001000@370214"),
    (scalars.Cursor, "TGljZW5zZToxLjI"),
    (scalars.Date, "2026-05-01"),
    (scalars.DateTime, "2026-05-01T08:00:00.000Z"),
    (scalars.Digest, "q" * 43),
    (scalars.FaceFieldName, "KZ_ADDRESS"),
    (scalars.HolderCode, "91370214MA3C00000X"),
    (scalars.HolderCode, "南字第 0000001 号"),
    (scalars.HolderCode, "9" * 128),
    (scalars.HolderTypeCode, "001"),
    (scalars.LicenseIdentifier, "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000000X.00000001.001.Z"),
    (scalars.LogNumber, 2**53 - 1),
    (scalars.UseCause, "办理食品经营许可"),
    (scalars.UseCause, "因" * 200),
]

BAD = [
    (scalars.CatalogueCode, ""),
    (scalars.CatalogueCode, "370214\n"),
    (scalars.CatalogueCode, "'}) DETACH DELETE n //"),
    (scalars.Cursor, "a" * 401),
    (scalars.Date, "20260501"),
    (scalars.DateTime, "2026-05-01T08:00:00Z"),
    (scalars.Digest, "q" * 42),
    (scalars.FaceFieldName, "certificateName"),
    (scalars.HolderCode, " 91370214MA3C00000X"),
    (scalars.HolderCode, "91370214\u000091"),
    (scalars.HolderCode, "9" * 129),
    (scalars.HolderCode, ""),
    (scalars.HolderTypeCode, "1"),
    (scalars.LicenseIdentifier, 5),
    (scalars.LogNumber, True),
    (scalars.LogNumber, -1),
    (scalars.LogNumber, 2**53),
    (scalars.LogNumber, "7"),
    (scalars.UseCause, ""),
    (scalars.UseCause, "   "),
    (scalars.UseCause, "因" * 201),
    (scalars.UseCause, "a\nb"),
    (scalars.UseCause, "a\ud800"),
    (scalars.UseCause, None),
]


@pytest.mark.parametrize(("scalar", "value"), GOOD)
def test_a_good_value_is_given_back_as_it_came(scalar: object, value: object) -> None:
    definition = SCALARS[scalar]
    assert definition.parse_value is not None
    assert definition.serialize is not None
    assert definition.parse_value(value) == value
    assert definition.serialize(value) == value


@pytest.mark.parametrize(("scalar", "value"), BAD)
def test_another_form_is_refused_without_repeating_it(scalar: object, value: object) -> None:
    definition = SCALARS[scalar]
    assert definition.parse_value is not None
    with pytest.raises(GraphQLError) as refused:
        definition.parse_value(value)
    code = "use_cause" if scalar is scalars.UseCause else "bad_variables"
    assert refused.value.extensions == {"code": code}
    assert refused.value.message.startswith(f"{definition.name}: expected ")
    assert len(str(value)) < 2 or str(value) not in refused.value.message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_780_304_400, "2026-06-01T09:00:00.000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000Z"),
    ],
)
def test_an_instant_is_fixed_width_text_in_utc(seconds: int, text: str) -> None:
    assert instant(seconds) == text


@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, 2**63])
def test_an_instant_outside_its_years_is_malformed(seconds: int) -> None:
    with pytest.raises(Malformed) as refused:
        instant(seconds)
    assert refused.value.code == "bad_number"


def test_every_scalar_is_named_as_its_python_type() -> None:
    names = {definition.name: getattr(scalar, "__name__", None) for scalar, definition in SCALARS.items()}
    assert names == {name: name for name in names}
