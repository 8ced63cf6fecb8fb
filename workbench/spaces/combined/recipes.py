"""Training recipes as a side space: what a network is trained with, searched beside what it is."""

from __future__ import annotations

from workbench.spaces.combined.sides import Given, Side, listed


def recipe(
    *,
    lr: Given = (0.01, 0.03, 0.1, 0.3),
    batch_size: Given = (64, 128, 256),
    epochs: Given = (12, 50, 200),
    optimizer: Given = ("sgd", "adamw"),
    weight_decay: Given = (0.0, 1e-4, 5e-4),
    schedule: Given = ("cosine", "step", "constant"),
    augmentation: Given = ("none", "flip_crop", "flip_crop_cutout"),
    **more: Given,
) -> Side:
    """The side space of training recipes, questions "recipe.lr" and so on: add it to an architecture space.

    Each keyword takes what is allowed or one value to fix it; other names become questions of their own
    (`label_smoothing=(0.0, 0.1)`). The defaults surround the recipe of NAS-Bench-201 (Dong & Yang, 2020: SGD at 0.1,
    cosine, 256 images, weight decay 5e-4, 12 or 200 epochs, flips and crops). Architecture and recipe are searched
    together by Zela et al. (2018) and FBNetV3 (Dai et al., CVPR 2021).
    """
    given = {
        "lr": lr,
        "batch_size": batch_size,
        "epochs": epochs,
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "augmentation": augmentation,
        **more,
    }
    return Side("recipe", {name: listed(values) for name, values in given.items()})
