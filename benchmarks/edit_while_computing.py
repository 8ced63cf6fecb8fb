"""How long an edit takes in the kernel while a dear proxy is computed: not at all, in a process, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from workbench.benchmarks import Benchmark, benchmark
from workbench.ledger import default_ledger
from workbench.widgets.aside import Aside
from workbench.widgets.cell_editor import CellEditor
from workbench.widgets.editor.computed import Request, latency_of, scores_of

DEAR = ("grasp", "zico", "vkdnw")
EDITS = 100


def main() -> None:
    """Print the median and the worst of some edits for each way."""
    bench = benchmark("nasbench201", dataset="cifar10")
    editor = CellEditor(bench.space.sample(1, seed=0)[0], bench)
    aside = Aside()
    aside.call(latency_of, Request(editor.value, "cifar10", default_ledger()))  # torch is loaded
    latency_of(Request(editor.value, "cifar10", default_ledger()))
    ways: dict[str, Callable[[Any, Any], Any] | None] = {
        "nothing": None,
        "a process": aside.call,
        "a thread": lambda function, item: function(item),
    }
    for way, call in ways.items():
        with computing(call, bench):
            times = [edit(editor, number) for number in range(EDITS)]
        print(f"{way:>10}: median {1e3 * median(times):5.1f} ms, worst of {EDITS} {1e3 * max(times):5.1f} ms")
    aside.close()


@contextmanager
def computing(call: Callable[[Any, Any], Any] | None, bench: Benchmark) -> Iterator[None]:
    """Inside, proxies of ever new architectures are computed by `call` without a pause."""
    done = threading.Event()

    def work(call: Callable[[Any, Any], Any]) -> None:
        for arch in bench.space.sample(1000, seed=7):
            if done.is_set():
                return
            call(scores_of, Request(arch, "cifar10", default_ledger(), DEAR))

    threads = [] if call is None else [threading.Thread(target=work, args=(call,), daemon=True)]
    for thread in threads:
        thread.start()
        time.sleep(1)  # until it is under way
    yield
    done.set()
    for thread in threads:
        thread.join()


def edit(editor: CellEditor, number: int) -> float:
    """Seconds from the browser's message to the new value."""
    answers = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    time.sleep(0.02)  # a hand is no quicker
    question = list(editor.decisions)[number % 6]
    others = [answer for answer in answers if answer != editor.decisions[question]]
    start = time.perf_counter()
    editor.set_state({"revision": editor.revision + 1, "decisions": {**editor.decisions, question: others[number % 4]}})
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
