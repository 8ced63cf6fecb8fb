"""ntk_trace: how fast an untrained network would learn at first (NASI, Shu et al., ICLR 2022)."""

from __future__ import annotations

from math import sqrt

from workbench.proxies.per_sample import target_logit_norms
from workbench.proxies.probe import Probe
from workbench.proxies.proxy import proxy
from workbench.proxies.unscored import Unscored


@proxy(
    better="higher",
    needs="labels",
    cost="backward",
    paper="Shu et al., NASI: Label- and Data-agnostic Neural Architecture Search at Initialization, ICLR 2022",
    equation="sqrt of the mean over inputs of ||dz_n/dw||^2, z_n = logit of input n's own label, first 16 inputs",
)
def ntk_trace(probe: Probe) -> float:
    """The root of the neural tangent kernel's trace over the number of inputs, with respect to all parameters.

    Through one training-mode forward of the first 16 inputs, a backward pass each: 1.5 to 3 seconds of one core for
    a NAS-Bench-201 network. The kernel's other entries are not needed. The shift of a normalisation that is given
    nothing but zeros is a parameter like others, which is why twins differ. Published code (Auto-Prox) takes what each
    input adds to one common backward instead, which leaves out how an input acts on others by batch normalisation.
    """
    norms = probe.once(target_logit_norms)
    return norms if isinstance(norms, Unscored) else sqrt(float(norms.mean()))
