"""What the callers of an alliance were told, kept in the test's own memory: no process that is killed can lose it.

Every thread of the load writes its own keys, so plain dictionaries do. An answer that did not come is kept, too: the
outcome is unknown then, and only the repetition tells.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Account", "Told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The hub's answer for an entry. evidence: receipt of a seal, proof of any other entry; None while unwitnessed."""

    index: int
    evidence: bytes | None


@dataclass(slots=True, kw_only=True)
class Account:
    """All that was sent, and what came back.

    entries: by their bytes; None: no answer. records: journal records by their bytes, with their position. looks: by
    their use cause, whether an answer came. outbox: what the county's own node took, certificateIdentifier by leaf.
    notes: checkpoints as served, in order, none twice in a row. faults: answers that no kill explains.
    """

    entries: dict[bytes, Told | None] = field(default_factory=dict)
    records: dict[bytes, int | None] = field(default_factory=dict)
    looks: dict[str, bool] = field(default_factory=dict)
    outbox: dict[bytes, str] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def saw(self, note: bytes) -> None:
        """Keep a served checkpoint."""
        if self.notes[-1:] != [note]:
            self.notes.append(note)

    def has_some_of_each(self) -> bool:
        """Tell whether an entry, a journal record and a look-up were acknowledged, while threads go on writing."""
        answers = (list(self.entries.values()), list(self.records.values()), list(self.looks.values()))
        return all(any(answer not in {None, False} for answer in each) for each in answers)

    def absorb(self, later: Account) -> None:
        """Add a later account to this one."""
        self.entries |= later.entries
        self.records |= later.records
        self.looks |= later.looks
        self.outbox |= later.outbox
        self.notes += later.notes
        self.faults += later.faults

    def tally(self) -> Counter[str]:
        """Count what was acknowledged, and what was left without an answer."""
        answers = {
            "entries": [told is not None for told in self.entries.values()],
            "journal records": [position is not None for position in self.records.values()],
            "look-ups": list(self.looks.values()),
            "outbox items": [True] * len(self.outbox),
        }
        counts: Counter[str] = Counter()
        for kind, answered in answers.items():
            counts[f"{kind} acknowledged"] = sum(answered)
            counts[f"{kind} of unknown outcome"] = len(answered) - sum(answered)
        return counts
