"""The load test: hub, engine, county nodes and Locust on loopback, checked answers, gates, an HTML and a JSON report.

    python -m loadtests.load [--shape NAME]... [--seconds S] [--users N] [--pace P] [--json]
    python -m loadtests.load --staging URL --county-data DIR --passphrase-file FILE --holders FILE [--cases FILE]

    soak      soak         40.2 good/s, generator 4% of a core, ceiling 3,056/s
                        p50 20 ms, p95 90 ms, p99 120 ms, 0 away, 0 partial, 0 wrong
              wrong answers                     0.00 <= 0     met
              memory growth                     1.01 <= 1.05  met

Without `--staging` it founds and starts a sample alliance, and asks nobody else. It ends by itself: each shape after
its seconds, and no later than a minute behind them. load-out/ has report.html, report.json and a page of Locust's for
each shape. Exit code 0: every gate is met; 1: one is missed, which is named; 2: usage; 3: a hub or its county does not
answer.

Example: python -m loadtests.load --shape soak --seconds 1800
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from hub.county.folder import open_county
from hub.keyfiles import read_passphrase
from hub.partner import access_token
from hub.urls import server_url
from ledger.errors import TongbanError
from loadtests.bench.conditions import conditions, load
from loadtests.bench.town import Town, running_town
from loadtests.constant import constant_reply
from loadtests.load.gates import Gate, Memory, judged
from loadtests.load.page import page
from loadtests.load.sample import scene_of, tokens_of
from loadtests.load.scene import Scene, Tokens, write_tokens
from loadtests.load.shapes import SHAPES, Stage
from loadtests.load.tally import StageTally, Tally
from loadtests.population import read_holders
from schema.roles import RoleKind

__all__ = ["main"]

_OUT: Final = Path("load-out")
_LICENSES: Final = 300  # a county
_TOKENS_S: Final = 240.0  # a token lives for ten minutes
_MEMORY_S: Final = 5.0
_GRACE_S: Final = 60.0
_ROLES: Final = (RoleKind.INTAKE_CLERK, RoleKind.HANDLER, RoleKind.AUDITOR, RoleKind.PARTNER_SYSTEM)
_PORTAL_USERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A hub to put under load. fresh: signs everybody in anew. memory: bytes of the hub's process; None: not ours."""

    url: str
    scene: Scene
    fresh: Callable[[], Tokens]
    memory: Callable[[], int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One shape that was run."""

    shape: str
    stages: Sequence[Stage]
    tally: Tally
    document: dict[str, Any]
    memory: Memory
    gates: Sequence[Gate]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen shapes one after another, print and write what was seen; 1 if a gate is missed."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    needed = (chosen.county_data, chosen.passphrase_file, chosen.holders)
    if (chosen.staging is None) != (needed == (None, None, None)) or (chosen.staging and None in needed):
        parser.error("--staging goes with --county-data, --passphrase-file and --holders")
    _OUT.mkdir(exist_ok=True)
    before, ran = load(), []
    with tempfile.TemporaryDirectory(prefix="tongban-load-") as folder, constant_reply() as (statics, _):
        try:
            with _target(chosen, Path(folder), statics) as target:
                for shape in chosen.shape or list(SHAPES):
                    ran.append(_run(shape, target, Path(folder), chosen))
                    if not chosen.json:
                        print(_text(ran[-1]), flush=True)
        except TongbanError as error:
            print(f"{error.code}: {error.message}", file=sys.stderr)
            return 3
    document = _document(ran, before)
    (_OUT / "report.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    (_OUT / "report.html").write_text(page(document), "utf-8")
    print(orjson.dumps(document).decode() if chosen.json else f"written to {_OUT}/report.html, {_OUT}/report.json")
    return int(not all(gate.met for each in ran for gate in each.gates))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.load", description=(__doc__ or "").splitlines()[0],
        epilog="Example: python -m loadtests.load --shape soak --seconds 1800",
    )  # fmt: skip
    parser.add_argument("--shape", action="append", choices=list(SHAPES), help="run this one only; can be repeated")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each shape; default 60, at most 3600")
    parser.add_argument("--users", type=int, default=40, help="most users of a shape; default 40")
    parser.add_argument("--pace", type=float, default=1.0, help="requests a second of each user; default 1")
    parser.add_argument("--json", action="store_true", help="print the report instead of the text")
    staging = parser.add_argument_group("a hub of your own (without it: a sample alliance on loopback)")
    staging.add_argument("--staging", type=_staging_url, help="URL of a hub that is there for tests, without a path")
    staging.add_argument("--county-data", type=Path, help="data folder of the county that asks: signs the users in")
    staging.add_argument("--passphrase-file", type=Path, help="file (0600) with the passphrase of its keys")
    staging.add_argument("--holders", type=Path, help="NDJSON of holders, consents and the licenses to be found")
    staging.add_argument("--cases", type=Path, help="numbers of the county's cases, one a line")
    return parser


def _staging_url(text: str) -> str:
    try:
        return server_url(text, "--staging")
    except TongbanError as error:
        raise argparse.ArgumentTypeError(error.message) from error


@contextmanager
def _target(chosen: argparse.Namespace, folder: Path, statics: str) -> Iterator[Target]:
    if chosen.staging:
        with _staged(chosen, statics) as target:
            yield target
        return
    with running_town(folder / "alliance", licenses=_LICENSES) as town:
        scene = scene_of(town, statics=statics)
        yield Target(url=town.url, scene=scene, fresh=lambda: tokens_of(town), memory=lambda: _memory(town))


def _memory(town: Town) -> int:
    return int(town.hub.memory_full_info().uss)


@contextmanager
def _staged(chosen: argparse.Namespace, statics: str) -> Iterator[Target]:
    """Take a hub that runs already; the county's configuration must name the very same one."""
    holders = read_holders(chosen.holders)
    cases = tuple(chosen.cases.read_text("utf-8").split()) if chosen.cases else ()
    node = open_county(chosen.county_data, read_passphrase(chosen.passphrase_file), random=secrets.token_bytes)
    with closing(node):
        if node.config.hub_url != chosen.staging:
            raise SystemExit(f"the county in --county-data belongs to {node.config.hub_url}, not to --staging")
        scene = Scene(county=node.county, holders=holders, cases=cases, offerings=(), statics=statics)

        def fresh() -> Tokens:
            tokens = {role.value: [access_token(node, None, role)] for role in _ROLES}
            signed_in = [(holder.type_code, holder.code) for holder in holders[:_PORTAL_USERS]]
            return tokens | {
                RoleKind.HOLDER.value: [access_token(node, None, RoleKind.HOLDER, each) for each in signed_in]
            }

        yield Target(url=chosen.staging, scene=scene, fresh=fresh, memory=None)


def _run(shape: str, target: Target, folder: Path, chosen: argparse.Namespace) -> Ran:
    stages = SHAPES[shape](chosen.users, chosen.seconds, chosen.pace)
    scene, tokens, tally = folder / "scene.json", folder / "tokens.json", folder / f"{shape}.json"
    target.scene.write(scene)
    write_tokens(tokens, target.fresh())
    command = [
        sys.executable, "-m", "locust", "--config", "loadtests/locust.conf", "--host", target.url,
        "--html", str(_OUT / f"{shape}.html"), "--scene", str(scene), "--token-file", str(tokens),
        "--tally", str(tally), "--shape-name", shape, "--shape-users", str(chosen.users),
        "--shape-seconds", str(chosen.seconds), "--pace", str(chosen.pace),
    ]  # fmt: skip
    with (_OUT / f"{shape}.log").open("wb") as log, _kept(target, tokens) as readings:
        limit = sum(stage.seconds for stage in stages) + _GRACE_S
        subprocess.run(command, stdout=log, stderr=log, check=False, timeout=limit)
    if not tally.exists():
        raise SystemExit(f"Locust has ended early: see {_OUT / f'{shape}.log'}")
    document = orjson.loads(tally.read_bytes())
    found, memory = Tally.read(document), Memory(readings)
    gates = judged(shape, stages, found, memory)
    return Ran(shape=shape, stages=stages, tally=found, document=document, memory=memory, gates=gates)


@contextmanager
def _kept(target: Target, tokens: Path) -> Iterator[list[tuple[float, int]]]:
    """Keep the tokens fresh and read the hub's memory while the block runs; give the readings as they come."""
    readings: list[tuple[float, int]] = []
    over, start = threading.Event(), time.monotonic()

    def keep() -> None:
        signed_in = start
        while not over.wait(_MEMORY_S):
            now = time.monotonic()
            if target.memory is not None:
                readings.append((now - start, target.memory()))
            if now - signed_in > _TOKENS_S:
                write_tokens(tokens, target.fresh())
                signed_in = now

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield readings
    finally:
        over.set()
        keeper.join()


def _text(ran: Ran) -> str:
    lines = [_stage_text(ran, stage.name) for stage in ran.stages]
    lines += [
        f"{'':<10}{gate.name:<28} {gate.value:>9.2f} {gate.bound:<8} {'met' if gate.met else 'MISSED'}"
        for gate in ran.gates
    ]
    return "\n".join([*lines, *(f"{'':<10}{count} x {fault}" for fault, count in ran.tally.faults.most_common(5))])


def _stage_text(ran: Ran, name: str) -> str:
    row = ran.tally.stage(name)
    share = ran.document["generator"].get(name, 0.0)
    rate = f"{row.goodput:>7.1f} good/s, generator {share:.0%} of a core, ceiling {ran.document['ceiling']:,.0f}/s"
    waits = f"p50 {row.p50} ms, p95 {row.p95} ms, p99 {row.p99} ms"
    beside = f"{row.away} away, {row.partial} partial, {row.wrong} wrong"
    return f"{ran.shape:<9} {name:<9} {rate}\n{'':<20}{waits}, {beside}"


def _row(stage: StageTally, seconds: float) -> dict[str, Any]:
    return {**asdict(stage), "goodput": stage.goodput, "seconds": seconds}


def _document(ran: Sequence[Ran], before: float) -> dict[str, Any]:
    shapes = [
        {
            "shape": each.shape,
            "stages": [_row(each.tally.stage(stage.name), stage.seconds) for stage in each.stages],
            "gates": [asdict(gate) for gate in each.gates],
            "memory": list(each.memory.readings),
            **each.document,
        }
        for each in ran
    ]
    return {"conditions": {**conditions(), "load_before": before, "load_after": load()}, "shapes": shapes}


if __name__ == "__main__":
    sys.exit(main())
