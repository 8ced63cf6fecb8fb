"""The devices on which HELP's latencies were measured (Lee et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Sequence

_GPUS = {
    "1080ti": "GPU GTX 1080 Ti",
    "2080ti": "GPU RTX 2080 Ti",
    "titan_rtx": "GPU Titan RTX",
    "titanx": "GPU Titan X",
    "titanxp": "GPU Titan Xp",
}
_OTHERS = {
    "essential_ph_1": "phone Essential PH-1",
    "eyeriss": "ASIC Eyeriss",
    "fpga": "FPGA",
    "gold_6226": "CPU Xeon Gold 6226",
    "gold_6240": "CPU Xeon Gold 6240",
    "pixel2": "phone Pixel 2",
    "pixel3": "phone Pixel 3",
    "raspi4": "Raspberry Pi 4",
    "samsung_a50": "phone Samsung A50",
    "samsung_s7": "phone Samsung S7",
    "silver_4114": "CPU Xeon Silver 4114",
    "silver_4210r": "CPU Xeon Silver 4210R",
}


def devices(batches: Sequence[int]) -> dict[str, str]:
    """Name -> what it is, of the 12 devices and of each GPU with the given numbers of images in a batch."""
    gpus = {f"{gpu}_{n}": f"{what}, batches of {n}" for gpu, what in _GPUS.items() for n in batches}
    return gpus | _OTHERS
