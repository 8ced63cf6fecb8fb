"""The parts of the one-edit neighbourhood's kernel half."""
