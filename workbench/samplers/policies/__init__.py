"""Policy-gradient strategies: a policy is drawn from, and moved towards what was rewarded."""

# Each of these files enters its strategy into the catalogue of samplers.
from workbench.samplers.policies import conservative, controller, edits, reinforce, rejection

__all__ = ["conservative", "controller", "edits", "reinforce", "rejection"]
