"""Changes inside DER: one element is left out, doubled, given another tag or other contents, and lengths follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

__all__ = ["changed_der"]

_CONSTRUCTED: Final = 0x20
_TAGS: Final = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x16, 0x17, 0x18, 0x30, 0x31, 0x80, 0xA0, 0xA1, 0xBF)
_MAX_DEPTH: Final = 20


@dataclass(slots=True)
class _Element:
    """contents: of a primitive; children: of a constructed element, None for a primitive."""

    tag: int
    contents: bytes
    children: list[_Element] | None

    def written(self) -> bytes:
        contents = self.contents if self.children is None else b"".join(child.written() for child in self.children)
        size = len(contents)
        if size < 0x80:
            return bytes((self.tag, size)) + contents
        length = size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes((self.tag, 0x80 | len(length))) + length + contents


def changed_der(data: bytes, random: Random, mutate: Callable[[bytes], bytes]) -> bytes | None:
    """Change one element of a DER value; None if `data` is none. mutate: changes the contents of a primitive."""
    elements = _parsed(data, 0)
    if not elements or len(elements) != 1:
        return None
    parents = [(None, elements[0])]
    for _, element in parents:  # grows while it is walked
        parents += [(element, child) for child in element.children or ()]
    parent, element = random.choice(parents)
    _change(parent, element, random, mutate)
    return elements[0].written()


def _change(parent: _Element | None, element: _Element, random: Random, mutate: Callable[[bytes], bytes]) -> None:
    kind = random.randrange(8)
    if kind == 0:
        element.tag = random.choice(_TAGS)
    elif kind == 1 and parent is not None and parent.children is not None:
        parent.children.remove(element)
    elif kind == 2 and parent is not None and parent.children is not None:
        parent.children.insert(random.randrange(len(parent.children) + 1), element)
    elif element.children is None:
        element.contents = mutate(element.contents)
    else:
        random.shuffle(element.children)


def _parsed(data: bytes, depth: int) -> list[_Element] | None:
    """Read elements one after another; None if the bytes are none."""
    elements: list[_Element] = []
    while data:
        if len(data) < 2 or depth > _MAX_DEPTH:
            return None
        tag, size, start = data[0], data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        if start + size > len(data):
            return None
        contents = data[start : start + size]
        children = _parsed(contents, depth + 1) if tag & _CONSTRUCTED else None
        elements.append(_Element(tag, contents, children))
        data = data[start + size :]
    return elements
