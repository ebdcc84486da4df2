"""One measurement after another, round by round, each contender on core 0 and all else on core 1.

A measurement in which the contender got less than 93 % of its core says more about the machine than about it: it is
taken again, twice at most, and its share is told. A wrong answer ends the run.
"""

from __future__ import annotations

import json
import os
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

__all__ = ["CONNECTIONS", "Load", "Measured", "measure", "measure_raw"]

CONNECTIONS: Final = 32
_LEAST_SHARE: Final = 0.93
_TRIES: Final = 3
_GRACE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent. kind: mix, one, alone (one connection) or cold. once: each request once, in order."""

    kind: str
    file: Path
    seconds: float
    warm: float = 0.5
    connections: int = CONNECTIONS
    once: bool = False

    @property
    def order(self) -> list[str]:
        """The generator's option for the order."""
        return ["-once"] if self.once else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement. share: of its core that the contender got. engine_us: CPU of engine or replay server."""

    contender: str
    kind: str
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    share: float
    engine_us: float


def measure(contender: Contender, load: Load, graph: GraphPlace) -> Measured:
    """Put one contender under one load. Raises ValueError for a wrong answer."""
    pin(contender.pid, 0)
    tries = 1 if load.connections == 1 or load.once else _TRIES
    found = _once(contender, load, graph)
    while found.share < _LEAST_SHARE and (tries := tries - 1):
        again = _once(contender, load, graph)
        found = max(found, again, key=lambda each: each.share)
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
        engine_us=(_cpu(graph.pid) - engine) / asked * 1e6,
    )


def _cpu(pid: int | None) -> float:
    """Give the CPU seconds of a process and of its children that live; 0 of none."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    return float(sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True))))
