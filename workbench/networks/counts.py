"""The size of a network: its parameters and its multiply-adds."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """Numbers of trainable values and of multiply-adds for one input.

    `macs` are the multiply-adds of convolutions and linear layers; biases, normalisation and pooling are left
    out. These are the "FLOPs" of NAS-Bench-201 (Dong & Yang, 2020).
    """

    params: int
    macs: int
