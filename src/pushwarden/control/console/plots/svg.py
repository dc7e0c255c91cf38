"""Markup written by hand: escaped, finite numbers only, no style. Colour and shape come from classes and patterns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape as _escape

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Svg(str):
    """Markup that is put into a page as it stands."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def number(value: float) -> str:
    """At most two digits after the point. ValueError for what is not finite."""
    if not math.isfinite(value):
        raise ValueError("a plot has no place for what is not a number")
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def percent(share: float) -> str:
    """share: 0 to 1, of the width."""
    return number(100 * share) + "%"


def escape(text: str) -> str:
    """Without what no markup may hold."""
    return _escape(_CONTROL.sub("", text))


def el(name: str, *inside: str, **attributes: str | float) -> Svg:
    """An element. Text inside is escaped unless it is Svg; `text_anchor` is written text-anchor, `class_` class."""
    written = "".join(f' {_name(key)}="{_value(value)}"' for key, value in attributes.items())
    body = "".join(part if isinstance(part, Svg) else escape(part) for part in inside)
    return Svg(f"<{name}{written}>{body}</{name}>")


def many(parts: Iterable[str]) -> Svg:
    return Svg("".join(parts))


def _name(key: str) -> str:
    return key if key in ("viewBox", "preserveAspectRatio", "patternUnits", "patternTransform") else _dashed(key)


def _dashed(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)


def path(points: Iterable[tuple[float, float]]) -> str:
    """A line through the points."""
    return "".join(f"{'L' if at else 'M'}{number(x)} {number(y)}" for at, (x, y) in enumerate(points))


def runs(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """The stretches between what is not known."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is not None:
            found[-1].append((x, y))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def stretched(width: float, height: float, *inside: str) -> Svg:
    """A drawing as wide as there is room, in units of its own; lines keep their width."""
    box = f"0 0 {number(width)} {number(height)}"
    return el("svg", *inside, viewBox=box, width="100%", height=height, preserveAspectRatio="none")


def hatch(name: str, mark: str = "m-bad") -> Svg:
    """The pattern of what is refused, or not known: `fill=url(#name)`. mark: the class that colours it."""
    stripe = el("rect", class_=mark, width=3, height=6)
    return el("pattern", el("rect", class_="m-gap", width=6, height=6), stripe, id=name, width=6, height=6,
              patternUnits="userSpaceOnUse", patternTransform="rotate(45)")  # fmt: skip


def dots(name: str, mark: str = "m-retry") -> Svg:
    """The pattern of what waits or is tried again."""
    dot = el("circle", class_=mark, cx=2.5, cy=2.5, r=1.5)
    return el("pattern", el("rect", class_="m-gap", width=5, height=5), dot, id=name, width=5, height=5,
              patternUnits="userSpaceOnUse")  # fmt: skip


def filled(name: str) -> str:
    return f"url(#{name})"


def image(name: str, title: str, desc: str, *inside: str, **attributes: str | float) -> Svg:
    """An image with a name and the finding in words for who does not see it. name: unique on its page."""
    words = (el("title", title, id=f"{name}-t"), el("desc", desc, id=f"{name}-d"))
    return el("svg", *words, *inside, role="img", aria_labelledby=f"{name}-t {name}-d", **attributes)
