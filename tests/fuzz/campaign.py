"""A fuzz campaign: many inputs for one target, each ended by a result or a coded error, in bounded time and memory.

    parsed, a verdict      `run` returns
    refused                `run` raises a TongbanError with a code of its class
    failure                anything else: another exception, more processor time than `seconds`, memory that grows

A failure keeps the seed, the number of the input, and the smallest input with the same fault that was found.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ledger.errors import CODES, TongbanError
from tests.fuzz.mutation import WORDS, Mutator

__all__ = ["Failure", "Report", "Target", "TooSlow", "run_campaign"]

MAX_GROWTH_MIB: Final = 48  # from the middle of a campaign, when bounded caches are full, to its end
_SMALLER: Final = 400  # tries at a smaller input
_SMALLER_OF_SLOW: Final = 8
_FAULTS: Final = 5  # different faults, after which a campaign ends


class TooSlow(BaseException):
    """An input took too long; not an Exception, so that no code under test takes it for its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is fuzzed. seeds: makes valid inputs. run: takes one input; returns, or raises TongbanError.

    words: format words to strew in. share: of the asked number of mutations, for a target whose inputs are dear.
    seconds: of processor time that one input may take.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    run: Callable[[bytes], object]
    words: Sequence[bytes] = WORDS
    share: float = 1.0
    seconds: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An input that ended in no result and no coded error. fault: exception and place. number: which mutation."""

    target: str
    fault: str
    detail: str
    seed: int
    number: int
    data: bytes

    def save(self, folder: Path) -> Path:
        """Write the input as a hex file, and say in its name what it is for."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.target.replace(' ', '-')}-{self.seed}-{self.number}.hex"
        path.write_text(self.data.hex() + "\n", encoding="ascii")
        return path


@dataclass(slots=True)
class Report:
    """What a campaign found. ends: how often an input ended with each code or result. growth: MiB in the second half.

    slowest: processor seconds of one input.
    """

    target: str
    seed: int
    inputs: int = 0
    accepted: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    seconds: float = 0.0
    growth: float = 0.0
    failures: list[Failure] = field(default_factory=list)


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Raise TooSlow after so much processor time: a busy machine makes nothing slow."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _stop(_number: int, _frame: object) -> None:
    raise TooSlow


@dataclass(frozen=True, slots=True)
class _End:
    """How an input ended: with a name for what was taken, with a code, or with a fault and its traceback."""

    taken: str = ""
    code: str = ""
    fault: str = ""
    detail: str = ""


def _end_of(target: Target, data: bytes) -> _End:
    try:
        with _bounded(target.seconds):
            result = target.run(data)
    except TongbanError as error:
        return _End(code=error.code, fault="" if error.code in CODES else f"unknown code {error.code}")
    except (Exception, TooSlow) as error:  # noqa: BLE001  # any other end is what is looked for
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
        return _End(fault=f"{type(error).__name__} at {place}", detail="".join(traceback.format_exception(error)[-4:]))
    return _End(taken=result if isinstance(result, str) else "taken")


def run_campaign(target: Target, count: int, seed: int, progress: Callable[[int], object] = lambda _: None) -> Report:
    """Run the seeds of a target, which must all be accepted, then `count` mutations of them."""
    report = Report(target=target.name, seed=seed)
    before = signal.signal(signal.SIGPROF, _stop)
    started = time.process_time()
    try:
        seeds = tuple(target.seeds())
        for data in seeds:
            _run_seed(target, report, data)
        mutator, middle = Mutator(seeds, seed, target.words), _resident_mib()
        for number in range(count):
            if number == count // 2:
                middle = _resident_mib()
            _run_one(target, report, number, mutator.next())
            if len(report.failures) >= _FAULTS:
                break
            if number % 500 == 499:
                progress(500)
        report.growth = max(0.0, _resident_mib() - middle)
        if report.growth > MAX_GROWTH_MIB:
            fault = f"memory grew by {report.growth:.0f} MiB"
            report.failures.append(
                Failure(target=target.name, fault=fault, detail="", seed=seed, number=count, data=b"")
            )
    finally:
        signal.signal(signal.SIGPROF, before)
    report.seconds = time.process_time() - started
    return report


def _run_seed(target: Target, report: Report, data: bytes) -> None:
    end = _end_of(target, data)
    if end.code or end.fault:
        fault = end.fault or f"a seed is refused: {end.code}"
        report.failures.append(
            Failure(target=target.name, fault=fault, detail=end.detail, seed=report.seed, number=-1, data=data)
        )


def _run_one(target: Target, report: Report, number: int, data: bytes) -> None:
    started = time.process_time()
    end = _end_of(target, data)
    report.slowest = max(report.slowest, time.process_time() - started)
    report.inputs += 1
    report.ends[end.code or end.taken or "failure"] += 1
    report.accepted += bool(end.taken)
    if end.fault and end.fault not in {failure.fault for failure in report.failures}:
        smallest = _smallest(target, data, end.fault)
        report.failures.append(
            Failure(
                target=target.name, fault=end.fault, detail=end.detail, seed=report.seed, number=number, data=smallest
            )
        )


def _smallest(target: Target, data: bytes, fault: str) -> bytes:
    """Leave out ever smaller parts as long as the fault stays the same."""
    tries, size = 0, len(data) // 2
    most = _SMALLER_OF_SLOW if fault.startswith(TooSlow.__name__) else _SMALLER
    while size and tries < most:
        start = 0
        while start < len(data) and tries < most:
            shorter = data[:start] + data[start + size :]
            tries += 1
            if _end_of(target, shorter).fault == fault:
                data = shorter
            else:
                start += size
        size //= 2
    return data


def _resident_mib() -> float:
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:  # no /proc: the greatest size so far, in KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
