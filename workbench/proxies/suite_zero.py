"""Correlations of the proxy values that NAS-Bench-Suite-Zero published for two more spaces (NeurIPS 2022)."""

from __future__ import annotations

from workbench.proxies.proxy import Published, reported

_OF_101 = "NAS-Bench-Suite-Zero's values of 500 cells against validation accuracy"
_OF_301 = "NAS-Bench-Suite-Zero's values of 725 cells against NAS-Bench-301's surrogate accuracy"


def suite_zero(*, nasbench101: float | None = None, darts: float) -> dict[str, Published]:
    """Spearman's correlations in NAS-Bench-101, where there is one, and in the DARTS space, both on CIFAR-10."""
    found = {} if nasbench101 is None else reported(_OF_101, "nasbench101", cifar10=nasbench101)
    return found | reported(_OF_301, "darts", cifar10=darts)
