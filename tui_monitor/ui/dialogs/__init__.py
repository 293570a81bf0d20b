"""What opens above the panes and waits for the user: stock widgets, nothing that ticks."""
