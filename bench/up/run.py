#!/usr/bin/env python3
"""From no cluster to the same checks passing, side by side in one run: a serial script, helmfile, and tstack. bench/README.md tells how it is fair.

    run.py TSTACK [--rounds 5] [--only a,b,c,d,e,f,g] [--resume FILE]

Python 3 and its standard library; Linux. Ends and removes only what it made itself: clusters whose names begin with `bench-` or `tstack-bench`.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from kit import machine, procs, results, stack  # noqa: E402
from kit.procs import say  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
API_IMAGE = "localhost/task-api:bench"

# letter: what it is, seconds that it takes about with its removal, and whether it is one of those that run in --extra-rounds only
SUBJECTS = {
    "a": ("serial script", 145, False),
    "b": ("helmfile", 125, False),
    "bn": ("helmfile, baked node image", 85, False),
    "c": ("tstack up", 70, False),
    "d": ("tstack up, baked node image", 50, False),
    "e": ("tstack up from a snapshot", 25, False),
    "at": ("serial script with tstack's chart values", 120, True),
    "an": ("serial script, baked node image", 110, True),
}


# those that need a baked node image or a snapshot, and the room for both, and a cluster beside them
KEEPING, ROOM_GIB = {"bn", "an", "d", "e"}, 15


def room():
    """Why there is too little of it for images that are kept; nothing where there is enough."""
    where = machine.said("docker", "info", "--format", "{{.DockerRootDir}}")
    free = shutil.disk_usage(where if os.path.isdir(where) else "/").free / 2**30
    return f"{free:.0f} GiB are free for the engine, {ROOM_GIB} are needed" if free < ROOM_GIB else ""


class Bench:
    def __init__(self, options, undo):
        self.options, self.tstack = options, options.tstack
        facts = machine.facts(self.tstack, ["kind", "helm", "kubectl", "helmfile"])
        self.results = results.Results("up", facts, options.resume, options.out)
        self.data = self.results.data
        self.data.setdefault("rounds", [])
        self.data.setdefault("made", {})
        self.folder = procs.work_folder(undo)
        self.http, self.https = procs.free_ports(2)
        self.config = os.environ.get("TSTACK_CONFIG")
        self.stack = stack.Stack({"httpPort": self.http, "httpsPort": self.https}, self.config)
        self.undo = undo
        self.env = {**os.environ, "TSTACK_STATE": str(self.folder / "state"), "KUBECONFIG": str(self.folder / "nobody")}
        self.verbs = subprocess.run([self.tstack, "--help"], capture_output=True, text=True).stdout
        self.up_help = subprocess.run([self.tstack, "up", "--help"], capture_output=True, text=True).stdout
        self.baked, self.kept = None, []
        self.data["machine"].setdefault("nodeImage", machine.said("docker", "image", "inspect", self.stack.node_image, "--format", "{{.Id}}"))

    # what is made before the rounds ------------------------------------------------------------------------------------

    def prepare(self, subjects):
        self.undo.callback(self.remove_all)
        self.remove_all()
        self.build_api_image()
        if KEEPING & set(subjects):
            self.bake()
        if "e" in subjects:
            self.save()

    def build_api_image(self):
        """The Task API for those that do not make its image themselves."""
        program = stack.STACK / "bin/linux-amd64/task-api"
        context = self.folder / "image"
        context.mkdir()
        shutil.copy(program, context / "task-api")
        (context / "Dockerfile").write_text('FROM scratch\nCOPY task-api /task-api\nUSER 65532\nEXPOSE 8000\nENTRYPOINT ["/task-api"]\n')
        procs.run(["docker", "build", "--quiet", "--tag", API_IMAGE, context])
        self.undo.callback(procs.run, ["docker", "rmi", "--force", API_IMAGE], check=False)

    def bake(self):
        say("baking a node image that holds the stack's images")
        self.baked = self.keep("bake")

    def save(self):
        say("a finished stack, and a snapshot of it")
        self.run_tstack("up", "--provider", "kind", *self.ports())
        self.keep("save")
        self.run_tstack("down")

    def keep(self, what):
        """`tstack snapshot bake` or `save`: the name of the image."""
        took = self.run_tstack("snapshot", what)
        told = next((one["data"] for one in events(took.out) if one.get("event") == "summary"), {})
        if "image" not in told:
            raise procs.Failed(f"`tstack snapshot {what}` names no image:\n{took.last()}")
        if told.get("made", True):
            # one that was there before is somebody's
            self.kept.append(told["image"])
            size = machine.said("docker", "image", "inspect", told["image"], "--format", "{{.Size}}")
            self.data["made"][what] = {"seconds": round(took.seconds, 1), "bytes": int(size or 0)}
        self.results.save()
        return told["image"]

    # each side --------------------------------------------------------------------------------------------------------

    def ports(self):
        return ["--set", f"parameters.httpPort={self.http}", "--set", f"parameters.httpsPort={self.https}"]

    def run_tstack(self, *argv, check=True):
        return procs.run([self.tstack, *argv, "--name", "bench", "--output", "json"], env=self.env, check=check)

    def up(self, letter, number):
        # of `d` a value without weight is another one, so that the snapshot, which would be used, does not fit
        how = {"c": ["--no-snapshot"] if "--no-snapshot" in self.up_help else [], "d": ["--set", "parameters.scaleThreshold=51"], "e": []}[letter]
        done = self.run_tstack("up", "--provider", "kind", *self.ports(), *how)
        told = events(done.out)
        planned = [step for one in told if one.get("event") == "plan.started" for step in one["steps"]]
        ways = {"c": "images", "d": "baked node image", "e": "snapshot"}
        if not any(ways[letter] in f"{step['id']} {step['title']} {step['cause']}" for step in planned):
            raise procs.Failed(f"it did not go by way of `{ways[letter]}`: " + "; ".join(f"{step['title']} ({step['cause']})" for step in planned[:6]))
        steps = {one["id"]: one["took"] for one in told if one.get("event") == "step.done"}
        checks = [one["report"] for one in told if one.get("event") == "check.done"]
        record = {
            "seconds": round(done.seconds, 2), "peakMiB": done.peak, "steps": steps,
            "checks": [{"check": one["name"], "passed": one["passed"], "seen": one["seen"], "took": one["took"]} for one in checks],
        }
        if not checks or not all(one["passed"] for one in checks):
            raise procs.Failed(f"tstack's checks did not all pass:\n{done.last()}")
        record["crossCheck"] = self.cross_check(number)
        if "timings" in self.verbs:
            record["timings"] = self.timings()
        if "f" in self.options.only:
            again = self.run_tstack("up", "--provider", "kind", *self.ports(), *how)
            record["noop"], record["noopPeakMiB"] = round(again.seconds, 3), again.peak
        began = time.monotonic()
        self.run_tstack("down")
        record["down"] = round(time.monotonic() - began, 2)
        return record

    def timings(self):
        """What tstack itself says of the run: its critical path, and how much longer it took than that."""
        told = next((one["data"] for one in events(self.run_tstack("timings", check=False).out) if one.get("event") == "timings"), {})
        return {key: told.get(key) for key in ("total", "bound", "ratio", "inTurn", "onPath", "between", "afterwards", "criticalPath")}

    def cross_check(self, number):
        """The other sides' checks on tstack's stack, not timed. tstack's own have just emptied the one bucket that all without a user share, and it
        takes a minute to fill: once is enough."""
        skipped = ["--skip", "anonymous_rate_limit"] if number > 1 else []
        at = self.folder / "state/bench"
        done = procs.run([sys.executable, HERE / "checks.py", "--http", self.http, "--https", self.https,
                          "--kubeconfig", at / "kubeconfig", "--ca", at / "ca.crt", "--patience", 90, *skipped], check=False)
        found = events(done.out, "check")
        if done.code != 0:
            say(f"the other sides' checks do not pass on tstack's stack:\n{done.last()}")
        return found

    def script(self, letter):
        name = f"bench-{letter}"
        work = self.lay_out(name, tuned=letter == "at")
        baked = letter.endswith("n")
        images = [API_IMAGE] if baked else [*self.stack.images(), API_IMAGE]
        env = {
            **self.env, "NAME": name, "WORK": str(work), "KUBECONFIG": str(work / "kubeconfig"), "CHECKS": str(HERE / "checks.py"),
            "NODE_IMAGE": self.baked if baked else self.stack.node_image, "IMAGES": " ".join(images),
            "HTTP": str(self.http), "HTTPS": str(self.https),
            # nothing of an earlier round
            "HELM_CACHE_HOME": str(work / "helm"), "XDG_CACHE_HOME": str(work / "cache"), "HELMFILE_CACHE_HOME": str(work / "cache/helmfile"),
        }
        which = "helmfile.sh" if letter.startswith("b") else "serial.sh"
        done = procs.run(["bash", HERE / which], env=env)
        record = {
            "seconds": round(done.seconds, 2),
            "steps": {line.split()[1]: float(line.split()[2]) for line in done.out.splitlines() if line.startswith("phase ")},
            "checks": events(done.out, "check"),
        }
        if "f" in self.options.only and letter.startswith("b"):
            again = procs.run(["helmfile", "--quiet", "--file", work / "helmfile.yaml", "sync"], env=env)
            record["noop"], record["noopPeakMiB"] = round(again.seconds, 3), again.peak
        gone = procs.run(["kind", "delete", "cluster", "--name", name, "--kubeconfig", work / "kubeconfig"], env=env)
        record["down"] = round(gone.seconds, 2)
        shutil.rmtree(work)
        return record

    def lay_out(self, name, tuned):
        """The files that a person would keep: kind's, each chart's values, the objects, helmfile's."""
        work = self.folder / name
        shutil.rmtree(work, ignore_errors=True)
        for folder in ("values", "objects", "local"):
            (work / folder).mkdir(parents=True)
        mapped = [{"containerPort": node, "hostPort": host, "listenAddress": "127.0.0.1"} for host, node in ((self.http, 30080), (self.https, 30443))]
        kind = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane", "extraPortMappings": mapped}]}
        (work / "kind.yaml").write_text(json.dumps(kind))
        charts = list(self.stack.charts())
        lines = [[one["component"], one["release"], one["namespace"], one["chart"], one["version"], "--plain-http" if one["plainHttp"] else ""] for one in charts]
        (work / "charts.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
        for one in charts:
            path = work / "values" / f"{one['component']}.yaml"
            path.write_text(json.dumps(one["values"]) if tuned else (HERE / "plain" / path.name).read_text())
        objects = {file: self.stack.manifest(file, API_IMAGE) for file in ("namespace.yaml", "task-api.yaml", "gateway.yaml", "routes.yaml", "scaler.yaml")}
        objects["certificate.yaml"] = (HERE / "certificate.yaml").read_text()
        if not tuned:
            objects["gateway.yaml"] = (HERE / "plain/gateway.yaml").read_text()
        for file, text in objects.items():
            (work / "objects" / file).write_text(text)
        for chart, files in {"task-api": ["task-api.yaml"], "traffic": ["gateway.yaml", "routes.yaml"], "certificate": ["certificate.yaml"], "scaler": ["scaler.yaml"]}.items():
            templates = work / "local" / chart / "templates"
            templates.mkdir(parents=True)
            (templates.parent / "Chart.yaml").write_text(f"apiVersion: v2\nname: {chart}\nversion: 0.0.1\n")
            for file in files:
                (templates / file).write_text(objects[file])
        text = (HERE / "helmfile.yaml.template").read_text().replace("WORK", str(work))
        text = text.replace("PLAIN_HTTP", str(any(one["plainHttp"] for one in charts)).lower())
        for one in charts:
            text = text.replace(f"CHART({one['component']})", one["chart"]).replace(f"VERSION({one['component']})", one["version"])
        (work / "helmfile.yaml").write_text(text)
        return work

    # rounds -----------------------------------------------------------------------------------------------------------

    def measure(self, number, letter):
        what = SUBJECTS[letter][0]
        quiet = machine.calm()
        watch = machine.Watch()
        say(f"round {number}: {what}")
        try:
            record = self.up(letter, number) if letter in "cde" else self.script(letter)
        except procs.Failed as why:
            say(f"round {number}: {what}: {why}")
            record = {"failed": str(why)[-3000:]}
            self.remove_all(keep_snapshots=True)
        record = {"round": number, "subject": letter, "busyBefore": quiet, **record, **watch.end()}
        self.data["rounds"].append(record)
        self.results.save()
        say(f"round {number}: {what}: {record.get('seconds', 'failed')} s, down {record.get('down', '-')} s, again {record.get('noop', '-')} s")

    def remove_all(self, keep_snapshots=False):
        """Every cluster and file that this run made, also after a failure."""
        procs.run([self.tstack, "down", "--name", "bench", "--output", "json"], env=self.env, check=False)
        mine = [f"bench-{letter}" for letter in SUBJECTS] + ["tstack-bench"]
        there = procs.run(["kind", "get", "clusters"], env=self.env, check=False).out.split()
        for name in [name for name in mine if name in there]:
            procs.run(["kind", "delete", "cluster", "--name", name, "--kubeconfig", self.folder / "nobody"], env=self.env, check=False)
        if not keep_snapshots and self.kept:
            procs.run([self.tstack, "snapshot", "rm", *self.kept, "--output", "json"], env=self.env, check=False)
            self.kept = []


def events(text, key="event"):
    """The lines of JSON among what a program said."""
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if key == "event" or key in value:
                found.append(value)
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tstack", help="the program")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--extra-rounds", type=int, help="rounds of the sides that only explain (at, an); default: 2, or --rounds where that is less")
    options.add_argument("--only", default="a,b,bn,c,d,e,at,an,f,g", help="f: a second run with nothing to do; the rest as in the table of bench/README.md")
    options.add_argument("--resume", help="go on with a file of raw results")
    options.add_argument("--out", help="default: bench/results/up-<time>.json")
    options = options.parse_args()
    options.only = options.only.split(",")
    if options.extra_rounds is None:
        options.extra_rounds = min(2, options.rounds)
    # f and g are measured on whatever runs
    subjects = [letter for letter in SUBJECTS if letter in options.only] or ["b", "c"]
    with procs.cleaning() as undo:
        bench = Bench(options, undo)
        print(machine.told(bench.data["machine"]))
        why = "this tstack has no snapshots" if "snapshot" not in bench.verbs else room()
        if why and KEEPING & set(subjects):
            say(f"{why}: without " + ", ".join(letter for letter in subjects if letter in KEEPING))
            bench.data["leftOut"] = why
            subjects = [letter for letter in subjects if letter not in KEEPING]
        done = {(one["round"], one["subject"]) for one in bench.data["rounds"] if "failed" not in one}
        todo = []
        for number in range(1, options.rounds + 1):
            now = [letter for letter in subjects if not SUBJECTS[letter][2] or number <= options.extra_rounds]
            # another one first in each round
            turn = (number - 1) % len(now)
            todo += [(number, letter) for letter in now[turn:] + now[:turn] if (number, letter) not in done]
        minutes = (sum(SUBJECTS[letter][1] + 4 for _, letter in todo) + 180) / 60
        say(f"{len(todo)} clusters, about {minutes:.0f} minutes")
        bench.prepare(subjects)
        for number, letter in todo:
            bench.measure(number, letter)
        show(bench.data)
        print(f"\nEach run: {bench.results.path}")
        return 1 if any("failed" in one for one in bench.data["rounds"]) else 0


