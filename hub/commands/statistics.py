"""`tongban county statistics`: what counties did for others and how well, as the hub counts it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.hubdesk import read_root
from ledger.errors import Conflict, Malformed
from ledger.workdays import china_day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.county.node import CountyNode

__all__ = ["DOCUMENT", "statistics"]

_SCOPE: Final = "statistics.read"
_PERIODS: Final = ("DAY", "MONTH", "YEAR")
_LABEL_WIDTH: Final = 36
_PERIOD_WIDTH: Final = 14
DOCUMENT: Final = """query($county: CatalogueCode!, $from: Date!, $to: Date!, $by: StatisticsPeriod!) {
  statistics(county: $county, from: $from, to: $to, by: $by) {
    code name exact
    periods {
      period takenIn online proxyIntake joint delegated takenInForOthers takenInByOthers handledForOthers
      intake { ended onTime } handling { ended onTime } pickUp { ended onTime }
      materialsSpared daysSaved daysOver verifiedOfOthers verifiedByOthers
      objectionsOpened objectionsDecided objectionsOpen
      ratings { verySatisfied satisfied fairlySatisfied dissatisfied veryDissatisfied }
    }
  }
}"""

_LINES: Final = (
    ("taken in 收件", "takenIn"),
    ("  online 全程网办", "online"),
    ("  proxy intake 异地代收代办", "proxyIntake"),
    ("  joint 多地联办", "joint"),
    ("  delegated 授权办理", "delegated"),
    ("taken in for others 代收", "takenInForOthers"),
    ("taken in by others for us", "takenInByOthers"),
    ("handled for others 办理", "handledForOthers"),
    ("intake: ended", "intake.ended"),
    ("  in time", "intake.onTime"),
    ("handling: ended", "handling.ended"),
    ("  in time", "handling.onTime"),
    ("pick-up: ended", "pickUp.ended"),
    ("  in time", "pickUp.onTime"),
    ("materials spared 免提交", "materialsSpared"),
    ("days below the promise", "daysSaved"),
    ("days beyond it", "daysOver"),
    ("licenses of others read", "verifiedOfOthers"),
    ("licenses read by others", "verifiedByOthers"),
    ("objections opened 异议", "objectionsOpened"),
    ("  decided", "objectionsDecided"),
    ("  open at the end", "objectionsOpen"),
    ("very satisfied 非常满意", "ratings.verySatisfied"),
    ("satisfied 满意", "ratings.satisfied"),
    ("fairly satisfied 基本满意", "ratings.fairlySatisfied"),
    ("dissatisfied 不满意", "ratings.dissatisfied"),
    ("very dissatisfied 非常不满意", "ratings.veryDissatisfied"),
)
"""Label of a line of the table -> what stands in it, by its path in the answer."""


def statistics(
    data: Data,
    passphrase_file: PassphraseFile,
    county: Annotated[str | None, typer.Option(help="member id; default: the own county")] = None,
    first: Annotated[str | None, typer.Option("--from", help="first day; default: the first of this month")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last day; default: today")] = None,
    by: Annotated[str, typer.Option(help="DAY, MONTH or YEAR; 400 of them at most")] = "MONTH",
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Show what a county did for others, and how well; other counties' counts are rounded down to multiples of 5.

    Example: tongban county statistics --from 2026-01-01 --to 2026-12-31 --data c370214 --passphrase-file c370214.pass
    """
    if by not in _PERIODS:
        raise Malformed("bad_setting", f"--by is one of {', '.join(_PERIODS)}")
    today = china_day(int(time.time()))
    days = {"from": first or today.replace(day=1).isoformat(), "to": last or today.isoformat()}
    with opened_node(data, passphrase_file) as node:
        found = _read(node, {"county": county or node.county, "by": by, **days})
    if json:
        typer.echo(orjson.dumps(found).decode())
        return
    wide = _LABEL_WIDTH + _PERIOD_WIDTH * len(found["periods"])
    Console(width=max(Console().width, wide)).print(_table(found))
    if not found["exact"]:
        typer.echo("counts are rounded down to multiples of 5; -: below 5")


def _read(node: CountyNode, variables: Mapping[str, str]) -> dict[str, Any]:
    found = read_root(node, _SCOPE, DOCUMENT, variables, "statistics")
    if found is None:
        raise Conflict("not_listed", f"the catalogue lists no county {variables['county']}")
    return found


def _table(found: Mapping[str, Any]) -> Table:
    table = Table(title=f"{found['code']} {found['name']}")
    table.add_column("")
    for period in found["periods"]:
        table.add_column(period["period"], justify="right")
    for label, path in _LINES:
        table.add_row(label, *(_cell(period, path) for period in found["periods"]))
    return table


def _cell(period: Mapping[str, Any], path: str) -> str:
    value: Any = period
    for name in path.split("."):
        value = value[name]
    return "-" if value is None else f"{value:,}"
