"""Turns Readings into numbers and verdicts: pure, without I/O, clock or threads; time is an argument."""
