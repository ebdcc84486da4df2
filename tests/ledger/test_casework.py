"""Cases over their tables: whole ways, random walks against the tables, refusals that name what is legal, 52 nodes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.data import read_table
from ledger.cases import MODES, PHASES, TRANSITIONS, CaseMode, CaseStage, Outcome, Party, StepKind
from ledger.casework import (
    MAX_STEPS,
    Case,
    CaseStep,
    LegalStep,
    NodeStart,
    Opening,
    Tolerated,
    legal_steps,
    take,
)
from ledger.clocks import Lamp, Limits, read_limit
from ledger.errors import Conflict, Malformed, Refused, TongbanError
from ledger.transparency.merkle import leaf_hash
from ledger.workdays import read_calendar

OFFERING: Final = "000117001000@370214@20260601"
NUMBER: Final = "1137021400427631XX4000117001000202606010001"
LIMITS: Final = Limits(None, 3)
T0: Final = 1_780_304_400  # 2026-06-01T09:00:00Z, a Monday
DAY: Final = 86_400
HOME, AWAY, NEAR, STRANGER = "370214", "130207", "220103", "320583"
COUNTIES: Final = (HOME, AWAY, NEAR, STRANGER)


def opening(mode: CaseMode, *tolerated: Tolerated) -> CaseStep:
    """The first step of a case in a mode, with materials that may follow."""
    county = HOME if MODES[mode].one_county else AWAY
    return CaseStep(
        number=NUMBER, sequence=1, prev=None, leaf=leaf_hash(b"1"), county=county, at=T0, kind=StepKind.APPLICATION,
        opening=Opening(
            mode=mode, handled_by=HOME, picked_up_at=NEAR, offering=OFFERING, holder="h", tolerated=tolerated
        ), limits=LIMITS,
    )  # fmt: skip


def following(case: Case, kind: StepKind, county: str, outcome: Outcome | None = None, **more: object) -> CaseStep:
    """A step that names the case's newest, with the limits that its stage asks for."""
    step = CaseStep(
        number=NUMBER, sequence=case.steps + 1, prev=case.head, leaf=leaf_hash(b"%d" % (case.steps + 1)), county=county,
        at=case.at + DAY, kind=kind, outcome=outcome, limits=LIMITS if _begins(case, kind, outcome) else None,
        supplied=("M03",) if kind is StepKind.SUPPLEMENT else (), items=_items(kind),
    )  # fmt: skip
    return replace(step, **more)  # type: ignore[arg-type]  # members by name


def _items(kind: StepKind) -> int | None:
    return 2 if kind in {StepKind.PRE_REVIEW, StepKind.HAND_OVER_RECEIPT, StepKind.PRODUCTION} else None


def _begins(case: Case, kind: StepKind, outcome: Outcome | None) -> bool:
    """Say by the tables alone whether a step starts the clock of a phase."""
    row = next((r for r in TRANSITIONS if (r.step, r.outcome, r.source) == (kind, outcome, case.stage)), None)
    if row is None:
        return False
    direct = row.target is CaseStage.HANDED_OVER and not MODES[case.mode].hands_over
    stage = CaseStage.RECEIVED if direct else row.target
    return any(stage in phase.runs and phase.code not in {clock.code for clock in case.clocks} for phase in PHASES)


Taken = tuple[StepKind, str, Outcome | None]


def way(mode: CaseMode, *steps: Taken, tolerated: tuple[Tolerated, ...] = ()) -> Case:
    """A case that has gone some way."""
    case = take(None, opening(mode, *tolerated))
    for kind, county, outcome in steps:
        case = take(case, following(case, kind, county, outcome))
    return case


def accepted(*tolerated: Tolerated) -> Case:
    """A case in the hands of its handling county."""
    return way(
        CaseMode.PROXY_INTAKE, (StepKind.PRE_REVIEW, AWAY, Outcome.PASSED), (StepKind.HAND_OVER_RECEIPT, HOME, None),
        (StepKind.ACCEPTANCE, HOME, Outcome.ACCEPTED), tolerated=tolerated,
    )  # fmt: skip


