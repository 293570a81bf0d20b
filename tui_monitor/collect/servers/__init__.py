"""One file a kind of model server: its pages, how it is recognised, and what its names mean in the vocabulary."""
