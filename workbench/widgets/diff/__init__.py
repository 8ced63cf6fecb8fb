"""The parts of the architecture diff's kernel half."""
