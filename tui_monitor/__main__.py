"""`python -m tui_monitor` is `tui-monitor`."""

from __future__ import annotations

import sys

from tui_monitor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
