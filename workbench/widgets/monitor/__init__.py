"""The parts of the search monitor's kernel half."""
