"""Parts of the monitor of a supernet: how gates look, where they are drawn, and their still."""
