"""Turns the world into Readings: all I/O towards what is watched; a failure is a Reading, never an exception."""
