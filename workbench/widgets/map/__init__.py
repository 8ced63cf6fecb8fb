"""The parts of the space map's kernel half."""
