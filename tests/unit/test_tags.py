"""Tag expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.errors import Invalid
from pushwarden.core.tags import And, Expression, Not, Or, Tag, matches, parse_tags


def test_not_binds_tighter_than_and_and_and_tighter_than_or() -> None:
    parsed = parse_tags("a && !b || (c && d)")
    assert parsed == Or((And((Tag("a"), Not(Tag("b")))), And((Tag("c"), Tag("d")))))
    assert matches(parsed, {"a"}) and matches(parsed, {"b", "c", "d"}) and not matches(parsed, {"a", "b"})


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("a &&", 5),
        ("a b", 3),
        ("(a", 3),
        ("a)", 2),
        ("a & b", 3),
        ("!!", 3),
        ("|| a", 1),
        ("a && " + "x" * 65, 6),
    ],
)
def test_a_wrong_expression_is_refused_with_the_place_of_the_mistake(text: str, position: int) -> None:
    with pytest.raises(Invalid) as refused:
        parse_tags(text)
    assert refused.value.extra["position"] == position


@pytest.mark.parametrize("text", ["a" * 3000, " || ".join(["a"] * 65), "(" * 17 + "a" + ")" * 17, "!" * 5000 + "a"])
def test_expressions_have_limits(text: str) -> None:
    with pytest.raises(Invalid):
        parse_tags(text)


TREES: st.SearchStrategy[Expression] = st.recursive(
    st.sampled_from(["a", "b", "c.1", "d:x"]).map(Tag),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


def written(expression: Expression) -> str:
    match expression:
        case Tag(name):
            return name
        case Not(inner):
            return f"!({written(inner)})"
        case And(parts):
            return "(" + " && ".join(map(written, parts)) + ")"
        case Or(parts):
            return "(" + "||".join(map(written, parts)) + ")"


@given(TREES, st.sets(st.sampled_from(["a", "b", "c.1", "d:x"])))
def test_what_is_written_reads_back_with_the_same_meaning(tree: Expression, tags: set[str]) -> None:
    assert matches(parse_tags(written(tree)), tags) == matches(tree, tags)
