"""`tongban demo`: the whole story on this machine; with --serve the same alliance until Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer

from hub.commands.ingest import sample_normaliser
from hub.demo.alliance import Alliance
from hub.demo.resident import Resident
from hub.demo.showcase import show
from hub.demo.story import FEED_COUNTY, Story
from hub.demo.telling import Teller
from hub.demo.trial import AUDITORS, SUITES, Trial
from ledger.errors import Conflict, Malformed

__all__ = ["demo"]

_LEFT: Final = Path("demo-out")


def demo(
    output: Annotated[
        Path | None, typer.Option(help="folder for what the demo leaves, made anew; default: demo-out")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="run the alliance until Ctrl-C instead")] = False,
) -> None:
    """Run five counties, a hub and a graph engine; seal, look up, verify offline, revoke, tamper; take a case its way.

    Exit code 0 only if every step gave exactly what it should.

    Example: tongban demo --output demo-out
    """
    if serve and output is not None:
        raise Malformed("bad_setting", "give --output or --serve, one of the two: what is served leaves nothing")
    began, left = time.monotonic(), output or _LEFT
    signal.signal(signal.SIGTERM, _interrupt)  # as Ctrl-C: the processes are stopped, the folder with keys removed
    if not serve:
        _make_room(left)
    with tempfile.TemporaryDirectory(prefix="tongban-") as folder:
        alliance = Alliance.found(Path(folder) / "alliance", suites=SUITES, auditors=AUDITORS)
        teller = Teller(alliance, alliance.folder if serve else left, began=began)
        teller.say("founded an alliance: keys, genesis signed by five counties, policy, an empty ledger")
        if serve:
            show(teller, sample_normaliser(FEED_COUNTY, _now()), clock=_now)
            return
        with alliance.running(graph=False):
            teller.say("started a hub, its graph engine and five county nodes of three provinces, each a process")
            Story(teller).tell()
            Resident(teller).tell()
            Trial(teller).tell()
            teller.count_answers()
        teller.say(f"every step gave what it should; {teller.paths.sentence()}")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _now() -> int:
    return int(time.time())


def _make_room(output: Path) -> None:
    """Remove what an earlier demo left, and never anything else."""
    if not output.exists():
        return
    if not (output / "README.txt").is_file() or not (output / "receipts").is_dir():
        raise Conflict("already_exists", f"{output} is there and was not made by the demo: name another folder")
    shutil.rmtree(output)