def test_every_stage_can_be_reached_and_left_but_the_last() -> None:
    assert {row.target for row in TRANSITIONS} == set(CaseStage)
    assert set(CaseStage) - {row.source for row in TRANSITIONS} == {CaseStage.EVALUATED}
    assert len({(row.step, row.outcome, row.source, row.duty) for row in TRANSITIONS}) == len(TRANSITIONS)
    stages = [stage for phase in PHASES for stage in (*phase.runs, *phase.stopped)]
    assert len(stages) == len(set(stages))


def test_every_mode_says_who_has_every_duty() -> None:
    for rule in MODES.values():
        assert all(rule.parties(row.duty) for row in TRANSITIONS)
    assert [rule.name for rule in MODES.values()] == ["全程网办", "异地代收代办", "多地联办", "授权办理"]


@pytest.mark.parametrize(
    ("mode", "steps"),
    [
        (CaseMode.ONLINE, [("PRE_REVIEW", HOME, "PASSED"), ("ACCEPTANCE", HOME, "ACCEPTED")]),
        (
            CaseMode.PROXY_INTAKE,
            [("PRE_REVIEW", AWAY, "PASSED"), ("HAND_OVER_RECEIPT", HOME, None), ("ACCEPTANCE", HOME, "ACCEPTED")],
        ),
        (CaseMode.JOINT, [("PRE_REVIEW", AWAY, "PASSED"), ("ACCEPTANCE", AWAY, "ACCEPTED"), ("HANDLING", HOME, None)]),
        (CaseMode.DELEGATED, [("PRE_REVIEW", AWAY, "PASSED"), ("ACCEPTANCE", AWAY, "ACCEPTED")]),
    ],
)
def test_a_mode_says_who_accepts_and_whether_papers_change_hands(
    mode: CaseMode, steps: list[tuple[str, str, str | None]]
) -> None:
    named = [(StepKind(kind), county, None if outcome is None else Outcome(outcome)) for kind, county, outcome in steps]
    case = way(mode, *named)
    assert case.stage is CaseStage.ACCEPTED
    concluding = next(each for each in legal_steps(case) if each.kind is StepKind.CONCLUSION)
    assert concluding.counties == ((AWAY,) if mode is CaseMode.DELEGATED else (HOME,))


@given(seed=st.integers(0, 2**32), mode=st.sampled_from(CaseMode), length=st.integers(1, 40))
def test_a_walk_goes_where_the_tables_say_and_nowhere_else(seed: int, mode: CaseMode, length: int) -> None:
    """Any step by any county at any moment: what the tables have is taken, all else is refused; a replay ends the same."""
    rng = random.Random(seed)
    first = opening(mode, *([Tolerated("M03", 5)] if rng.random() < 0.5 else []))
    case, taken = take(None, first), [first]
    for _ in range(length):
        row = rng.choice([r for r in TRANSITIONS if rng.random() < 0.3 or r.source is case.stage])
        step = following(case, row.step, rng.choice(COUNTIES), row.outcome)
        if rng.random() < 0.1:
            step = replace(step, sequence=step.sequence + rng.choice([-1, 1]))
        legal = LegalStep(step.kind, step.outcome, ())
        may = [
            each for each in legal_steps(case) if replace(each, counties=()) == legal and step.county in each.counties
        ]
        if may and step.sequence == case.steps + 1:
            case = take(case, step)
            taken.append(step)
            continue
        with pytest.raises(TongbanError):
            take(case, step)
    assert _replayed(taken) == case
    assert sum(clock.runs for clock in case.clocks if not clock.code.startswith("M")) <= 1
    assert case.missing == () or case.stage not in {CaseStage.CONCLUDED, CaseStage.CLOSED}
    assert all(list(clock.spans) == sorted(clock.spans) for clock in case.clocks)


