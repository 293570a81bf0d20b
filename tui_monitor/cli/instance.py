"""Which engine a call is about. Apart from the settings because the screen needs it before anything is loaded."""

from __future__ import annotations

import argparse


def instance_of(call: argparse.Namespace, default: str = "default") -> str:
    """The instance of this call."""
    return str(call.instance or default)
