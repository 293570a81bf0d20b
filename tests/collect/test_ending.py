"""Whole pages and cut ones, told by how they end."""

from __future__ import annotations

import pytest

from tui_monitor.collect.ending import CUT, Ending

WHOLE, UNENDED, CUT_NUMBER = b"a 1\nb 1200\n", b"a 1\nb 1200", b"a 1\nb 12"


@pytest.mark.parametrize(
    ("measured", "pages", "said"),
    [
        pytest.param(False, [WHOLE, CUT_NUMBER, WHOLE], ["", CUT, ""], id="cut once"),
        pytest.param(False, [CUT_NUMBER, WHOLE], [CUT, ""], id="cut at first"),
        pytest.param(True, [WHOLE, CUT_NUMBER, WHOLE], ["", CUT, ""], id="cut by the server itself"),
        pytest.param(True, [UNENDED, UNENDED, b"a 1\nc 3"], ["", "", ""], id="never ends, of told length"),
        pytest.param(False, [UNENDED, UNENDED, b"a 1\nb 1300"], [CUT, "", ""], id="never ends, of no told length"),
        pytest.param(False, [UNENDED, b"a 1", UNENDED], [CUT, CUT, CUT], id="ends elsewhere each time"),
        pytest.param(False, [b'm{x="1"} 12', b'm{x="2"} 12'], [CUT, CUT], id="labels tell series apart"),
        pytest.param(False, [b'm{x="a b"} 12 1700000001', b'm{x="a b"} 13 1700000002'], [CUT, ""], id="a timestamp is no series"),
        pytest.param(False, [b"a 1\n# EOF", b"a 1\n", b"a 1\n  ", b"a 1\r\n", b""], [""] * 5, id="ends well"),
    ],
)
def test_a_last_number_is_believed_where_the_page_cannot_be_cut(measured: bool, pages: list[bytes], said: list[str]) -> None:
    ending = Ending()
    assert [ending.judge(page, measured=measured) for page in pages] == said
