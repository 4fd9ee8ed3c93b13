#!/usr/bin/env python3
"""Measures host mode: how long it takes, and what a kill -9 of each of its processes costs. bench/README.md tells what is measured.

Python 3 and its standard library; Linux. Ends only processes of the stack that it brought up itself.
"""

import argparse
import http.client
import itertools
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from kit.procs import free_ports  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = "/api/tasks"
# what is killed, and how its name among the supervisor's processes begins; the supervisor last: a new one begins with fresh back-offs
VICTIMS = [
    ("Envoy Gateway", "envoy-gateway"),
    ("Envoy", "envoy/"),
    ("one API process", "task-api/task-api/"),
    ("Prometheus", "prometheus"),
    ("supervisor", None),
]


class Stack:
    """The Task API stack in host mode, with a state folder and ports of its own."""

    def __init__(self, tstack, folder):
        self.tstack, self.state = tstack, folder / "state"
        self.http, self.https = free_ports(2)
        self.env = {**os.environ, "TSTACK_STATE": str(self.state)}
        self.ports = ["--set", f"parameters.httpPort={self.http}", "--set", f"parameters.httpsPort={self.https}"]

    def command(self, verb, *args):
        own = ["--provider", "host", *self.ports] if verb == "up" else []
        return [self.tstack, verb, "--name", "bench", "--output", "json", *own, *args]

    def run(self, verb, *args):
        """The seconds it took, and the events that it told. Ends everything where it fails."""
        began = time.monotonic()
        done = subprocess.run(self.command(verb, *args), env=self.env, capture_output=True, text=True)
        took = time.monotonic() - began
        if done.returncode != 0:
            raise SystemExit(f"`tstack {verb}` ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return took, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def status(self):
        """What `tstack status` knows of the processes; None where there is no supervisor."""
        done = subprocess.run(self.command("status"), env=self.env, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "status":
                return event["data"].get("processes")
        return None

    def process(self, prefix):
        processes = self.status() or {"all": []}
        return next((one for one in processes["all"] if one["name"].startswith(prefix)), None)

    def serves(self):
        """Whether one request on a new connection is answered with 200."""
        try:
            return ask(http.client.HTTPConnection("127.0.0.1", self.http, timeout=2), next(USERS)) == 200
        except (OSError, http.client.HTTPException):
            return False

    def pids(self):
        """Living processes that name this state folder in their command line or environment, or are told by `status`."""
        mark, found = str(self.state).encode(), set()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if mark in (entry / "cmdline").read_bytes() or mark in (entry / "environ").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
        return found

    def memory(self):
        """Proportional and resident MiB of everything that runs, by process."""
        processes = self.status()
        named = {processes["supervisor"]: "supervisor", **{one["pid"]: one["name"] for one in processes["all"]}}
        return {named.get(pid, name_of(pid)): memory_of(pid) for pid in sorted(self.pids() | set(named))}


def name_of(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return " ".join(word.decode(errors="replace").rsplit("/", 1)[-1] for word in words[:2]).strip() + f" ({pid})"
    except OSError:
        return str(pid)


def memory_of(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return {"pss": 0, "rss": 0}
    kilo = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
    return {"pss": round(kilo["Pss"] / 1024, 1), "rss": round(kilo["Rss"] / 1024, 1)}


USERS = (f"bench-{number}" for number in itertools.count())


def ask(connection, user):
    connection.request("GET", PATH, headers={"x-user-id": user})
    answer = connection.getresponse()
    answer.read()
    return answer.status


class Load:
    """A steady load until it is ended: half on new connections, half on ten kept ones. Each request is of a user of its own."""

    def __init__(self, port, rate):
        self.port, self.each, self.stop = port, 20 / rate, float("inf")
        self.asked, self.lock = [], threading.Lock()
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self.client, args=(number,), daemon=True) for number in range(20)]
        for thread in self.threads:
            thread.start()

    def client(self, number):
        kept = number % 2 == 0
        connection = None
        for turn in itertools.count():
            due = self.began + number * self.each / 20 + turn * self.each
            if due > self.stop:
                return
            time.sleep(max(0, due - time.monotonic()))
            reused, began = connection is not None, time.monotonic()
            connection, result = self.once(connection, f"{number}-{turn}-{began}")
            again = reused and isinstance(result, str)
            # a kept connection that the server has closed meanwhile: every pool asks once more, on a new one
            if again:
                connection, result = self.once(None, f"{number}-{turn}-{began}")
            if connection is not None and not kept:
                connection.close()
                connection = None
            with self.lock:
                self.asked.append({"at": began, "end": time.monotonic(), "result": result, "kept": kept, "again": again})

    def once(self, connection, user):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            status = ask(connection, user)
            return connection, status
        except (OSError, http.client.HTTPException) as why:
            connection.close()
            return None, type(why).__name__

    def end(self, killed, seconds):
        """What was lost, and for how long, after the kill."""
        self.stop = max(self.began + seconds, time.monotonic() + 2)
        for thread in self.threads:
            thread.join()
        asked = sorted(self.asked, key=lambda one: one["end"])
        good = [one for one in asked if one["result"] == 200]
        lost = [one for one in asked if one["result"] != 200]
        kinds = sorted({str(one["result"]) for one in lost})
        return {
            "asked": len(asked),
            "lost": len(lost),
            "lostOnNew": sum(not one["kept"] for one in lost),
            "askedAgain": sum(one["again"] for one in asked),
            "why": {kind: sum(str(one["result"]) == kind for one in lost) for kind in kinds},
            "lossEnds": round(max((one["end"] for one in lost), default=killed) - killed, 3),
            "longestGap": round(max((b["end"] - a["end"] for a, b in zip(good, good[1:])), default=0), 3),
            "slowest": round(max((one["end"] - one["at"] for one in good), default=0), 3),
        }


def wait_for(what, look, seconds=60):
    """The seconds until `look` gives something true."""
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > seconds:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.01)
    return time.monotonic() - began


def bring_up(stack):
    """A warm `up`: the seconds to the first 200, to the end with all checks, and what each step and check took."""
    first = {}
    began = time.monotonic()

    def look():
        wait_for("the first 200", stack.serves)
        first["at"] = time.monotonic() - began

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    took, events = stack.run("up")
    looking.join()
    checks = [event for event in events if event["event"] == "check.done"]
    served = max(event["at"] for event in events if event["event"] == "step.done" and event["id"].startswith("ready:"))
    slow = {event["report"]["name"]: event["report"]["took"] for event in checks if event["report"]["took"] >= 1}
    return {
        "first200": round(first["at"], 3),
        "ready": served,
        "allChecks": round(took, 3),
        "slowChecks": slow,
        "passed": sum(event["report"]["passed"] for event in checks),
        "failed": sum(not event["report"]["passed"] and not event["report"].get("skipped") for event in checks),
        "load": os.getloadavg()[0],
    }


def take_down(stack):
    """`down`, and what it left: processes, ports, files."""
    before = stack.pids() | {one["pid"] for one in (stack.status() or {"all": []})["all"]}
    took, _ = stack.run("down")
    left = {pid for pid in before | stack.pids() if pathlib.Path(f"/proc/{pid}/exe").exists()}
    listening = []
    for port in (stack.http, stack.https):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                listening.append(port)
    files = [str(path.relative_to(stack.state)) for path in stack.state.rglob("*")] if stack.state.exists() else []
    return {"took": round(took, 3), "processes": [name_of(pid) for pid in left], "ports": listening, "files": files}


def kill(stack, prefix, options):
    """kill -9 two seconds into a steady load."""
    before = None if prefix is None else stack.process(prefix)
    pid = stack.status()["supervisor"] if prefix is None else before["pid"]
    load = Load(stack.http, options.rate)
    time.sleep(2)
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    told = {}
    if prefix is None:
        took, _ = stack.run("up", "--no-verify")
        told["up"] = round(took, 3)
    else:
        def back():
            now = stack.process(prefix)
            return now and now["pid"] not in (None, pid) and now["state"] == before["state"]
        wait_for(f"{prefix} again", back)
    wait_for("a request that passes", stack.serves)
    told["back"] = round(time.monotonic() - killed, 3)
    told.update(load.end(killed, options.seconds))
    told["load"] = os.getloadavg()[0]
    return told


def median(values):
    return round(statistics.median(values), 3)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("tstack", nargs="?", help="the program; without it a release build is made")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--rate", type=int, default=200, help="requests a second")
    options.add_argument("--seconds", type=float, default=10, help="least length of the load around a kill")
    options.add_argument("--out", type=pathlib.Path, help="default: bench/results/host-<time>.json")
    options = options.parse_args()
    tstack = options.tstack or built()
    when = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    told = {
        "when": when,
        "tstack": subprocess.run([tstack, "--version"], capture_output=True, text=True, check=True).stdout.strip(),
        "cpus": os.cpu_count(),
        "loadBefore": os.getloadavg(),
        "rate": options.rate,
        "seconds": options.seconds,
        "up": [], "noop": [], "down": [], "memory": {}, "kills": {name: [] for name, _ in VICTIMS},
    }
    with tempfile.TemporaryDirectory(prefix="tb-", dir="/tmp") as folder:
        stack = Stack(tstack, pathlib.Path(folder))
        try:
            measure(stack, options, told)
        finally:
            subprocess.run(stack.command("down"), env=stack.env, capture_output=True)
    told["loadAfter"] = os.getloadavg()
    out = options.out or ROOT / "bench/results" / f"host-{when}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=1) + "\n")
    show(told, out)


def built():
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release/tstack")


def measure(stack, options, told):
    print("once, not counted", file=sys.stderr)
    stack.run("up", "--no-verify")
    stack.run("down")
    for number in range(options.rounds):
        print(f"up and down, {number + 1} of {options.rounds}", file=sys.stderr)
        told["up"].append(bring_up(stack))
        told["noop"].append(round(stack.run("up")[0], 3))
        if number == 0:
            told["memory"] = stack.memory()
        told["down"].append(take_down(stack))
    stack.run("up", "--no-verify")
    for number in range(options.rounds):
        for name, prefix in VICTIMS:
            if prefix and not stack.process(prefix):
                print(f"no {name} here", file=sys.stderr)
                continue
            print(f"kill -9 of {name}, {number + 1} of {options.rounds}", file=sys.stderr)
            told["kills"][name].append(kill(stack, prefix, options))
    told["down"].append(take_down(stack))


def show(told, out):
    print(f"{told['tstack']}, {told['cpus']} processors, load average {told['loadBefore'][0]:.1f} before, {told['loadAfter'][0]:.1f} after\n")
    print("| what | median | least | most |\n|---|---|---|---|")
    rows = [("warm `up` to the first 200", "first200", "up"), ("warm `up` until all is ready", "ready", "up"), ("warm `up` to the end of all checks", "allChecks", "up")]
    rows = [(what, [one[key] for one in told[of]]) for what, key, of in rows]
    rows += [("`up` with nothing to do", told["noop"]), ("`down`", [one["took"] for one in told["down"]])]
    for what, values in rows:
        print(f"| {what} | {median(values):.2f} s | {min(values):.2f} s | {max(values):.2f} s |")
    total = {kind: sum(one[kind] for one in told["memory"].values()) for kind in ("pss", "rss")}
    print(f"\nMemory of all together: {total['pss']:.0f} MiB proportional, {total['rss']:.0f} MiB resident.")
    left = [one for one in told["down"] if one["processes"] or one["ports"] or one["files"]]
    print(f"Left after `down`: {'nothing' if not left else left}\n")
    print(f"kill -9 at {told['rate']} requests/s, half on new connections and half on kept ones, medians:\n")
    print("| killed | back after | lost requests | of | last loss after | longest gap | slowest answer |\n|---|---|---|---|---|---|---|")
    for name, rounds in told["kills"].items():
        if rounds:
            of = {key: median([one[key] for one in rounds]) for key in ("back", "lost", "asked", "lossEnds", "longestGap", "slowest")}
            print(f"| {name} | {of['back']:.2f} s | {of['lost']:g} | {of['asked']:g} | {of['lossEnds']:.2f} s | {of['longestGap']:.2f} s | {of['slowest']:.2f} s |")
    print(f"\nEach run: {out}")


if __name__ == "__main__":
    main()
