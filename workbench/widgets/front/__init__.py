"""The parts of the front picker's kernel half."""
