"""How smooth the family tree of a search moves: 1,000 and 10,000 trials, pointed at, panned and zoomed, frame by frame.

python benchmarks/lineage_frames.py [PATH OF CHROMIUM]
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import optuna

import workbench as wb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "widgets"))

from lab import chromium_browser
from pages import page_of

SIZES = (1_000, 10_000)
MOVES = 60
WATCH = """() => {
  window.gaps = [];
  let last = performance.now();
  const step = (now) => { gaps.push(now - last); last = now; window.watching = requestAnimationFrame(step); };
  window.watching = requestAnimationFrame(step);
}"""
STOP = "() => { cancelAnimationFrame(window.watching); return gaps; }"


def searched(size: int) -> optuna.Study:
    """A search by mutation and crossover in the accuracies of NAS-Bench-201, without an adapter's cost."""
    bench = wb.benchmark("nasbench201", dataset="cifar100")
    accuracy, space, rng = bench.measure("valid_accuracy"), bench.space, random.Random(0)
    archs, values, trials = [], [], []
    for i in range(size):
        attrs: dict[str, object] = {}
        arch = space.sample(1, seed=i)[0]
        if i >= 20:
            first, second = sorted(rng.sample(range(max(0, i - 300), i), 2), key=lambda j: -values[j])
            crossed = rng.random() < 0.3
            mother, father = archs[first], archs[second]
            arch = space.crossover(mother, father, seed=i) if crossed else space.mutate(mother, seed=i)
            attrs = {"parent": first, "operator": "crossover" if crossed else "mutation"}
            attrs |= {"other_parent": second} if crossed else {}
        archs.append(arch)
        values.append(accuracy(arch))
        trials.append(optuna.trial.create_trial(value=values[-1], user_attrs=attrs | {"architecture": str(arch)}))
    study = optuna.create_study(direction="maximize")
    study.set_user_attr("space", space.name)
    study.add_trials(trials)
    return study


def main() -> None:
    """Print every figure."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    chromium = sys.argv[1] if len(sys.argv) > 1 else shutil.which("chromium") or "chromium"
    with chromium_browser(chromium) as browser:
        for size in SIZES:
            study = searched(size)
            began = time.process_time()
            tree = wb.Lineage(study)
            tree.complete()
            print(f"{size:,} trials: read in {time.process_time() - began:.2f} CPU s")
            page = browser.new_page(viewport={"width": 1000, "height": 800})
            page.set_content(page_of(tree, width=960))
            page.wait_for_function("document.querySelector('.wb-genealogy')?.dataset.points", timeout=60_000)
            page.wait_for_timeout(1000)
            box = page.locator(".wb-forest").bounding_box()
            assert box is not None
            page.locator(".wb-forest .wb-top").focus()
            for what, key in (("pointed at", ""), ("panned", "p")):
                if key:
                    page.keyboard.press(key)
                page.evaluate(WATCH)
                page.mouse.move(box["x"] + 300, box["y"] + 80)
                if key:
                    page.mouse.down()
                for step in range(MOVES):
                    page.mouse.move(box["x"] + 300 + 4 * step, box["y"] + 80 + step)
                page.mouse.up()
                gaps = np.array(page.evaluate(STOP))
                print(f"  {what}: frames of {np.median(gaps):.0f} ms, 95 % under {np.quantile(gaps, 0.95):.0f} ms")
            page.close()
            tree.close()


if __name__ == "__main__":
    main()
