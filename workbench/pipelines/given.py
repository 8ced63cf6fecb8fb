"""What a stage is given to read: a folder with one entry for each stage it needs and each file it names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from workbench.errors import InvalidInput
from workbench.pipelines.pipeline import Stage

GIVEN = ".inputs"  # the folder of a run that holds these, one for each stage


def give(stage: Stage, run_folder: Path) -> Path:
    """Make the folder of a stage's inputs and return it: links, so that nothing is there twice.

    What the stage does not need is not there; so a result that another set of parameters left in the run folder cannot
    be read by mistake. Where links cannot be made (Windows without the right to), it is the run folder itself, and then
    a stage can have no input files.
    """
    folder = run_folder / GIVEN / stage.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        for need in stage.needs:
            if (run_folder / need).is_dir():  # it is missing where the stage was left out
                (folder / need).symlink_to(Path(os.path.relpath(run_folder / need, folder)), target_is_directory=True)
        for file in stage.files:
            (folder / file.name).symlink_to(file)
    except OSError as error:
        if os.name == "posix":
            raise
        if stage.files:
            raise InvalidInput(f"The input files of {stage.name} cannot be linked to: {error.strerror}.") from None
        return run_folder
    return folder


def tidy(run_folder: Path, names: set[str]) -> None:
    """Remove the inputs of stages that no longer belong to the run."""
    folder = run_folder / GIVEN
    if folder.is_dir():
        for one in folder.iterdir():
            if one.name not in names:
                shutil.rmtree(one, ignore_errors=True)
