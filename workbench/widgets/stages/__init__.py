"""What a view of a pipeline's run is made of: its files as facts, its plan, its graph, and the fields of its form."""
