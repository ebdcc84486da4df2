"""Standing statements in the graph: which kind is written by what, under the journal's cursor.

A writer makes the writes of consecutive statements of one kind, in the journal's order. Kinds are written in the order
of `WRITERS`, behind the licenses, offerings and case steps of the same batch, so a kind stands below those that it
follows. Each write may run twice, and ends the same whatever the batches were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hub.graph.casework import assistance_steps, supervision_steps
from hub.graph.consents import consent_steps, revocation_steps
from hub.graph.followups import follow_up_steps
from hub.graph.hotline import hotline_steps
from hub.graph.objections import objection_steps
from hub.journal.assistance import AssistanceRecord
from hub.journal.consents import ConsentRecord, RevocationRecord
from hub.journal.followups import FollowUpRecord
from hub.journal.hotline import HotlineRecord
from hub.journal.objections import ObjectionRecord
from hub.journal.supervision import SupervisionRecord

if TYPE_CHECKING:
    from hub.graph.driver import Step
    from hub.journal.standing import Standing

__all__ = ["WRITERS", "Writer", "statement_steps"]

Writer: TypeAlias = Callable[[Sequence[Any]], list["Step"]]

WRITERS: Final[Mapping[type[Standing], Writer]] = MappingProxyType(
    {
        HotlineRecord: hotline_steps,
        ConsentRecord: consent_steps,
        RevocationRecord: revocation_steps,
        ObjectionRecord: objection_steps,
        FollowUpRecord: follow_up_steps,
        AssistanceRecord: assistance_steps,
        SupervisionRecord: supervision_steps,
    }
)
"""Record class -> its writer. Every standing statement of `hub.journal.records.READERS` has one."""


def statement_steps(records: Sequence[Standing]) -> list[Step]:
    """Give the writes of these statements, which stand in the journal's order."""
    kinds = {type(record) for record in records}
    return [
        step
        for kind, write in WRITERS.items()
        if kind in kinds
        for step in write([record for record in records if type(record) is kind])
    ]
