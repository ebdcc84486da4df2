"""One measurement after another, round by round, each contender on core 0 and all else on core 1.

A measurement in which the contender got less than 93 % of its core, or others took more than a seventh of one, says
more about the machine than about it: it is taken again, twice at most, and both are told. A wrong answer ends the run.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from hub.processes import end_with_parent
from loadtests.bench.peers.contenders import Contender, address
from loadtests.bench.peers.tools import GENERATOR
from loadtests.bench.peers.world import GraphPlace, pin

__all__ = ["CONNECTIONS", "MOST_FOREIGN", "Load", "Measured", "measure", "measure_raw"]

CONNECTIONS: Final = 32
MOST_FOREIGN: Final = 0.15  # of a core, by whoever has no part in the measurement
_LEAST_SHARE: Final = 0.93
_TRIES: Final = 3
_GRACE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent. kind: mix, one, alone (one connection), open or cold. once: each request once, in order.

    per_second: requests when they are due, whatever became of those before them; 0: as soon as a connection is free.
    """

    kind: str
    file: Path
    seconds: float
    warm: float = 0.5
    connections: int = CONNECTIONS
    once: bool = False
    per_second: float = 0

    @property
    def order(self) -> list[str]:
        """The generator's options for the order, and for when requests are due."""
        return (["-once"] if self.once else []) + (["-rate", str(self.per_second)] if self.per_second else [])

    @property
    def busy(self) -> bool:
        """Whether the contender is kept busy, so that it should get its whole core."""
        return self.connections > 1 and not self.once and not self.per_second


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement. share: of its core that the contender got. engine_us: CPU of engine or replay server.

    foreign: cores that others took meanwhile, whoever they are: no contender, generator or engine.
    """

    contender: str
    kind: str
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    share: float
    engine_us: float
    foreign: float = 0.0

    @property
    def quiet(self) -> bool:
        """Whether the machine did next to nothing else."""
        return self.foreign <= MOST_FOREIGN


def measure(contender: Contender, load: Load, graph: GraphPlace) -> Measured:
    """Put one contender under one load. Raises ValueError for a wrong answer."""
    pin(contender.pid, 0)
    tries = 1 if load.once else _TRIES
    found = _once(contender, load, graph)
    while not (found.quiet and (not load.busy or found.share >= _LEAST_SHARE)) and (tries := tries - 1):
        again = _once(contender, load, graph)
        found = max(found, again, key=lambda each: each.share if load.busy else -each.foreign)
    return found


def _once(contender: Contender, load: Load, graph: GraphPlace) -> Measured:
    command = [
        str(GENERATOR), "-address", address(contender.url), "-file", str(load.file), "-connections",
        str(load.connections), "-seconds", str(load.seconds), "-warm", str(load.warm), *load.order,
    ]  # fmt: skip
    return _watched(contender.name, load.kind, command, graph, watched=contender.pid)


def measure_raw(file: Path, seconds: float, graph: GraphPlace) -> Measured:
    """Let the raw driver ask the mix, on the contenders' core."""
    command = [sys.executable, "-m", "loadtests.bench.peers.raw", str(file), str(seconds)]
    return _watched("raw", "mix", command, graph, watched=None)


def _watched(name: str, kind: str, command: Sequence[str], graph: GraphPlace, *, watched: int | None) -> Measured:
    """Run what asks, and read the CPU time that contender and engine used meanwhile.

    watched: the contender's process; None: it is what asks, and is on the contenders' core itself.
    """
    environment = {**os.environ, "GOMAXPROCS": "1"}
    before, engine, start = _cpu(watched), _cpu(graph.pid), time.perf_counter()
    machine, children = _machine(), _children()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, preexec_fn=end_with_parent()) as child:  # noqa: PLW1509  # two system calls
        pin(child.pid, 1 if watched else 0)
        output, _ = child.communicate(timeout=_GRACE_S)
    if child.returncode:
        raise RuntimeError(f"{name}, {kind}: what asks ended with {child.returncode}")
    took = time.perf_counter() - start
    said: dict[str, Any] = json.loads(output)
    if said.get("wrong"):
        raise ValueError(f"{name}, {kind}: {said['wrong']} wrong answers, such as {said['first_wrong']}")
    if not said["requests"]:
        raise RuntimeError(f"{name}, {kind}: no answer within the time of the measurement")
    used = said["cpu_s"] if watched is None else _cpu(watched) - before
    engine_used = _cpu(graph.pid) - engine
    own_cpu = (_children() - children) + engine_used + (0.0 if watched is None else used)
    warmed = said["requests"] * took / said["seconds"]  # warming counts in the CPU time
    own, asked = (said["requests"], said["asked"]) if watched is None else (warmed, warmed)
    return Measured(
        contender=name,
        kind=kind,
        rate=said["requests"] / said["seconds"],
        p50_us=said["p50_us"],
        p99_us=said["p99_us"],
        cpu_us=used / own * 1e6,
        share=used / (said["seconds"] if watched is None else took),
        engine_us=engine_used / asked * 1e6,
        foreign=max(0.0, (_machine() - machine - own_cpu) / took),
    )


def _machine() -> float:
    """Give the CPU seconds of the whole machine since its start, those that a host took away from it too."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def _children() -> float:
    """Give the CPU seconds of this process's children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _cpu(pid: int | None) -> float:
    """Give the CPU seconds of a process and of its children that live; 0 of none."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    return float(sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True))))
