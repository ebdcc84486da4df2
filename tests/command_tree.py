"""The commands of `tongban` as the command line itself knows them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from hub.cli import app

__all__ = ["check_arguments", "commands", "example_of"]


@cache
def commands() -> Mapping[str, Any]:
    """Give every command by its words, as `county seal`; groups are left out. The tree is built once: it never changes."""
    return MappingProxyType(_below(get_command(app), ""))


def _below(node: Any, words: str) -> dict[str, Any]:
    if not isinstance(node, TyperGroup):
        return {words: node}
    context = typer.Context(node)
    found: dict[str, Any] = {}
    for name in node.list_commands(context):
        found |= _below(node.get_command(context, name), f"{words} {name}".strip())
    return found


def example_of(command: Any) -> str:
    """Give the example in a command's help, on one line; empty if there is none."""
    _, _, example = str(command.help).partition("Example: ")
    return " ".join(example.split())


def check_arguments(line: str) -> str:
    """Check a command line as typed, without running it; give the words of its command.

    Raises TyperException when there is no such command, or it has no such option.
    """
    words = shlex.split(line.partition(" > ")[0])
    assert words[0] == "tongban"
    known = commands()
    name = next(each for each in (" ".join(words[1:end]) for end in (4, 3, 2)) if each in known)
    rest = words[1 + len(name.split()) :]
    if rest != ["--help"]:
        known[name].make_context(name, rest)
    return name
