r"""Tokens of a GraphQL document by one regular expression, for the one-pass reader.

    query($c: ID!) { a }   ->   query ( $ c : ID ! ) { a }      texts, and where each begins and ends

Names, punctuators of executable documents, numbers, strings and block strings (GraphQL, September 2025, 2.1). What
is left between two tokens must be white space, line ends, commas or byte order marks; comments are dropped, but count
as tokens, as they do in graphql-core. Anything else, and all that is rare, is left to graphql-core by raising Unusual:
escapes of surrogates or in braces, lone surrogates in the text, more tokens than allowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from graphql.language.block_string import dedent_block_string_lines

__all__ = ["Tokens", "Unusual", "string_value", "tokens_of"]

_IGNORED: Final = " \t\n\r,\ufeff"
_TOKEN: Final = re.compile(
    r"""(
    [A-Za-z_][0-9A-Za-z_]*+
    | [!$():=@\[\]{}]
    | \.\.\.
    | \"{3} (?: \\"{3} | (?!\"{3}) (?s:.) )*+ \"{3}
    | " (?!"") (?: [^"\\\n\r]++ | \\(?:["\\/bfnrt] | u[0-9A-Fa-f]{4}) )*+ "
    | -?(?:0|[1-9][0-9]*+) (?:\.[0-9]++)? (?:[eE][+-]?[0-9]++)? (?![0-9A-Za-z_.])
    | \#[^\n\r]*+
    )""",
    re.VERBOSE,
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPE: Final = re.compile(r"\\(?:u(.{4})|(.))")
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LINE_END: Final = re.compile(r"\r\n|[\n\r]")


class Unusual(Exception):
    """A document that the one-pass reader leaves to graphql-core, be it right or wrong."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, an empty one last; `begins` and `ends` are offsets into the text, one each a token."""

    texts: list[str]
    begins: list[int]
    ends: list[int]


def tokens_of(text: str, most: int) -> Tokens:
    """Split a document into at most this many tokens. Raises Unusual."""
    if not text.isascii() and _SURROGATE.search(text):
        raise Unusual
    pieces = _TOKEN.split(text, maxsplit=most + 1)  # what is between, token, what is between, token, ...
    between, texts = pieces[::2], pieces[1::2]
    if len(texts) > most or "".join(between).strip(_IGNORED):
        raise Unusual
    offsets = list(accumulate(map(len, pieces)))
    begins, ends = offsets[::2], offsets[1::2]
    if "#" in text:
        kept = [at for at, token in enumerate(texts) if token[0] != "#"]
        texts, ends = [texts[at] for at in kept], [ends[at] for at in kept]
        begins = [*(begins[at] for at in kept), len(text)]
    return Tokens([*texts, ""], begins, ends)


def string_value(token: str) -> str:
    """Give the value of a string or block string. Raises Unusual for an escaped surrogate."""
    if token.startswith('"""'):
        lines = _LINE_END.split(token[3:-3].replace('\\"""', '"""'))
        return "\n".join(dedent_block_string_lines(lines))
    return _ESCAPE.sub(_unescaped, token[1:-1]) if "\\" in token else token[1:-1]


def _unescaped(found: re.Match[str]) -> str:
    code, letter = found.groups()
    if code is None:
        return _ESCAPED.get(letter, letter)
    value = chr(int(code, 16))
    if _SURROGATE.match(value):
        raise Unusual
    return value
