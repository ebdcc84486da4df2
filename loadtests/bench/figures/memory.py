"""Memory of the hub over 20,000 look-ups: what is its own at the end, beside the same after the first of them.

The first 2,000 look-ups fill the caches (documents, plans, tokens, connections) and do not count. "Flat" is read as:
grown by at most 5 % over the 20,000 that follow. Counted is what belongs to the process alone (USS, page by page, where
the resident size is an estimate of the kernel's). Every answer is checked for content.
"""

from __future__ import annotations

from typing import Final

import psutil
import uvloop

from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.bench.town import Town
from loadtests.bench.wire import closed_loop, connected

__all__ = ["measure"]

_WARM: Final = 2_000
_LOOK_UPS: Final = 20_000
_SAMPLES: Final = 5
_CLIENTS: Final = 32
_MIB: Final = 1024 * 1024


def measure(effort: Effort, town: Town) -> list[Reading]:
    """Measure the figure `memory`."""
    count = effort.amount(_LOOK_UPS, least=1_000)
    sizes, seconds = uvloop.run(_sizes(town, effort.amount(_WARM, least=500), count))
    return [
        Reading(
            name="memory",
            title=f"memory of the hub (USS) after {count:,} look-ups more",
            unit="MiB",
            beside="after the first look-ups",
            pairs=(Pair(sizes[-1], sizes[0]),),
            gate=Gate(of="ratio", sign="<=", bound=1.05),
            note=f"on the way: {', '.join(f'{size:.1f}' for size in sizes)} MiB; {count / seconds:,.0f} look-ups/s",
        )
    ]


async def _sizes(town: Town, warm: int, count: int) -> tuple[list[float], float]:
    hub, seconds = town.hub, 0.0
    async with connected(town.url, _CLIENTS) as connections:
        await closed_loop(connections, town.look_ups(warm))
        sizes = [_mib(hub)]
        for _ in range(_SAMPLES):
            seconds += await closed_loop(connections, town.look_ups(count // _SAMPLES))
            sizes.append(_mib(hub))
    return sizes, seconds


def _mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / _MIB
