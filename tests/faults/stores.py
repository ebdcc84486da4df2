"""The parts by their names, for the child process."""

from __future__ import annotations

from typing import Final

from tests.faults.county_part import COUNTY
from tests.faults.hub_part import HUB
from tests.faults.journal_part import JOURNAL
from tests.faults.ledger_part import LEDGER
from tests.faults.parts import Part
from tests.faults.witness_part import WITNESS

__all__ = ["PARTS"]

PARTS: Final[dict[str, Part]] = {part.name: part for part in (HUB, LEDGER, JOURNAL, WITNESS, COUNTY)}
