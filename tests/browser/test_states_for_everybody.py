"""What pages look like when something was done, refused, stopped or is gone, proven as the pages themselves are."""

from __future__ import annotations

import json

import pytest

from browser_fixtures import Open, World, browser, open_tab, world
from console_states import STATES, State, furnished
from looking_at import told
from product_fixtures import SLOW

__all__ = ["browser", "open_tab", "world"]
pytestmark = SLOW


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_state_is_for_everybody(state: State, open_tab: Open, world: World) -> None:
    furnished(world)
    with state.around(world):
        tab = open_tab(state.path, state.role, state.where, width=state.width)
        assert tab.status == state.status
        state.do(tab.page)
        broken = told(tab.page)
        tab.forgive(state.status)
    assert not broken, json.dumps(broken, indent=1)
