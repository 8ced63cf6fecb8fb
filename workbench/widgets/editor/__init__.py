"""The parts of the cell editor's kernel half."""
