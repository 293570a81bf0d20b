"""The program as the user starts it, for a terminal of a test."""

from __future__ import annotations

import sys

from tui_monitor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
