"""The sample alliance as a scene: a town of made-up holders, a few open cases, and tokens for every kind of user.

with sample(folder) as town, ...:
    scene_of(town, statics=url).write(folder / "scene.json")
    write_tokens(folder / "tokens.json", tokens_of(town))
"""

from __future__ import annotations

import time
from typing import Final

from hub.casedesk import holder_of, state_step
from hub.county.node import CountyNode
from hub.demo.alliance import SAMPLE
from hub.ingest.data import read_table
from hub.partner import access_token
from ledger.encoding import JsonValue
from ledger.identifiers import Uscc
from ledger.matters import CaseNumber, MatterCode
from ledger.workdays import china_day
from loadtests.bench.town import ASKING, Town
from loadtests.load.scene import Scene, Tokens
from loadtests.population import Holder
from schema.roles import RoleKind

__all__ = ["scene_of", "tokens_of"]

_CASES: Final = 12
_HOME: Final = "370214"
_MATTER: Final = "000101005000"  # 食品经营许可新办
_COUNTY_LEVEL: Final = 4
_TOKENS: Final = 8  # of each role; users of a role share them
_STAFF: Final = (RoleKind.INTAKE_CLERK, RoleKind.HANDLER, RoleKind.AUDITOR, RoleKind.PARTNER_SYSTEM)


def scene_of(town: Town, *, statics: str) -> Scene:
    """Open some cases, and give the scene of a town."""
    offered = tuple((row["matter_code"], row["county"]) for row in read_table("offerings") if row["county"] in SAMPLE)
    holders = town.population.holders
    with town.alliance.node(ASKING) as node:
        cases = tuple(_taken_in(node, holder, serial) for serial, holder in enumerate(holders[:_CASES], start=1))
    return Scene(county=ASKING, holders=holders, cases=cases, offerings=offered, statics=statics)


def tokens_of(town: Town) -> Tokens:
    """Sign everybody in anew: staff of the county that asks, and the first holders at its portal."""
    with town.alliance.node(ASKING) as node:
        tokens = {role.value: [access_token(node, None, role) for _ in range(_TOKENS)] for role in _STAFF}
        tokens[RoleKind.HOLDER.value] = [
            access_token(node, None, RoleKind.HOLDER, (holder.type_code, holder.code))
            for holder in town.population.holders[:_TOKENS]
        ]
    return tokens


def _taken_in(node: CountyNode, holder: Holder, serial: int) -> str:
    """Take a case in for another county, and give its number."""
    now = int(time.time())
    roster = {row["code"]: row for row in read_table("roster")}[_HOME]
    task = MatterCode(catalogue=_MATTER, implementer=Uscc.parse(roster["authority_code"]), level=_COUNTY_LEVEL)
    number = str(CaseNumber(task=task, day=china_day(now), serial=serial))
    members: dict[str, JsonValue] = {
        "step": "APPLICATION", "outcome": None, "window": "A03", "role": RoleKind.INTAKE_CLERK.value, "mode": None,
        "matter": _MATTER, "offering": None, "holder": holder_of(node, holder.type_code, holder.code),
        "handledBy": _HOME, "pickedUpAt": ASKING, "limits": {"statutory": None, "promised": 2}, "licenses": [],
        "tolerated": [],
    }  # fmt: skip
    state_step(node, number, members, now)
    return number
