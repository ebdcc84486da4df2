"""`tongban county webhook`: where the hub sends the events of the county's cases, and what could not be sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.partner import access_token, ask

__all__ = ["app"]

app = typer.Typer(help="Have events of the county's cases sent to its systems.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ID", help="id of the webhook, as `list` shows it")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]

_SCOPE: Final = "webhook.manage"
_KINDS: Final = ("LAMP", "LICENSE", "STEP")


def _asked(data: Path, passphrase_file: Path, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Ask the hub in the county's name; gives its answer's JSON, None where there is none."""
    with opened_node(data, passphrase_file) as node:
        headers = {"Authorization": f"Bearer {access_token(node, _SCOPE)}"}
        sent = {} if body is None else {"json": dict(body)}
        answer = ask(method, f"{node.config.hub_url}/webhooks{path}", headers=headers, **sent)
    return answer.json() if answer.content else None


def _shown(value: Any, *, json: bool, text: str) -> None:
    typer.echo(orjson.dumps(value).decode() if json else text)


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="https URL that the hub sends events to")],
    data: Data,
    passphrase_file: PassphraseFile,
    kind: Annotated[list[str] | None, typer.Option(help="LAMP, LICENSE or STEP; repeat; by default all")] = None,
    after: Annotated[str | None, typer.Option(help="cursor of the last event that the county has")] = None,
    json: Json = False,
) -> None:
    """Have the hub send events to a URL: signed, in order, at least once. Without `--after` those to come.

    Exit codes: 0 added, 2 URL, kind or cursor malformed, 3 no place left or no hub, 4 refused, 5 the URL is in use.

    Example: tongban county webhook add https://counter.example/events --data c370214
    --passphrase-file c370214.pass --kind LAMP
    """
    asked = {"url": url, "kinds": sorted(set(kind or _KINDS)), "after": after}
    hook = _asked(data, passphrase_file, "POST", "", asked)
    _shown(hook, json=json, text=f"added {hook['id']}: {', '.join(hook['kinds'])} to {hook['url']}")


@app.command("list")
def list_hooks(data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """List the county's webhooks, with what went wrong last and how many letters are dead.

    Example: tongban county webhook list --data c370214 --passphrase-file c370214.pass
    """
    hooks = _asked(data, passphrase_file, "GET", "")["webhooks"]
    lines = [
        f"{hook['id']}  {','.join(hook['kinds'])}  dead {hook['dead']}  {hook['fault'] or 'ok'}  {hook['url']}"
        for hook in hooks
    ]
    _shown({"webhooks": hooks}, json=json, text="\n".join(lines) or "no webhooks")


@app.command("remove")
def remove(name: Name, data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """Remove a webhook and its dead letters. Exit codes: 0 removed, 5 the county has no such webhook.

    Example: tongban county webhook remove 9nY0gJ1mS3KJw0cW0m4p4A --data c370214 --passphrase-file c370214.pass
    """
    _asked(data, passphrase_file, "DELETE", f"/{name}")
    _shown({"removed": name}, json=json, text=f"removed {name}")


@app.command("dead")
def dead(name: Name, data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """List the events that a webhook did not take, after all attempts. Exit codes: 0 listed, 5 no such webhook.

    Example: tongban county webhook dead 9nY0gJ1mS3KJw0cW0m4p4A --data c370214 --passphrase-file c370214.pass
    """
    letters = _asked(data, passphrase_file, "GET", f"/{name}/dead")["dead"]
    lines = [f"{each['id']}  {each['fault']}{'  wanted again' if each['again'] else ''}" for each in letters]
    _shown({"dead": letters}, json=json, text="\n".join(lines) or "no dead letters")


@app.command("redeliver")
def redeliver(name: Name, data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """Have the dead letters of a webhook sent again, each once. Exit codes: 0 asked for, 5 no such webhook.

    Example: tongban county webhook redeliver 9nY0gJ1mS3KJw0cW0m4p4A --data c370214 --passphrase-file c370214.pass
    """
    answer = _asked(data, passphrase_file, "POST", f"/{name}/redeliver")
    _shown(answer, json=json, text=f"{answer['redelivered']} letters are sent again")
