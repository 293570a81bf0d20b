"""The small language of rules, slices and filters: text in, a condition with three truth values out. It knows the vocabulary, and no room."""
