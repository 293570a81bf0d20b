"""One pane a file: a function from a frame to painted lines."""
