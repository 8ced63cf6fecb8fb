"""Search by asking a language model for architectures."""

from workbench.samplers.language_model.codec import Codec
from workbench.samplers.language_model.recombiner import Recombiner
from workbench.samplers.language_model.strategy import Genius

__all__ = ["Codec", "Genius", "Recombiner"]
