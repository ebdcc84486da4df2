"""URLs that a person types into a setting: checked when they are given, not when something first fails to answer.

http://127.0.0.1:8101          of a node or a hub: scheme, host, port, and no path
https://hub.example/ledger     of a log: a path may follow
hub.example/ledger             origin of a log: no scheme
"""

from __future__ import annotations

import re
from typing import Final

from ledger.errors import Malformed

__all__ = ["check_log_path", "log_origin", "log_url", "server_url"]

_HOST: Final = r"(?:[0-9A-Za-z._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
_SERVER: Final = rf"https?://{_HOST}"
_PATH: Final = r"(?:/[0-9A-Za-z._~-]+)*"
_SERVER_FORM: Final = re.compile(f"{_SERVER}/?", re.ASCII)
_LOG_FORM: Final = re.compile(f"{_SERVER}{_PATH}/?", re.ASCII)
_ORIGIN_FORM: Final = re.compile(f"{_HOST}{_PATH}", re.ASCII)


def server_url(text: str, option: str) -> str:
    """Read the URL of a node or hub, without a final slash. Raises Malformed bad_setting, naming the option."""
    return _checked(_SERVER_FORM, text, f"{option}: expected http(s)://host[:port] without a path")


def log_url(text: str, option: str) -> str:
    """Read the URL of a log, without a final slash. Raises Malformed bad_setting, naming the option."""
    return _checked(_LOG_FORM, text, f"{option}: expected http(s)://host[:port][/path]")


def log_origin(text: str, option: str) -> str:
    """Read the origin of a log: its URL prefix without scheme. Raises Malformed bad_setting, naming the option."""
    return _checked(_ORIGIN_FORM, text, f"{option}: expected host[:port][/path] without a scheme")


def check_log_path(url: str, origin: str, option: str) -> None:
    """Check that a log's URL, at whatever host, ends in its origin's path. Raises Malformed bad_setting."""
    path = "".join(origin.partition("/")[1:])
    if not url.removesuffix("/").endswith(path):
        raise Malformed("bad_setting", f"{option}: expected a URL that ends in {path}, as the log {origin} does")


def _checked(form: re.Pattern[str], text: str, expected: str) -> str:
    found = form.fullmatch(text)
    if found is None or not 1 <= int(found["port"] or 1) <= 65_535:
        raise Malformed("bad_setting", expected)
    return text.removesuffix("/")
