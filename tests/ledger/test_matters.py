from __future__ import annotations

from datetime import date
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.identifiers import Uscc
from ledger.matters import CaseNumber, MatterCode
from tests.vector_files import read_vectors

VECTORS: Final = read_vectors("identifiers.json")["matters"]
TASK: Final = "11370800MB285591843370117002011"
BODY: Final = Uscc.parse("11370800MB28559184")

digits: Final = st.text("0123456789", min_size=12, max_size=12)
tasks: Final = st.builds(MatterCode, catalogue=digits, implementer=st.just(BODY), level=st.integers(1, 7))
items: Final = st.text("0123456789", min_size=2, max_size=2)
codes: Final = (
    st.builds(MatterCode, catalogue=digits)
    | tasks
    | st.builds(MatterCode, catalogue=digits, implementer=st.just(BODY), level=st.integers(1, 7), item=items)
)
cases: Final = st.builds(CaseNumber, task=tasks, day=st.dates(), serial=st.integers(0, 9999))


def refused(kind: Any, *arguments: Any, **parts: Any) -> None:
    with pytest.raises(Malformed) as caught:
        kind(*arguments, **parts)
    assert caught.value.code == "bad_identifier"


@pytest.mark.parametrize("text", VECTORS)
def test_codes_in_public_use_are_read(text: str) -> None:
    assert str(MatterCode.parse(text)) == text
    assert MatterCode.foreign(text) == (text, None)


def test_the_parts_of_a_task_code_stand_where_the_standard_puts_them() -> None:
    code = MatterCode.parse(TASK)
    assert code == MatterCode(catalogue="370117002011", implementer=BODY, level=3)
    assert (code.province, code.type, code.department) == ("37", "01", "17")
    assert (code.main_item, code.sub_item) == ("002", "011")
    assert MatterCode.parse("001001001000").sub_item is None
    assert MatterCode.parse(TASK + "07").item == "07"


@settings(max_examples=60)
@given(code=codes)
def test_text_and_value_are_two_forms_of_one_code(code: MatterCode) -> None:
    assert MatterCode.parse(str(code)) == code
    assert len(str(code)) in {12, 31, 33}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "37011700201",
        "37011700201A",
        "370117002011\n",
        "３70117002011",
        TASK.replace("MB", "MC"),
        TASK[:18] + "0" + TASK[19:],
        TASK[:18] + "8" + TASK[19:],
        TASK + "1",
        TASK + "1A",
        TASK + "123",
        "1" * 10_000,
    ],
)
def test_another_form_is_refused(text: str) -> None:
    refused(MatterCode.parse, text)


@pytest.mark.parametrize(
    "parts",
    [
        {"implementer": BODY},
        {"level": 3},
        {"item": "01"},
        {"implementer": BODY, "level": 0},
        {"implementer": BODY, "level": 8},
        {"implementer": BODY, "level": 3, "item": "1"},
    ],
)
def test_no_code_is_made_of_parts_that_do_not_go_together(parts: dict[str, Any]) -> None:
    refused(MatterCode, catalogue="370117002011", **parts)


def test_a_case_number_names_task_day_and_serial() -> None:
    case = CaseNumber.parse(f"{TASK}202606010042")
    assert case == CaseNumber(task=MatterCode.parse(TASK), day=date(2026, 6, 1), serial=42)
    assert len(str(case)) == 43


@settings(max_examples=60)
@given(case=cases)
def test_text_and_value_are_two_forms_of_one_case(case: CaseNumber) -> None:
    assert CaseNumber.parse(str(case)) == case
    assert CaseNumber.foreign(str(case)) == (str(case), None)


@pytest.mark.parametrize(
    "tail",
    ["", "20260601004", "2026060100420", "20230231" + "0001", "20260001" + "0001", "2026060A0001", "00000101" + "0001"],
)
def test_a_case_number_of_another_form_is_refused(tail: str) -> None:
    refused(CaseNumber.parse, TASK + tail)


def test_a_case_number_is_not_made_of_other_parts() -> None:
    day = date(2026, 6, 1)
    refused(CaseNumber, task=MatterCode.parse("370117002011"), day=day, serial=1)
    refused(CaseNumber, task=MatterCode.parse(TASK + "01"), day=day, serial=1)
    refused(CaseNumber, task=MatterCode.parse(TASK), day=day, serial=10_000)
    refused(CaseNumber, task=MatterCode.parse(TASK), day=day, serial=-1)
    foreign = f"{TASK}202302310001"
    assert CaseNumber.foreign(foreign) == (foreign, "the date in the case number does not exist")
