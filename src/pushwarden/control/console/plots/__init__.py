"""Plots as inline SVG: pure functions from numbers to markup, with the finding in words and a table behind."""

from pushwarden.control.console.plots.around import Around, around
from pushwarden.control.console.plots.churn import churn
from pushwarden.control.console.plots.expiry import Validity, expiry
from pushwarden.control.console.plots.figure import Figure, Numbers
from pushwarden.control.console.plots.latency import latency
from pushwarden.control.console.plots.scale import Span
from pushwarden.control.console.plots.sparks import Meter, Stage, funnel, heat, meter, shares, spark
from pushwarden.control.console.plots.svg import Svg
from pushwarden.control.console.plots.throughput import Kind, Mark, throughput

__all__ = [
    "Around", "Figure", "Kind", "Mark", "Meter", "Numbers", "Span", "Stage", "Svg", "Validity", "around", "churn",
    "expiry", "funnel", "heat", "latency", "meter", "shares", "spark", "throughput",
]  # fmt: skip
