"""Figures for notebooks and reports; each is data first, a named tuple, and then a drawing of it."""
