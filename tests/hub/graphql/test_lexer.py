"""Tokens by one regular expression: those of graphql-core's lexer, or none at all."""

from __future__ import annotations

import pytest
from graphql import GraphQLError, Lexer, Source, TokenKind
from hypothesis import given
from hypothesis import strategies as st

from hub.graphql.lexer import Unusual, string_value, tokens_of

STRINGS = {TokenKind.STRING, TokenKind.BLOCK_STRING}
PIECES = (
    "a", "on", "true", "_1", "{", "}", "(", ")", "[", "]", "!", "$", ":", "=", "@", "...", ".", "..", "&", "|", " ", "\t", ",", "\n", "\r",
    "\r\n", "\ufeff", "#", "# a\n", "0", "-", "1", "12", ".5", "e", "E+1", "-0", '"', '""', '"""', '\\"""', "\\", "\\n", "\\u00e9", "\\ud83d",
    "\\ude00", "\\u{1F600}", "\\x", "é", "通", "😀", "\ud800", "\x00", "\u2028", "  ", "'",
)  # fmt: skip


def expected(text: str) -> list[tuple[str, int, int]] | None:
    """Give graphql-core's tokens, comments left out; None where it refuses."""
    lexer, found = Lexer(Source(text)), []
    try:
        while (token := lexer.advance()).kind is not TokenKind.EOF:
            value = token.value if token.kind in STRINGS else text[token.start : token.end]
            found.append((value or "", token.start, token.end))
    except GraphQLError:
        return None
    return found


def found(text: str, most: int = 1000) -> list[tuple[str, int, int]] | None:
    try:
        tokens = tokens_of(text, most)
        texts = [string_value(one) if one[0] == '"' else one for one in tokens.texts[:-1]]
    except Unusual:
        return None
    assert tokens.texts[-1] == ""
    return list(zip(texts, tokens.begins, tokens.ends, strict=False))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_is_split_is_split_as_graphql_core_does(text: str) -> None:
    tokens = found(text)
    assert tokens is None or tokens == expected(text)


@pytest.mark.parametrize(
    "text",
    [
        "{a}",
        "",
        " \t\n\r,\ufeff",
        'query($a:[ID!]!="x"){b(c:$a,d:-0,e:1.5e-9,f:0.0E+1)@skip(if:true)}',
        "# first\n{ a # b\n}# last",
        r'"" "\"" "\\" "\/\b\f\n\r\té" "通办" "#"',
        '"""""" """ a\n   b\n\n  c """ """\\""" "" """ """\r\n\ta\r\tb\n"""',
        '"""\\n"""',
        "a1 1 -1 0 a-1 [1]",
    ],
)
def test_all_tokens_of_executable_documents_are_split(text: str) -> None:
    tokens = found(text)
    assert tokens is not None
    assert tokens == expected(text)


@pytest.mark.parametrize(
    "text",
    [
        "00", "01", "-", "1.", ".5", "1e", "1a", "1_", "0x1", "1.5.", "..", "'a'", '"', '"a\nb"', '"""', '"""a""""', r'"\x"', r'"\u12"', "&", "|", "é",
        "\x00", "a\ud800", '"\udc00"',
    ],
)  # fmt: skip
def test_what_is_wrong_is_left(text: str) -> None:
    assert found(text) is None
    assert expected(text) is None or text in {"&", "|"}


@pytest.mark.parametrize("text", [r'"\u{1F600}"', r'"\ud83d\ude00"'])
def test_what_is_rare_is_left(text: str) -> None:
    assert found(text) is None
    assert expected(text) is not None


def test_tokens_are_limited_while_they_are_split() -> None:
    """Comments count as graphql-core counts them."""
    assert found("{" + "a " * 7 + "}", most=9) is not None
    assert found("{" + "a " * 8 + "}", most=9) is None
    assert found("{ a }\n# b\n# c", most=5) is not None
    assert found("{ a }\n# b\n# c", most=4) is None