def figures(data):
    """By letter, the good rounds."""
    return {letter: [one for one in data["rounds"] if one["subject"] == letter and "failed" not in one] for letter in SUBJECTS}


def show(data):
    rounds = figures(data)
    base = {letter: results.median([one["seconds"] for one in rounds[letter]]) for letter in SUBJECTS if rounds[letter]}
    print("\n| | median s (least to most, rounds) | (a) / this | (b) baked / this | again | down |\n|---|---|---|---|---|---|")
    for letter, median in base.items():
        of = rounds[letter]
        column = [f"({letter}) {SUBJECTS[letter][0]}", results.spread([one["seconds"] for one in of])]
        column += [f"{base[other] / median:.2f}" if other in base else "" for other in ("a", "bn")]
        column += [f"{results.median([one[key] for one in of]):.2f}" if all(key in one for one in of) else "" for key in ("noop", "down")]
        print("| " + " | ".join(column) + " |")
    print()
    for letter, of in rounds.items():
        ratios = [one["timings"]["ratio"] for one in of if (one.get("timings") or {}).get("ratio")]
        if ratios:
            bound = results.median([one["timings"]["bound"] for one in of if (one.get("timings") or {}).get("ratio")])
            print(f"- ({letter}) against its own critical path of {bound:.1f} s, as `tstack timings` has it: {results.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})")
        if peaks := [one["peakMiB"] for one in of if "peakMiB" in one]:
            print(f"- ({letter}) most memory of tstack: {max(peaks):.1f} MiB")
        if letter in "cde" and of:
            good = sum(all(check["passed"] for check in one["crossCheck"]) and len(one["crossCheck"]) >= 10 for one in of)
            print(f"- ({letter}) the scripts' checks on tstack's stack: all passed in {good} of {len(of)} rounds")
    for what, made in data["made"].items():
        print(f"- `tstack snapshot {what}`, once: {made['seconds']:.0f} s, {made['bytes'] / 1e9:.1f} GB")
    if "leftOut" in data:
        print(f"- left out: {data['leftOut']}")


if __name__ == "__main__":
    sys.exit(main())
