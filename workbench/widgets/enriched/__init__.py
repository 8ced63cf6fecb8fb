"""The parts of the enrichment panel's kernel half."""