def _replayed(steps: list[CaseStep]) -> Case | None:
    case: Case | None = None
    for step in steps:
        case = take(case, step)
    return case


def test_a_refusal_says_where_the_case_stands_and_what_is_legal() -> None:
    case = accepted()
    with pytest.raises(Conflict) as caught:
        take(case, following(case, StepKind.PICK_UP, NEAR))
    assert str(caught.value) == (
        "illegal_step: PICK_UP is not next; the case is ACCEPTED after step 4; legal: CORRECTION_NOTICE by 370214, "
        "HANDLING by 370214, SPECIAL_PROCEDURE by 370214, CONCLUSION GRANTED by 370214, "
        "CONCLUSION NOT_GRANTED by 370214, CONCLUSION WITHDRAWN by 370214"
    )
    with pytest.raises(Refused, match=r"^not_party: HANDLING is another county's; the case is ACCEPTED after step 4"):
        take(case, following(case, StepKind.HANDLING, NEAR))


def test_of_two_handlers_at_once_one_wins_and_the_other_gets_the_new_state() -> None:
    case = accepted()
    first = following(case, StepKind.CONCLUSION, HOME, Outcome.GRANTED)
    second = following(case, StepKind.CONCLUSION, HOME, Outcome.NOT_GRANTED)
    won = take(case, first)
    with pytest.raises(Conflict, match=r"^stale_prev: another step came before; the case is CONCLUDED after step 5"):
        take(won, second)


def test_to_others_a_case_looks_like_none() -> None:
    case = accepted()
    step = following(case, StepKind.HANDLING, STRANGER)
    refusals = []
    for known in (case, None):
        with pytest.raises(Refused) as caught:
            take(known, step)
        refusals.append(str(caught.value))
    assert refusals == ["not_party: the county is no party of a case with this number"] * 2


def test_a_case_number_is_used_once() -> None:
    with pytest.raises(Conflict, match=r"^already_exists: the case number is in use"):
        take(accepted(), replace(opening(CaseMode.ONLINE), county=STRANGER))


@pytest.mark.parametrize(
    "broken",
    [
        replace(opening(CaseMode.ONLINE), county=AWAY),
        replace(opening(CaseMode.JOINT), county=HOME),
        replace(opening(CaseMode.ONLINE), opening=None),
        replace(opening(CaseMode.ONLINE), sequence=2),
        replace(opening(CaseMode.ONLINE), prev=bytes(32)),
        replace(opening(CaseMode.ONLINE), limits=None),
    ],
)
def test_an_application_that_does_not_fit_opens_nothing(broken: CaseStep) -> None:
    with pytest.raises(Malformed, match=r"^bad_payload: "):
        take(None, broken)


def test_limits_stand_where_a_clock_starts_and_nowhere_else() -> None:
    case = accepted()
    for step in (
        following(case, StepKind.HANDLING, HOME, limits=LIMITS),
        following(case, StepKind.CONCLUSION, HOME, Outcome.GRANTED, limits=None),
    ):
        with pytest.raises(Malformed, match=r"^bad_payload: limits stand in the step that starts a clock"):
            take(case, step)


