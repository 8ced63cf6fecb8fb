"""Networks that exist already: followed, measured and changed layer by layer."""
