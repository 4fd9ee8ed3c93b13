#!/usr/bin/env python3
"""Cost as the work grows: stacks of 10, 100 and 400 small components on a real API server. bench/README.md has the method.

    run.py TSTACK [--rounds 5] [--sizes 10,100,400]

Python 3 and its standard library, kind; Linux.
"""

import argparse
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from kit import machine, procs, results, stack  # noqa: E402
from kit.procs import say  # noqa: E402
import generate  # noqa: E402

CLUSTER = "bench-scale"


class Bench:
    def __init__(self, options, undo):
        self.options, self.undo = options, undo
        self.results = results.Results("scale", machine.facts(options.tstack, ["kind", "kubectl"]), out=options.out)
        self.data = self.results.data
        self.data["rounds"] = []
        self.folder = procs.work_folder(undo)
        self.env = {**os.environ, "TSTACK_STATE": str(self.folder / "state"), "KUBECONFIG": str(self.folder / "nobody")}
        self.kubeconfig = self.folder / "kubeconfig"

    def prepare(self):
        """One cluster for all of it, made by kind as anybody makes one, so that what is measured is tstack's own work."""
        delete = ["kind", "delete", "cluster", "--name", CLUSTER, "--kubeconfig", self.kubeconfig]
        procs.run(delete, env=self.env, check=False)
        self.undo.callback(procs.run, delete, env=self.env, check=False)
        image = stack.Stack({}, os.environ.get("TSTACK_CONFIG")).node_image
        say("one cluster, about 30 seconds")
        procs.run(["kind", "create", "cluster", "--quiet", "--wait", "120s", "--name", CLUSTER, "--image", image, "--kubeconfig", self.kubeconfig], env=self.env)
        for size in self.options.sizes:
            generate.write(size, self.folder / f"stack-{size}")
        machine.calm(60)

    def tstack(self, verb, size, *more):
        on = [self.folder / f"stack-{size}", "--context", f"kind-{CLUSTER}", "--kubeconfig", self.kubeconfig] if verb in ("up", "plan") else []
        return procs.run([self.options.tstack, verb, *on, *more, "--name", f"bench-scale-{size}", "--output", "json"], env=self.env)

    def measure(self, number, size):
        machine.calm()
        watch = machine.Watch()
        plan = self.tstack("plan", size)
        told = json.loads(next(line for line in plan.out.splitlines() if line.startswith("{")))["data"]
        up = self.tstack("up", size)
        again = self.tstack("up", size)
        down = self.tstack("down", size)
        self.data["rounds"].append({
            "round": number, "size": size, "steps": len(told["steps"]),
            "decided": told.get("decidedIn"), "plan": round(plan.seconds, 3), "planPeakMiB": plan.peak,
            "up": round(up.seconds, 3), "upPeakMiB": up.peak, "noop": round(again.seconds, 3), "noopPeakMiB": again.peak, "down": round(down.seconds, 3),
            **watch.end(),
        })
        self.results.save()
        one = self.data["rounds"][-1]
        say(f"round {number}, {size} components: plan {one['plan']} s (deciding {(one['decided'] or 0) * 1000:.0f} ms), up {one['up']} s, again {one['noop']} s, {one['upPeakMiB']} MiB")


def show(data):
    print("\n| components | steps | deciding ms | `plan` s | `up` s | `up` again s | `down` s | most MiB in `up` |\n|---|---|---|---|---|---|---|---|")
    for size in sorted({one["size"] for one in data["rounds"]}):
        of = [one for one in data["rounds"] if one["size"] == size]
        median = {key: results.median([one[key] or 0 for one in of]) for key in ("decided", "plan", "up", "noop", "down", "upPeakMiB")}
        print(f"| {size} | {of[0]['steps']} | {median['decided'] * 1000:.1f} | {median['plan']:.2f} | {median['up']:.2f} | {median['noop']:.2f} | {median['down']:.2f} | {median['upPeakMiB']:.0f} |")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tstack", help="the program")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--sizes", type=lambda text: [int(word) for word in text.split(",")], default=[10, 100, 400])
    options.add_argument("--out", help="default: bench/results/scale-<time>.json")
    options = options.parse_args()
    with procs.cleaning() as undo:
        bench = Bench(options, undo)
        print(machine.told(bench.data["machine"]))
        bench.prepare()
        for number in range(1, options.rounds + 1):
            for size in options.sizes:
                bench.measure(number, size)
        show(bench.data)
        print(f"\nEach run: {bench.results.path}")


if __name__ == "__main__":
    sys.exit(main())