def test_each_party_has_its_clock_which_stops_for_corrections_and_special_procedures() -> None:
    case = way(
        CaseMode.PROXY_INTAKE,
        (StepKind.CORRECTION_NOTICE, AWAY, None), (StepKind.CORRECTION, AWAY, None),
        (StepKind.PRE_REVIEW, AWAY, Outcome.PASSED), (StepKind.HAND_OVER_RECEIPT, HOME, None),
        (StepKind.CORRECTION_NOTICE, HOME, None), (StepKind.CORRECTION, AWAY, None),
        (StepKind.ACCEPTANCE, HOME, Outcome.ACCEPTED), (StepKind.SPECIAL_PROCEDURE, HOME, None),
        (StepKind.SPECIAL_PROCEDURE_END, HOME, None), (StepKind.CONCLUSION, HOME, Outcome.GRANTED),
        (StepKind.PRODUCTION, HOME, None), (StepKind.HAND_OVER_RECEIPT, NEAR, None), (StepKind.EXPRESS, NEAR, None),
    )  # fmt: skip
    found = [(each.code, each.county, [(at - T0) // DAY for at in each.spans], each.ended) for each in case.clocks]
    assert found == [
        ("INTAKE", AWAY, [0, 1, 2, 4], True),
        ("ACCEPTANCE", HOME, [4, 5, 6, 7], True),
        ("HANDLING", HOME, [7, 8, 9, 10], True),
        ("PRODUCTION", HOME, [10, 11], True),
        ("DELIVERY", NEAR, [11, 13], True),
    ]


def test_a_time_before_the_newest_step_is_taken_as_that_ones() -> None:
    """Clocks of two counties differ; no clock runs backwards for it."""
    case = accepted()
    earlier = take(case, following(case, StepKind.SPECIAL_PROCEDURE, HOME, at=T0))
    assert earlier.at == case.at
    assert earlier.clocks[-1].spans == (case.at, case.at)


def test_a_tolerated_material_has_a_clock_until_it_is_there_and_bars_the_grant() -> None:
    """The clock runs on while the case waits for a correction; both counties may bring what is missing, one by one."""
    case = accepted(Tolerated("M05", 10), Tolerated("M03", 5))
    assert case.missing == ("M03", "M05")
    clocks = {clock.code: clock for clock in case.clocks}
    assert (clocks["M03"].county, clocks["M03"].limits, clocks["M03"].spans) == (AWAY, Limits(None, 5), (T0,))
    with pytest.raises(
        Conflict, match=r"^illegal_step: tolerated materials are missing: M03, M05; the case is ACCEPTED"
    ):
        take(case, following(case, StepKind.CONCLUSION, HOME, Outcome.GRANTED))
    case = take(case, following(case, StepKind.CORRECTION_NOTICE, HOME))
    case = take(case, following(case, StepKind.SUPPLEMENT, AWAY, supplied=("M05",)))
    assert (case.stage, case.missing) == (CaseStage.CORRECTING_ACCEPTED, ("M03",))
    for supplied in (("M05",), ("M09",), ()):
        with pytest.raises(Conflict, match=r"^illegal_step: missing are: M03; "):
            take(case, following(case, StepKind.SUPPLEMENT, HOME, supplied=supplied))
    assert LegalStep(StepKind.SUPPLEMENT, None, (AWAY, HOME)) in legal_steps(case)
    case = take(case, following(case, StepKind.SUPPLEMENT, HOME))
    spans = {clock.code: [(at - T0) // DAY for at in clock.spans] for clock in case.clocks if clock.code[0] == "M"}
    assert spans == {"M05": [0, 5], "M03": [0, 6]}
    case = take(case, following(case, StepKind.CORRECTION, AWAY))
    assert StepKind.SUPPLEMENT not in {each.kind for each in legal_steps(case)}
    assert take(case, following(case, StepKind.CONCLUSION, HOME, Outcome.GRANTED)).stage is CaseStage.CONCLUDED


def test_a_case_that_ends_without_a_grant_waits_for_no_material() -> None:
    case = accepted(Tolerated("M03", 5))
    closed = take(case, following(case, StepKind.CONCLUSION, HOME, Outcome.WITHDRAWN))
    assert (closed.missing, all(clock.ended for clock in closed.clocks)) == ((), True)
    overdue = read_limit(5, closed.clocks[1].spans, T0 + 90 * DAY, read_calendar(read_table("calendar")), ended=True)
    assert (closed.clocks[1].code, overdue.lamp) == ("M03", Lamp.BLUE)


@pytest.mark.parametrize("items", [1, 3, None])
def test_a_receipt_is_for_exactly_what_was_handed_over(items: int | None) -> None:
    case = way(CaseMode.PROXY_INTAKE, (StepKind.PRE_REVIEW, AWAY, Outcome.PASSED))
    with pytest.raises(Conflict, match=rf"^items_differ: 2 pieces were handed over, the receipt is for {items}"):
        take(case, following(case, StepKind.HAND_OVER_RECEIPT, HOME, items=items))
    assert case.items == 2
    assert take(case, following(case, StepKind.HAND_OVER_RECEIPT, HOME)).items is None


def test_a_case_takes_no_more_than_100_steps() -> None:
    case = replace(accepted(), steps=MAX_STEPS)
    assert legal_steps(case) == ()


def test_a_project_of_52_nodes_has_a_lamp_for_each() -> None:
    """One after another, three working days each; the 17th is handed on a week late, the 52nd is about to be."""
    calendar = read_calendar(read_table("calendar"))
    codes = [f"N{number:02d}" for number in range(1, 53)]
    case, at, late = accepted(), T0 + 4 * DAY, 0
    for number, code in enumerate(codes):
        ends = () if number == 0 else (codes[number - 1],)
        begins = (NodeStart(code, Limits(None, 3)),)
        case = take(case, following(case, StepKind.HANDLING, HOME, begins=begins, ends=ends, at=at))
        late = at if code == "N52" else late
        at += 9 * DAY if code == "N17" else DAY
    nodes = {clock.code: clock for clock in case.clocks if clock.code.startswith("N")}
    assert list(nodes) == codes
    now = late + 2 * DAY
    lamps = {code: read_limit(3, clock.spans, now, calendar, ended=clock.ended).lamp for code, clock in nodes.items()}
    assert {code for code, lamp in lamps.items() if lamp is Lamp.RED} == {"N17"}
    assert lamps["N52"] is Lamp.YELLOW
    assert {lamps[code] for code in codes if code not in {"N17", "N52"}} == {Lamp.BLUE}
    with pytest.raises(Conflict, match=r"^illegal_step: nodes are open: N52; "):
        take(case, following(case, StepKind.CONCLUSION, HOME, Outcome.GRANTED))
    withdrawn = take(case, following(case, StepKind.CONCLUSION, HOME, Outcome.WITHDRAWN))
    assert all(clock.ended for clock in withdrawn.clocks)


@pytest.mark.parametrize(
    "members",
    [
        {"ends": ("N01",)},
        {"begins": tuple(NodeStart(f"N{number:03d}", LIMITS) for number in range(100))},
    ],
)
def test_nodes_that_do_not_fit_are_refused(members: dict[str, object]) -> None:
    case = accepted()
    with pytest.raises(Conflict, match=r"^illegal_step: "):
        take(case, following(case, StepKind.HANDLING, HOME, **members))


def test_a_node_begins_once_and_ends_once() -> None:
    case = accepted()
    case = take(case, following(case, StepKind.HANDLING, HOME, begins=(NodeStart("N01", LIMITS),)))
    case = take(case, following(case, StepKind.HANDLING, HOME, ends=("N01",)))
    for members in ({"ends": ("N01",)}, {"begins": (NodeStart("N01", LIMITS),)}):
        with pytest.raises(Conflict, match=r"^illegal_step: a node "):
            take(case, following(case, StepKind.HANDLING, HOME, **members))


def test_a_county_that_is_two_parties_has_the_steps_of_both() -> None:
    step = opening(CaseMode.PROXY_INTAKE)
    assert step.opening is not None
    case = take(None, replace(step, opening=replace(step.opening, picked_up_at=AWAY)))
    assert case.counties == (AWAY, HOME, AWAY)
    assert [each.value for each in Party] == ["INTAKE", "HANDLING", "PICK_UP"]
    closed = take(case, following(case, StepKind.PRE_REVIEW, AWAY, Outcome.RETURNED))
    assert legal_steps(closed) == (LegalStep(StepKind.EVALUATION, None, (AWAY,)),)
