"""The blocks of any network: the outermost repeated modules, of whose outputs several proxies speak."""

from __future__ import annotations

from torch import nn

from workbench.networks.counting import weighted_layers

_LISTS = (nn.Sequential, nn.ModuleList)


def blocks(model: nn.Module) -> dict[str, nn.Module]:
    """Name -> block, in the module's order: the cells of NAS-Bench-201, the residual blocks of a ResNet.

    A block is a module made of others that stands in an `nn.Sequential` or `nn.ModuleList` with at least one more of
    its like; a block that is such a list itself is a stage, and its members are the blocks. What is inside a block
    is none. A network with fewer than two such blocks has its convolutions and linear layers for blocks.
    """
    found = dict(_outermost(model, ""))
    return found if len(found) > 1 else weighted_layers(model)


def _outermost(module: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    found = []
    listed = _is_list_of_blocks(module)
    for child_name, child in module.named_children():
        path = f"{name}.{child_name}" if name else child_name
        if not _is_composite(child):
            continue
        if listed and not _is_list_of_blocks(child):
            found.append((path, child))
        else:
            found += _outermost(child, path)
    return found


def _is_list_of_blocks(module: nn.Module) -> bool:
    return isinstance(module, _LISTS) and sum(map(_is_composite, module.children())) > 1


def _is_composite(module: nn.Module) -> bool:
    return any(True for _ in module.children())
