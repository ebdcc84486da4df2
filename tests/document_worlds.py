"""What stands around the graph while a document is answered: registry, journal and the other ports, by name.

The graph itself is always the small world of `tests.graph_world`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from ledger.consents import Purpose
from ledger.status import Status
from schema.context import Access, Basis
from tests.case_world import OUR_CASE
from tests.graph_world import HOLDERS, LICENSES
from tests.ports import CONSENT, NOW, FakeBases, FakeFaceSources, FakeJournal, FakeRegistry

__all__ = ["WORLDS", "ports_of"]

_FIRST: Final = LICENSES[0]["certificateIdentifier"]


def _read_once() -> dict[str, Any]:
    """A clerk of another county has read license 1 before."""
    access = Access(
        county="220103",
        client="220103#3",
        token_id="token-9",
        use_cause="食品经营许可新办",
        root_field="licenses",
        holder="holder-one",
        licenses=(_FIRST,),
        fields=("License.status",),
        time=NOW - 3600,
    )
    return {"journal": FakeJournal(records=[access])}


def _asked_after() -> dict[str, Any]:
    """Clerks have read license 1 by a consent for any matter, looked for licenses in vain, and read the holder's case."""
    (first,) = _read_once()["journal"].records
    by_consent = replace(first, basis=f"consent/{CONSENT}", matter="000101002000")
    in_vain = replace(first, use_cause="窗口查询", licenses=(), time=NOW - 1800)
    of_case = replace(first, root_field="case", holder=None, licenses=(OUR_CASE,), fields=("Case.stage",))
    holdings = {"holder-one": {_FIRST: "370214", OUR_CASE: ""}}
    return {"journal": FakeJournal(records=[by_consent, in_vain, of_case], holdings=holdings)}


def _with_faces() -> dict[str, Any]:
    """The node of 370214 has the face of license 1, that of 220103 does not answer in time."""
    face = {"certificateName": "营业执照", "certificateHolderName": ["样例食品店"]}
    return {"faces": FakeFaceSources(kept={_FIRST: face}, codes={"220103": "deadline"})}


def _consented(*, ends: int = 1 << 30) -> dict[str, Any]:
    """The first holder lets a name be read; a case of the holder is open. ends: the judgement that finds it over."""
    face = {
        "certificateHolderName": ["张三丰"], "certificateHolderCode": ["370202199001011234"],
        "KZ_ADDRESS": "山东省青岛市城阳区示例路1号",
    }  # fmt: skip
    name = frozenset({"certificateHolderName"})
    bases = {
        CONSENT: Basis(
            name=f"consent/{CONSENT}", holder="holder-one", matter="000101002000", fields=name, purpose=Purpose.HANDLING
        ),
        OUR_CASE: Basis(name=f"case/{OUR_CASE}", holder="holder-one", matter="000101002000", fields=None, purpose=None),
    }
    kept = {one["certificateIdentifier"]: face for one in LICENSES}
    return {"faces": FakeFaceSources(kept=kept), "bases": FakeBases(kept=bases, ends=ends)}


def _with_a_legacy_county() -> dict[str, Any]:
    """The service of 220103 has the face of license 3; the ledger says more than the graph has heard."""
    third = LICENSES[2]["certificateIdentifier"]
    faces = FakeFaceSources(
        kept={_FIRST: {"certificateName": "营业执照"}, third: {"certificateName": "食品经营许可证"}},
        legacy=frozenset({"220103"}),
    )
    changed = {LICENSES[1]["logIndex"]: Status.REVOKED, LICENSES[2]["logIndex"]: Status.SUSPENDED}
    return {"faces": faces, "registry": FakeRegistry(changed=changed)}


WORLDS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = MappingProxyType(
    {
        "quiet": dict,
        "read before": _read_once,
        "asked after": _asked_after,
        "faces": _with_faces,
        "one name consented": _consented,
        "consent ends": lambda: _consented(ends=1),
        "legacy county": _with_a_legacy_county,
        "status changes": lambda: {"registry": FakeRegistry(changed={2: Status.REVOKED, 3: Status.SUSPENDED})},
    }
)
"""World -> members of `tests.ports.request_context`, made anew for each request."""


def ports_of(world: str) -> dict[str, Any]:
    """Give a world's ports; holders are hashed by the table of the small world."""
    return {"holder_key": lambda _type, code: HOLDERS[code]} | WORLDS[world]()
