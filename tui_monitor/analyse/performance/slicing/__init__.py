"""Parts of a log: what belongs to them, which do worse beyond chance, and groups held against each other."""
