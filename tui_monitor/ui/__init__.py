"""Draws frames and turns keys into commands; never computes, never polls, never touches what is watched."""
