"""A listener that anybody could reach is refused before anything starts, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.cli.exits import Stop
from tui_monitor.cli.settings import read_file


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            'interval = "2s"\n[listener]\nlisten = "0.0.0.0:9479"\n',
            "3: listener.listen: 0.0.0.0:9479 can be reached by others: set bearer_token_file or bearer_token_env, or listen on 127.0.0.1",
        ),
        ('[listener]\nlisten = "here"\n', "2: listener.listen: 'here' is no HOST:PORT (write 127.0.0.1:9479)"),
    ],
)
def test_a_listener_that_others_reach_needs_a_token(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(Stop) as stop:
        read_file(str(path))
    assert str(stop.value) == f"{path}:{line}"


@pytest.mark.parametrize("more", ['listen = "127.0.0.1:9479"', 'listen = "0.0.0.0:9479"\nbearer_token_env = "TOKEN"', 'listen = ""'])
def test_loopback_and_tokens_pass(tmp_path: Path, more: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[listener]\n{more}\n")
    assert read_file(str(path))[0].listener.listen in more
