"""Spaces made of other spaces: sums, restrictions, extensions, grammars, and spaces as individuals."""
