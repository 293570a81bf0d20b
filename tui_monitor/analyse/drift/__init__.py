"""Whether a distribution moved, judged so that looking every minute for ever does not cry wolf."""
