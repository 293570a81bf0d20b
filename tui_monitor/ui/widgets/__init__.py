"""What panes are drawn with: the canvas, bars, charts, and the line widget that shows them."""
