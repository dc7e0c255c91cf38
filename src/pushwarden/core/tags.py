"""Tag expressions such as `a && !b || (c && d)`: what they mean. `!` binds tighter than `&&`, `&&` than `||`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from pushwarden.core.errors import Invalid

MAX_TAG = 64
MAX_TAGS = 64
MAX_EXPRESSION = 2048
MAX_TERMS = 64
MAX_DEPTH = 16

TAG = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TOKEN = re.compile(r"\s*(?:(&&|\|\||!|\(|\))|([A-Za-z0-9_.:-]+))")


@dataclass(frozen=True, slots=True)
class Tag:
    name: str


@dataclass(frozen=True, slots=True)
class Not:
    inner: Expression


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expression, ...]


Expression = Tag | Not | And | Or


def parse_tags(text: str) -> Expression:
    """Invalid, with the position (from 1) of what is wrong, when it is no expression or exceeds the limits above."""
    if len(text) > MAX_EXPRESSION:
        raise Invalid(f"The tag expression is longer than {MAX_EXPRESSION} characters; shorten it.", field="tags")
    return _Parser(_tokens(text), len(text)).whole()


def matches(expression: Expression, tags: Collection[str]) -> bool:
    match expression:
        case Tag(name):
            return name in tags
        case Not(inner):
            return not matches(inner, tags)
        case And(parts):
            return all(matches(part, tags) for part in parts)
        case Or(parts):
            return any(matches(part, tags) for part in parts)


def _wrong(what: str, at: int) -> Invalid:
    return Invalid(
        f"The tag expression {what} at character {at + 1}; write it like `a && !b || (c && d)`.",
        field="tags",
        position=at + 1,
    )


def _tokens(text: str) -> list[tuple[str, int]]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise _wrong("has a character it may not have", at + len(text[at:]) - len(text[at:].lstrip()))
        word = token[1] or token[2]
        start = token.end() - len(word)
        if len(word) > MAX_TAG:
            raise _wrong(f"has a tag longer than {MAX_TAG} characters", start)
        found.append((word, start))
        at = token.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, int]], end: int) -> None:
        self._tokens = [*tokens, ("", end)]
        self._at = 0
        self._terms = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._any_of()
        if self._next:
            raise _wrong(f"has an unexpected `{self._next}`", self._position)
        return expression

    @property
    def _next(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _position(self) -> int:
        return self._tokens[self._at][1]

    def _any_of(self) -> Expression:
        parts = [self._all_of()]
        while self._next == "||":
            self._at += 1
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all_of(self) -> Expression:
        parts = [self._term()]
        while self._next == "&&":
            self._at += 1
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _term(self) -> Expression:
        word, position = self._tokens[self._at]
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise _wrong(f"has more than {MAX_TERMS} terms", position)
        if word in ("!", "("):
            self._at += 1
            return self._nested(word, position)
        if word in ("", "&&", "||", ")"):
            raise _wrong("lacks a tag" if not word else f"has `{word}` where a tag is needed", position)
        self._at += 1
        return Tag(word)

    def _nested(self, word: str, position: int) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(f"is nested more than {MAX_DEPTH} deep", position)
        expression: Expression
        if word == "!":
            expression = Not(self._term())
        else:
            expression = self._any_of()
            if self._next != ")":
                raise _wrong("lacks a `)`", self._position)
            self._at += 1
        self._depth -= 1
        return expression
