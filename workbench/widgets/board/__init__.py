"""The parts of the proxy board's kernel half."""
