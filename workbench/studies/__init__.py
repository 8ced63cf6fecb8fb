"""Studies: searching a space for the best architectures, and comparing strategies over seeds."""
