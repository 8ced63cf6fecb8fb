"""Accelerators as a side space: the hardware a network runs on, searched beside the network."""

from __future__ import annotations

from workbench.spaces.combined.sides import Given, Side, listed


def hardware(
    *,
    rows: Given = (8, 16, 32, 64),
    columns: Given = (8, 16, 32, 64),
    dataflow: Given = ("output_stationary", "weight_stationary", "input_stationary"),
    buffer_kb: Given = (64, 128, 256, 512),
    **more: Given,
) -> Side:
    """The side space of systolic-array accelerators, questions "hw.rows" and so on: add it to an architecture space.

    A systolic array of `rows` x `columns` multipliers with the named operand held still, and an on-chip buffer in
    kilobytes: the parameters of SCALE-Sim (Samajdar et al., 2018) that co-design searches (Yang et al., NASAIC, DAC
    2020; Lin et al., NAAS, DAC 2021). Each takes what is allowed or one value; other names become questions too.
    """
    given = {"rows": rows, "columns": columns, "dataflow": dataflow, "buffer_kb": buffer_kb, **more}
    return Side("hw", {name: listed(values) for name, values in given.items()})
