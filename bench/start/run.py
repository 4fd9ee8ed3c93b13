#!/usr/bin/env python3
"""What tstack itself costs: its start, an `up` with nothing to do, and the most memory of each verb. bench/README.md has the method.

    run.py TSTACK [--rounds 5] [--starts 200]

Python 3 and its standard library, hyperfine where it is there; Linux.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from kit import machine, procs, results  # noqa: E402
from kit.procs import say  # noqa: E402


def starts(tstack, count, folder):
    """Milliseconds of `tstack --version`, each."""
    if shutil.which("hyperfine"):
        told = folder / "hyperfine.json"
        procs.run(["hyperfine", "--shell=none", "--warmup", "10", "--runs", count, "--export-json", told, f"{tstack} --version"])
        return "hyperfine", [round(second * 1000, 3) for second in json.loads(told.read_text())["results"][0]["times"]]
    took = []
    for number in range(count + 10):
        began = time.perf_counter()
        os.waitpid(os.posix_spawn(tstack, [tstack, "--version"], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]), 0)
        if number >= 10:
            took.append(round((time.perf_counter() - began) * 1000, 3))
    return "own loop", took


def show(data):
    version = data["version"]
    print(f"\n`tstack --version` ({version['by']}): median {statistics.median(version['ms']):.1f} ms, {min(version['ms']):.1f} to {max(version['ms']):.1f}, {len(version['ms'])} starts")
    if data["rounds"]:
        print("\n| | median s (least to most, runs) | most MiB |\n|---|---|---|")
        for verb, what in (("up", "up"), ("noop", "up with nothing to do"), ("status", "status"), ("plan", "plan"), ("down", "down")):
            of = [one for one in data["rounds"] if one["verb"] == verb]
            if of:
                seconds = [one["seconds"] for one in of]
                print(f"| {what} | {results.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f}, {len(of)}) | {max(one['peakMiB'] for one in of):.1f} |")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tstack", help="the program")
    options.add_argument("--rounds", type=int, default=5, help="ten runs of each verb that changes nothing, each")
    options.add_argument("--starts", type=int, default=200)
    options.add_argument("--no-cluster", action="store_true", help="only the start")
    options.add_argument("--out", help="default: bench/results/start-<time>.json")
    options = options.parse_args()
    with procs.cleaning() as undo:
        raw = results.Results("start", machine.facts(options.tstack, ["hyperfine", "kind"]), out=options.out)
        data, folder = raw.data, procs.work_folder(undo)
        print(machine.told(data["machine"]))
        machine.calm()
        by, ms = starts(options.tstack, options.starts, folder)
        data["version"], data["rounds"] = {"by": by, "ms": ms}, []
        raw.save()
        if not options.no_cluster:
            env = {**os.environ, "TSTACK_STATE": str(folder / "state"), "KUBECONFIG": str(folder / "nobody")}
            http, https = procs.free_ports(2)
            ports = ["--set", f"parameters.httpPort={http}", "--set", f"parameters.httpsPort={https}"]

            def one(verb, *argv):
                done = procs.run([options.tstack, *argv, "--name", "bench-start", "--output", "json"], env=env)
                data["rounds"].append({"verb": verb, "seconds": round(done.seconds, 4), "peakMiB": done.peak})
                raw.save()

            undo.callback(procs.run, [options.tstack, "down", "--name", "bench-start"], env=env, check=False)
            say("a stack, about a minute")
            # the whole way, whatever is kept on this machine
            whole = ["--no-snapshot"] if "--no-snapshot" in procs.run([options.tstack, "up", "--help"]).out else []
            one("up", "up", "--provider", "kind", *ports, *whole)
            machine.calm(60)
            for _ in range(10 * options.rounds):
                one("noop", "up", "--provider", "kind", *ports)
                one("status", "status")
                one("plan", "plan", "--provider", "kind", *ports)
            one("down", "down")
        show(data)
        print(f"\nEach run: {raw.path}")


if __name__ == "__main__":
    sys.exit(main())
