"""What lanes save: CPU time of the database, and of this process, per look-up, beside the same without lanes.

32 tasks ask the ten documents of `loadtests/operations/mix` (eight selections of a holder's licenses, two of a matter),
each a random one of a random holder or matter, and then one document alone: by the hub's own execution without HTTP,
over a made-up world of 10,000 licenses in an embedded engine. Both sides ask the same questions in the same order;
every answer is checked. The engine's time is that of its process with all its threads, from /proc.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hub.commands.progress import progress_bars
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.embedded import ArcadeEngine
from hub.graph.lanes import LaneLimits, Lanes
from hub.graphql.limits import LIMITS
from hub.ingest.data import read_table
from hub.keyfiles import make_private_folder
from hub.workers import cores
from loadtests.bench.asking import Asking
from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.nineteen.logs import make_logs
from loadtests.nineteen.plan import HOLDER_SECRET, LICENSES_A_HOLDER, START, World
from loadtests.nineteen.projecting import projected
from schema.context import Graph

__all__ = ["NAMES", "Question", "measure", "mixed_questions"]

NAMES: Final = ("lanes-database-mixed", "lanes-gateway-mixed", "lanes-database-one", "lanes-gateway-one")
_MIX: Final = Path(__file__).parents[2] / "operations" / "mix"
_LICENSES: Final = 10_000
_LOOK_UPS: Final = 6_000
_TASKS: Final = 32
_PATIENT_S: Final = 60.0
_WARM_UPS: Final = 2
_CAUSE: Final = "figures: lanes"
_SEED: Final = 6


@dataclass(frozen=True, slots=True)
class Question:
    """One document with its variables."""

    document: str
    variables: dict[str, Any]
    personal: bool


@dataclass(frozen=True, slots=True)
class _Spent:
    """CPU time of one run, in microseconds a look-up."""

    database: float
    gateway: float


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure all figures of NAMES."""
    return asyncio.run(_measured(effort, folder))


async def _measured(effort: Effort, folder: Path) -> list[Reading]:
    make_private_folder(folder)
    world = World(licenses=_LICENSES)
    with progress_bars(shown=True) as bars:
        make_logs(folder / "hub", world, processes=cores(), bars=bars)
        async with projected(folder / "hub", bars, memory_mb=1024) as driver:
            return await _readings(effort, world, driver)


async def _readings(effort: Effort, world: World, driver: BoltDriver) -> list[Reading]:
    count = effort.amount(_LOOK_UPS, least=640)
    keys: list[int] = []
    lanes = Lanes(BoltGraph(driver), limits=LaneLimits(wait_s=_PATIENT_S), on_statement=keys.append)
    together, alone = _Side(driver, _asking(lanes)), _Side(driver, _asking(BoltGraph(driver)))
    readings = []
    for mix, documents in (("ten documents mixed", _documents()), ("one document", _documents()[5:6])):
        questions = _questions(world, documents, count)
        for _ in range(_WARM_UPS):
            await together.run(questions), await alone.run(questions)
        keys.clear()
        rounds = [(await together.run(questions), await alone.run(questions)) for _ in range(effort.rounds)]
        note = f"{_TASKS} at a time, {count:,} look-ups a round, {sum(keys) / len(keys):.1f} keys a statement"
        readings += _readings_of(mix, rounds, note)
    return readings


def _asking(graph: Graph) -> Asking:
    limits = replace(LIMITS, seconds=_PATIENT_S)  # CPU time is counted: a busy machine only makes it take longer
    return Asking(graph, secret=HOLDER_SECRET, now=START + 30 * 86_400, limits=limits)


def _readings_of(mix: str, rounds: Sequence[tuple[_Spent, _Spent]], note: str) -> list[Reading]:
    kind = "mixed" if mix.endswith("mixed") else "one"
    return [
        Reading(
            name=f"lanes-{whose}-{kind}",
            title=f"CPU time of the {whose} a look-up, {mix}, with lanes",
            unit="us a look-up",
            beside="the same without lanes",
            pairs=tuple(Pair(getattr(ours, whose), getattr(beside, whose)) for ours, beside in rounds),
            gate=Gate(of="ratio", sign="<=", bound=0.5) if whose == "database" else None,
            note=note,
        )
        for whose in ("database", "gateway")
    ]


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two ways to ask the same engine."""

    driver: BoltDriver
    asking: Asking

    async def run(self, questions: Sequence[Question]) -> _Spent:
        """Ask everything, 32 at a time."""
        waiting = iter(questions)

        async def client() -> None:
            for question in waiting:
                _check(question, await self.asking.ask(question.document, question.variables))

        database, gateway = _cpu_seconds(self.driver), time.process_time()
        await asyncio.gather(*(client() for _ in range(_TASKS)))
        share = 1e6 / len(questions)
        return _Spent((_cpu_seconds(self.driver) - database) * share, (time.process_time() - gateway) * share)


def _cpu_seconds(driver: BoltDriver) -> float:
    """Give the user and system time of the engine's process so far."""
    engine = driver.engine
    if not isinstance(engine, ArcadeEngine) or engine.pid is None:
        raise TypeError("expected a running embedded engine")
    fields = Path(f"/proc/{engine.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _documents() -> list[tuple[str, str]]:
    """Give name and text of the mix; the sixth is what a counter shows."""
    return [(file.stem, file.read_text("utf-8")) for file in sorted(_MIX.glob("*.graphql"))]


def mixed_questions(world: World, count: int) -> list[Question]:
    """Choose among the ten documents, with their variables; the same in every run."""
    return _questions(world, _documents(), count)


def _questions(world: World, documents: Sequence[tuple[str, str]], count: int) -> list[Question]:
    """Choose documents, holders and matters; the same in every run."""
    matters = tuple(row["code"] for row in read_table("matters"))
    chance = random.Random(_SEED)
    found: list[Question] = []
    for _ in range(count):
        name, text = chance.choice(documents)
        type_code, code = world.holder_code(chance.randrange(world.licenses // LICENSES_A_HOLDER))
        holder = {"certificateHolderTypeCode": type_code, "certificateHolderCode": code}
        personal = name.startswith("l")
        variables = {"holder": holder, "useCause": _CAUSE} if personal else {"code": chance.choice(matters)}
        found.append(Question(text, variables, personal))
    return found


def _check(question: Question, data: dict[str, Any]) -> None:
    if question.personal and len(data["licenses"]["edges"]) != LICENSES_A_HOLDER:
        raise ValueError("a look-up did not find the holder's licenses")
    if not question.personal and data["matter"] is None:
        raise ValueError("a look-up did not find the matter")
