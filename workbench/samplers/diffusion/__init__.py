"""Generating architectures by diffusion: a score network of a space, and a predictor that leads it to good ones."""

from workbench.samplers.diffusion.strategy import Diffusion

__all__ = ["Diffusion"]
