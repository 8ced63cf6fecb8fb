"""``workbench completion``: what a shell needs to complete commands, pipelines, parameters and names."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from workbench.cli.common import Commands, Parser, add

SHELLS = ("bash", "zsh", "fish", "powershell")


def add_commands(commands: Commands[Parser]) -> None:
    """Add ``completion``."""
    command = add(commands, "completion", "print what completes this command in a shell", scripts=False)
    command.add_argument("shell", choices=SHELLS, help='for bash and zsh: eval "$(workbench completion bash)"')
    command.set_defaults(command=_completion)


def complete(top: Parser) -> None:
    """Answer a shell that asks, and end; each argument completes from the catalogue that it is looked up in."""
    import argcomplete

    _attach(top)
    argcomplete.autocomplete(top)


def _completion(given: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["workbench"], shell=given.shell))
    return 0


def _attach(parser: Parser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                _attach(one)
        elif action.dest in _NAMES:
            action.completer = _NAMES[action.dest]  # type: ignore[attr-defined]  # where argcomplete looks for it


def _pipelines(prefix: str, **_: object) -> Iterable[str]:
    from argcomplete.completers import FilesCompleter

    from workbench.pipelines.pipeline import packaged

    return [*packaged().names(), *FilesCompleter(["toml"])(prefix)]


def _parameters(parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    from workbench.pipelines.pipeline import pipeline

    return [f"{parameter.name}=" for parameter in pipeline(parsed_args.pipeline).schema]


def _stages(parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    from workbench.pipelines.pipeline import pipeline

    return [stage.name for stage in pipeline(parsed_args.pipeline).stages]


def _spaces(**_: object) -> Iterable[str]:
    from workbench.spaces import catalogue

    return catalogue.names()


def _proxies(**_: object) -> Iterable[str]:
    from workbench.proxies import proxies

    return list(proxies().index)


def _samplers(**_: object) -> Iterable[str]:
    from workbench.samplers import samplers

    return list(samplers().index)


def _tasks(**_: object) -> Iterable[str]:
    from workbench.tasks import tasks

    return list(tasks().index)


def _benchmarks(**_: object) -> Iterable[str]:
    from workbench.benchmarks import catalogue

    return catalogue.names()


_NAMES = {
    "pipeline": _pipelines,
    "parameter": _parameters,
    "from_stage": _stages,
    "space": _spaces,
    "proxies": _proxies,
    "sampler": _samplers,
    "task": _tasks,
    "benchmark": _benchmarks,
}
