"""Torch modules of the literature's networks, beside the counting of their parameters and multiply-adds."""
