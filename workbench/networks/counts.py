"""The size of a network: its parameters and its multiply-adds."""

from __future__ import annotations

from typing import NamedTuple


class Counts(NamedTuple):
    """Numbers of trainable values and of multiply-adds for one input.

    `macs` are the multiply-adds of convolutions, linear layers and products of matrices: attention's queries with
    keys and weights with values are among them. Biases, normalisation, pooling, elementwise arithmetic and Fourier
    transforms are left out. For convolutional networks these are the "FLOPs" of NAS-Bench-201 (Dong & Yang, 2020).
    """

    params: int
    macs: int
