"""`tongban legacy check`: whether the counties' GB/T 36906 services answer the hub as they should.

Nobody's data is asked for: each call names a license and a holder that do not exist, so that the only proper answer is
that there is none.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import httpx2
import orjson
import typer

from hub.commands.exitcodes import raise_worst
from hub.settings import Settings, load_settings
from hub.sources.configured import legacy_service
from hub.sources.legacy import LegacyService
from ledger.errors import Malformed, TongbanError, Unavailable
from ledger.identifiers import LicenseIdentifier, Uscc

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_TYPE: Final = "11100000MB0143028R001"
_CAUSE: Final = "接口连通检查"

_Call: TypeAlias = "Callable[[LegacyService, str], Coroutine[Any, Any, object]]"


@app.callback()
def legacy() -> None:
    """Counties that answer by a GB/T 36906 service instead of a node."""


def _search(service: LegacyService, _county: str) -> Coroutine[Any, Any, object]:
    return service.search(holder_type_code="099", holder_code="TONGBAN-CHECK", type_code=_TYPE, use_cause=_CAUSE)


def _metadata(service: LegacyService, county: str) -> Coroutine[Any, Any, object]:
    nobody = LicenseIdentifier.make(_TYPE, str(Uscc.make(f"11{county}", "MB200000")), "TONGBANCHECK", 1)
    return service.metadata(str(nobody), ["certificateIdentifier"], _CAUSE)


def _verify(service: LegacyService, _county: str) -> Coroutine[Any, Any, object]:
    return service.verify(_TYPE, {"certificateNumber": "TONGBAN-CHECK"}, _CAUSE)


_CALLS: Final[dict[str, _Call]] = {"search": _search, "metadata": _metadata, "verify": _verify}


@app.command("check")
def check(
    config: Annotated[Path, typer.Option(help="the hub's settings file, TOML", envvar="TONGBAN_CONFIG")],
    county: Annotated[list[str] | None, typer.Option(help="only this county; repeat for more")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object a county")] = False,
) -> None:
    """Make each call once to each county's GB/T 36906 service, and say how it answers; exits 3 unless all answer well.

    The calls name a license and a holder that do not exist. Each has the time that a look-up gives it.

    Example: tongban legacy check --config hub.toml
    """
    settings = load_settings(file=config, environment=os.environ)
    if unknown := sorted(set(county or ()) - settings.legacy.keys()):
        raise Malformed("bad_setting", f"the settings name no legacy service of county {unknown[0]}")
    found = asyncio.run(_checked(settings, county or sorted(settings.legacy)))
    for code, calls in found.items():
        said = {name: "ok" if error is None else error.code for name, error in calls.items()}
        told = " · ".join(f"{name} {word}" for name, word in said.items())
        typer.echo(orjson.dumps({"county": code} | said).decode() if json else f"{code} {told}")
    raise_worst(error for calls in found.values() for error in calls.values())


async def _checked(settings: Settings, counties: list[str]) -> dict[str, dict[str, TongbanError | None]]:
    seconds, found = settings.face_deadline_ms / 1000, {}
    async with httpx2.AsyncClient(trust_env=False) as client:
        for county in counties:
            service = legacy_service(settings.legacy[county], client)
            found[county] = {name: await _fault(call(service, county), seconds) for name, call in _CALLS.items()}
    return found


async def _fault(call: Coroutine[Any, Any, object], seconds: float) -> TongbanError | None:
    try:
        async with asyncio.timeout(seconds):
            await call
    except TimeoutError:
        return Unavailable("deadline", "a county's service did not answer in time")
    except TongbanError as error:
        return error
    return None
