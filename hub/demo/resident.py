"""One resident's case over three counties, told step by step: the part of `tongban demo` about daily work.

A resident of 320583 is away from home, in 370214, and applies there for a food business permit: taken in there, decided
at home, handed out at 370783. Two of the three materials are licenses that the alliance holds. While the case is under
way one of them is replaced; the intake county hears of it, and the case goes on with the new one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.demo.papers import ResidentPapers, resident_papers
from hub.demo.story import CHECKLIST, LOOK_UP
from hub.demo.telling import Teller, expect, wait
from hub.ingest.data import read_table
from hub.keyfiles import write_private
from hub.partner import Partner, access_token
from ledger.identifiers import Uscc
from ledger.matters import CaseNumber, MatterCode
from ledger.workdays import china_day, read_calendar
from schema.roles import RoleKind

__all__ = ["Resident"]

_INTAKE: Final = "370214"
_HOME: Final = "320583"
_PICK_UP: Final = "370783"
_WINDOWS: Final = {_INTAKE: "A03", _HOME: "B12", _PICK_UP: "C01"}
_MATTER: Final = "000101005000"  # 食品经营许可新办
_CAUSE: Final = "食品经营许可新办 (demo)"
_COUNTY_LEVEL: Final = 4
_BEGINNING: Final = "A" * 43  # the cursor before all events
_PROMISED: Final = 4  # working days, as the sample offering of 320583 has it

_CASE: Final = """\
query Case($number: CaseNumber!, $useCause: UseCause!, $yellow: Date!, $red: Date!) {
  case(caseNumber: $number, useCause: $useCause) {
    stage
    clocks { name today: lamp yellow: lamp(on: $yellow) red: lamp(on: $red) }
  }
}
"""

_EVENTS: Final = """\
subscription Events($number: CaseNumber!, $useCause: UseCause!) {
  caseEvents(caseNumber: $number, kinds: [LICENSE], useCause: $useCause) {
    license { certificateIdentifier status }
  }
}
"""

_LOOKS: Final = """\
query Looks($holder: HolderInput!, $useCause: UseCause!, $after: Cursor) {
  accessRecords(holder: $holder, useCause: $useCause) {
    records(first: 100, after: $after) { ... on AccessRecords { records { county } hasNextPage endCursor } }
  }
}
"""


@dataclass(slots=True)
class Resident:
    """The resident's case, while the alliance runs and its offerings are in force."""

    teller: Teller
    number: str = field(default="", init=False)
    holder: dict[str, str] = field(default_factory=dict, init=False)

    def tell(self) -> None:
        """Tell it. Raises NotVerified when a step gives anything but what it should."""
        now = int(time.time())
        papers = resident_papers(_HOME, china_day(now))
        self.number, self.holder = _case_number(now), papers.holder
        write_private(self._holder_file, json.dumps(self.holder).encode())
        for row in (papers.identity_card, papers.business_license):
            self.teller.seal_one(_HOME, dict(row))
        self._check_list(self._consent())
        self._take_in(papers)
        self._show_lamps(now)
        self._replace(papers)
        self._decide(papers)
        self._who_looked()

    @property
    def _holder_file(self) -> Path:
        return self.teller.alliance.folder / "resident.json"

    def _consent(self) -> str:
        form = self.teller.alliance.folder / "resident-form.txt"
        form.write_text("sample consent form, signed\n", encoding="utf-8")
        options = ("--matter", _MATTER, "--evidence", str(form), "--json")
        holder = ("--holder-file", str(self._holder_file))
        told = self.teller.command("county", "consent", "grant", *holder, *options, *self.teller.of(_INTAKE))
        return str(json.loads(told)["id"])

    def _check_list(self, consent: str) -> None:
        partner = self._partner(_INTAKE, RoleKind.INTAKE_CLERK)
        asked = {"matter": _MATTER, "county": _HOME, "holder": self.holder, "basis": {"consent": consent}}
        found: list[tuple[str, str]] = []

        def told() -> bool:
            data = partner.query(CHECKLIST, asked | {"useCause": _CAUSE}).get("data") or {}
            items = ((data.get("checklist") or {}).get("findings") or {}).get("items", [])
            found[:] = [(each["name"], each["state"]) for each in items]
            return [state for _, state in found].count("HELD") == 2

        wait("the resident's checklist is told", told)
        states = [("营业执照", "HELD"), ("居民身份证", "HELD"), ("食品经营许可新办申请表", "MISSING")]
        expect("the resident's checklist", found, states)
        self.teller.say(
            f"a resident of {_HOME} asks at {_INTAKE} for a food business permit, and consents to the look-up: "
            "two of three materials are licenses that the alliance holds, the form is to be filled in"
        )

    def _take_in(self, papers: ResidentPapers) -> None:
        used = ("--license", papers.identity_card["ZZBS"], "--license", papers.business_license["ZZBS"])
        applicant = ("--holder-file", str(self._holder_file), "--pick-up", _PICK_UP, "--promised", "2")
        self._step(_INTAKE, "APPLICATION", *applicant, *used)
        self._step(_INTAKE, "PRE_REVIEW", "--outcome", "PASSED", "--items", "1")
        self._step(_HOME, "HAND_OVER_RECEIPT", "--items", "1", "--statutory", "5")
        self._step(_HOME, "ACCEPTANCE", "--outcome", "ACCEPTED")
        self.teller.say(
            f"taken in at {_INTAKE}, handed over, accepted at {_HOME}: four steps, each signed by its county, "
            "each naming the one before; the licenses are named, not copied"
        )
        handler = self._partner(_HOME, RoleKind.HANDLER)
        asked = {"holder": self.holder, "useCause": _CAUSE, "basis": {"case": self.number}}
        wait("the handler sees the papers", lambda: _seen(handler.query(LOOK_UP, asked)) == sorted(used[1::2]))
        self.teller.say("the handler there reads what stands on them: the open case is the basis of the look-up")

    def _show_lamps(self, now: int) -> None:
        calendar, today = read_calendar(read_table("calendar")), china_day(now)
        days = {name: calendar.add(today, n) for name, n in (("yellow", _PROMISED - 1), ("red", _PROMISED + 1))}
        partner = self._partner(_HOME, RoleKind.SUPERVISOR)
        asked = {"number": self.number, "useCause": _CAUSE, **{name: day.isoformat() for name, day in days.items()}}
        found: dict[str, str] = {}

        def told() -> bool:
            case = (partner.query(_CASE, asked).get("data") or {}).get("case") or {"clocks": []}
            found.update(*(each for each in case["clocks"] if each["name"] == "HANDLING"))
            return bool(found)

        wait("the clock of the handling runs", told)
        lamps = {"name": "HANDLING", "today": "BLUE", "yellow": "YELLOW", "red": "RED"}
        expect("the lamps of the handling", found, lamps)
        self.teller.say(
            f"the clock of {_HOME} runs, {_PROMISED} working days promised: blue today, yellow on {days['yellow']}, "
            f"red on {days['red']} if nothing is done"
        )

    def _replace(self, papers: ResidentPapers) -> None:
        old, new = papers.business_license["ZZBS"], papers.successor["ZZBS"]
        self.teller.command("county", "revoke", old, "--reason", "04", *self.teller.of(_HOME))
        partner = self._partner(_INTAKE, RoleKind.INTAKE_CLERK)
        events = partner.follow(_EVENTS, {"number": self.number, "useCause": _CAUSE}, after=_BEGINNING, seconds=60)
        fallen = next(events)["data"]["caseEvents"]["license"]
        events.close()
        expect("the license that fell", fallen, {"certificateIdentifier": old, "status": "REVOKED"})
        self.teller.say(f"the business license is replaced: {_INTAKE} hears that its open case names a revoked one")
        self.teller.seal_one(_HOME, dict(papers.successor))
        self._step(_HOME, "CORRECTION_NOTICE")
        self._refused(old)
        self._step(_INTAKE, "CORRECTION", "--license", new)
        self.teller.say("the revoked one is refused in a step; with the new one the case goes on")

    def _refused(self, license_: str) -> None:
        """State a step that names a revoked license: the hub must not take it."""
        options = ("--license", license_, "--window", _WINDOWS[_INTAKE], *self.teller.of(_INTAKE))
        self.teller.command("county", "case", "step", "CORRECTION", self.number, *options, codes=(5,))

    def _decide(self, papers: ResidentPapers) -> None:
        self._step(_HOME, "CONCLUSION", "--outcome", "GRANTED", "--promised", "3")
        permit = self.teller.seal_one(_HOME, dict(papers.permit))
        self._step(_HOME, "PRODUCTION", "--license", permit, "--items", "1", "--promised", "3")
        self._step(_PICK_UP, "HAND_OVER_RECEIPT", "--items", "1")
        self._step(_PICK_UP, "PICK_UP")
        self._step(_PICK_UP, "EVALUATION", "--rating", "1")
        receipt = self.teller.present(_HOME, permit, "permit")
        self.teller.verdict(receipt, "VALID")
        self.teller.say(
            f"granted and sealed at {_HOME}, handed out at {_PICK_UP}, verified offline: VALID 有效; "
            "the resident is very satisfied"
        )

    def _who_looked(self) -> None:
        partner = self._partner(_INTAKE, RoleKind.HOLDER, holder=self.holder)
        looks: list[str] = []
        after, more = None, True
        while more:
            answer = partner.query(_LOOKS, {"holder": self.holder, "useCause": "本人查询", "after": after})
            page = answer["data"]["accessRecords"]["records"]
            looks += [each["county"] for each in page["records"]]
            after, more = page["endCursor"], page["hasNextPage"]
        expect("who looked", sorted(set(looks)), [_HOME, _INTAKE, _PICK_UP])
        told = f"{_INTAKE}, {_HOME} and {_PICK_UP}, {len(looks)} times in all"
        self.teller.say(f"the resident sees who looked at licenses and case, and why: {told}")

    def _partner(self, county: str, role: RoleKind, holder: Mapping[str, str] | None = None) -> Partner:
        named = None if holder is None else (holder["certificateHolderTypeCode"], holder["certificateHolderCode"])
        with self.teller.alliance.node(county) as node:
            return Partner(self.teller.alliance.url("hub"), access_token(node, None, role, named))

    def _step(self, county: str, kind: str, *options: str) -> None:
        """State a step by the command line; the graph may be a moment behind the step before."""
        words = (kind, self.number, *options, "--window", _WINDOWS[county], *self.teller.of(county))

        def taken() -> bool:
            return bool(self.teller.command("county", "case", "step", *words, codes=(0, 5)))  # a refusal prints nothing

        wait(f"{kind} is taken", taken)


def _seen(answer: Mapping[str, Any]) -> list[str]:
    """Give the licenses in an answer; none while the graph is not ready, or a face is not there yet."""
    nodes = [edge["node"] for edge in (answer["data"]["licenses"] or {"edges": []})["edges"]]
    return sorted(each["certificateIdentifier"] for each in nodes if "certificateHolderName" in each["face"])


def _case_number(now: int) -> str:
    roster = {row["code"]: row for row in read_table("roster")}[_HOME]
    task = MatterCode(catalogue=_MATTER, implementer=Uscc.parse(roster["authority_code"]), level=_COUNTY_LEVEL)
    return str(CaseNumber(task=task, day=china_day(now), serial=1))
