"""A search space that is a grammar: its architectures are the grammar's derivations."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property

import networkx as nx

from workbench.architecture import Architecture
from workbench.spaces.choices import Choices, Question
from workbench.spaces.combined.grammar import Grammar, Tree
from workbench.spaces.space import SearchSpace


class GrammarSpace(SearchSpace):
    """The derivations of a context-free grammar (Schrodi et al., NeurIPS 2023).

    A subclass gives `grammar` and `picture`, the graph of a derivation; it may give `check`, which refuses some.
    Questions are productions along the derivation, named by their place; an architecture is written as the nested
    expression of its derivation.
    """

    grammar: Grammar

    @abstractmethod
    def picture(self, tree: Tree) -> nx.DiGraph:
        """The graph of a derivation."""

    def check(self, tree: Tree) -> None:
        """Raises `Infeasible` with the reason for a derivation that makes no architecture."""

    def suggest(self, choices: Choices) -> nx.DiGraph:
        """A production wherever a symbol has several."""
        tree = self.grammar.derive(choices)
        self.check(tree)
        return self.picture(tree)

    def ask(self, choices: Choices) -> None:
        """The same without the graph."""
        self.check(self.grammar.derive(choices))

    def derivation(self, arch: Architecture) -> Tree:
        """The derivation of `arch`."""
        return self.grammar.derive(self._replay(self._own(arch).decisions))

    def parse(self, text: str) -> Architecture:
        """The architecture whose derivation is `text`; raises `InvalidInput`."""
        return self.architecture(self.grammar.read(text))

    def format(self, arch: Architecture) -> str:
        """The derivation as a nested expression."""
        return self.grammar.write(self.derivation(arch))

    @property
    def size(self) -> int:
        """The number of derivations; a space whose `check` refuses some says how many are left."""
        return self.grammar.size()

    @cached_property
    def _all_questions(self) -> tuple[Question, ...]:
        return tuple(self.grammar.questions())
