"""Modules that hold every answer to a search space's questions at once, and read which to use from gates."""
