"""Auditors with a planted fault each: what the state machine must find, or it would find nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from hub.county.auditing import SqliteAuditStore
from hub.county.mirroring import MirroredLog
from ledger.deposits import Deposit
from ledger.transparency.audit import Audited
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.store import Appended
from ledger.transparency.witness import Latest
from tests.faults.auditor_host import AuditorHost

__all__ = ["PLANTED"]


class _Blind(Audited):
    def check_deposits(self, deposits: Sequence[Deposit], now: int) -> tuple[bytes, ...]:
        return super().check_deposits(deposits, 0)  # nothing is ever due


class _BlindMirror(MirroredLog):
    def check_next(self, claimed: Checkpoint) -> Audited:
        found = super().check_next(claimed)
        return _Blind(**{each.name: getattr(found, each.name) for each in fields(found)})


class _SettlingMirror(MirroredLog):
    def keep(self, audited: Audited, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        super().keep(audited, latest, [each.entry.leaf for each in self._store.deposits()])


class _DepositsInMemory(SqliteAuditStore):
    def __init__(self, path: Path) -> None:
        self._taken: dict[bytes, Deposit] = {}
        super().__init__(path)

    def deposit(self, deposit: Deposit) -> tuple[Deposit, bool]:
        fresh = deposit.raw not in self._taken
        return self._taken.setdefault(deposit.raw, deposit), fresh

    def deposits(self) -> Sequence[Deposit]:
        return [*self._taken.values()]

    def keep(self, batch: Appended | None, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        super().keep(batch, latest, settled)
        self._taken = {raw: each for raw, each in self._taken.items() if each.entry.leaf not in settled}


class _DepositsForgotten(SqliteAuditStore):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._connection.execute("DELETE FROM deposit")


class _CosignedInMemory(SqliteAuditStore):
    def __init__(self, path: Path) -> None:
        self._cosigned: Latest | None = None
        super().__init__(path)

    def keep(self, batch: Appended | None, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        super().keep(batch, None, settled)
        self._cosigned = latest or self._cosigned

    def latest(self) -> Latest | None:
        return self._cosigned


class _Blinded(AuditorHost):
    mirror_kind = _BlindMirror


class _Settling(AuditorHost):
    mirror_kind = _SettlingMirror


class _Unstored(AuditorHost):
    store_kind = _DepositsInMemory


class _Forgetful(AuditorHost):
    store_kind = _DepositsForgotten


class _Unsteady(AuditorHost):
    store_kind = _CosignedInMemory


PLANTED: Final[dict[str, type[AuditorHost]]] = {
    "cosigns whatever was deposited": _Blinded,
    "takes every deposit for settled": _Settling,
    "acknowledges a deposit before it is stored": _Unstored,
    "forgets its deposits at a start": _Forgetful,
    "tells a cosignature before it is stored": _Unsteady,
}
"""What is wrong with it -> the auditor."""
