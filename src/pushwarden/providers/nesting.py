"""How deep a file is nested, counted before anything that calls itself once a level looks at it."""

from __future__ import annotations

import re

DEPTH_LIMIT = 32
"""Values inside each other. A certificate has eight levels, a `.p12` nine in each part; OpenSSL gives up at 30."""

_JSON = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.S)
_MARKED = float("inf")
"""Where a value of indefinite length ends: at its mark, two zeros."""
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


def json_depth(text: str) -> int:
    """Arrays and objects inside each other, at most; brackets within texts are not counted."""
    depth = deepest = 0
    for token in _JSON.findall(text):
        depth = max(0, depth + _STEP.get(token, 0))
        deepest = max(deepest, depth)
    return deepest


def asn1_depth(data: bytes) -> int:
    """Constructed values inside each other, at most, as far as the bytes make sense. Octets are not opened."""
    deepest, at = 0, 0
    ends: list[float] = []  # of the values that are open
    while at < len(data):
        while ends and at >= ends[-1]:
            ends.pop()
        constructed, content, end = _header(data, at)
        if constructed:
            ends.append(end)
            deepest = max(deepest, len(ends))
        elif data[at : at + 2] == b"\0\0" and ends and ends[-1] == _MARKED:
            ends.pop()
        at = content if constructed else int(end)
    return deepest


def _header(data: bytes, at: int) -> tuple[bool, int, float]:
    """(constructed, where its content begins, where it ends)"""
    constructed, long_tag = bool(data[at] & 0x20), data[at] & 0x1F == 0x1F
    at += 1
    while long_tag and at < len(data):
        long_tag = bool(data[at] & 0x80)
        at += 1
    first = data[at] if at < len(data) else 0
    at += 1
    if first == 0x80:
        return constructed, at, _MARKED if constructed else len(data)
    if first & 0x80:
        size = first & 0x7F
        return constructed, at + size, at + size + int.from_bytes(data[at : at + size])
    return constructed, at, at + first
