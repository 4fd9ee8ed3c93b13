"""The verbs: up, built, status, stop."""

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from contextlib import contextmanager

from . import catalog, host, plan, procs, schedule, store
from .errors import BedError
from .paths import HERE, Work
from .progress import Progress
from .registry import Registry

CONFIG = """\
apiVersion: tstack.dev/v1alpha1
kind: Config
mirrors:
  "*": http://{registry}
set:
  cluster.image: {node_image}
"""


class Bed:
    """The list, the work folder, the registry and the steps, together."""

    def __init__(self):
        self.work = Work.from_environment()
        self.catalog = catalog.load(HERE / "components.toml")
        catalog.check_pins(self.catalog, HERE / "go")
        self.registry = Registry(self.work, self.catalog.registry)
        self.steps = plan.steps(self.catalog, self.work, self.registry)
        self.hashes = plan.hashes(self.steps)

    def built(self):
        return {s.id for s in self.steps if store.is_built(self.work, s, self.hashes[s.id])}

    def missing(self):
        built = self.built()
        return [s for s in self.steps if s.id not in built]

    def write_config(self):
        text = CONFIG.format(registry=self.catalog.registry, node_image=self.catalog.node_image)
        if not self.work.config.exists() or self.work.config.read_text() != text:
            with store.replacing(self.work, self.work.config) as temporary:
                temporary.write_text(text)

    @contextmanager
    def locked(self):
        """One `up` at a time in one work folder."""
        with self.work.lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("another bed.py up runs in this work folder: waiting for it", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def up(bed, _options):
    started = time.monotonic()
    host.prepare()
    bed.work.make()
    with bed.locked():
        store.clear_scratch(bed.work)
        bed.registry.start()
        built = bed.built()
        count = len(bed.steps) - len(built)
        if count:
            print(f"{count} of {len(bed.steps)} steps to do, in {bed.work.root}", flush=True)
        failed = build(bed, built, Progress(count))
        seconds = time.monotonic() - started
        if failed:
            raise BedError("\n".join(describe(bed, id_, error) for id_, error in failed.items() if error))
        bed.write_config()
    print(f"test bed ready in {seconds:.1f} s: registry http://{bed.catalog.registry}, node image {bed.catalog.node_image}, {bed.work.config}")


def build(bed, built, progress):
    """Does what is missing. Ctrl-C and SIGTERM end all that runs; nothing half-made stays."""

    def execute(step):
        job, start = procs.Job(step.id, bed.work.logs / f"{step.id}.log"), time.monotonic()
        progress.begin(step)
        error = None
        try:
            detail = step.action(job)
        except BaseException as e:
            error = e
            job.note(f"failed: {e!r}")
            raise
        finally:
            seconds, cpu = time.monotonic() - start, job.cpu + time.thread_time()
            job.close()
            progress.end(step, seconds, cpu, error)
        store.write(bed.work, step, {"inputs": bed.hashes[step.id], "seconds": seconds, "cpu": cpu, "ended": time.time(), "detail": detail})

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    try:
        return schedule.run(bed.steps, built, execute, progress.tick)
    except KeyboardInterrupt:
        procs.end_all()
        raise BedError("stopped; the next `up` goes on from here") from None


def describe(bed, id_, error):
    log = bed.work.logs / f"{id_}.log"
    tail = "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-12:])
    kind, component = id_.split(".", 1)
    return f"{component}: {kind} failed: {error}\n{tail}\n    log: {log}"


def built(bed, _options):
    missing = bed.missing()
    if missing:
        print("not built: " + ", ".join(str(s) for s in missing))
    return 1 if missing else 0


def status(bed, options):
    missing = {s.id for s in bed.missing()}
    rows = []
    for step in bed.steps:
        stamp = store.read(bed.work, step) or {}
        rows.append({"step": step.id, "built": step.id not in missing, "seconds": stamp.get("seconds"), "cpu": stamp.get("cpu")})
    state = {"work": str(bed.work.root), "registry": bed.catalog.registry, "registry_pid": bed.registry.pid(), "built": not missing, "steps": rows}
    if options.json:
        print(json.dumps(state, indent=1))
        return 0
    for row in rows:
        took = f"{row['seconds']:8.1f} s  cpu {row['cpu']:8.1f} s" if row["seconds"] is not None else ""
        print(f"{'built  ' if row['built'] else 'missing'}  {row['step']:40} {took}")
    print(f"registry {bed.catalog.registry}: {'pid %d' % bed.registry.pid() if bed.registry.pid() else 'not running'}; work folder {bed.work.root}")
    return 0


def stop(bed, _options):
    pid = bed.registry.stop()
    print(f"registry stopped (pid {pid})" if pid else "no registry of ours runs")


def main():
    parser = argparse.ArgumentParser(prog="bed.py", description="Builds and serves what `tstack up` installs, from package registries alone.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for action, text in ((up, "engine, build and registry; does only what is missing"), (built, "exit 0 if everything is built"),
                         (status, "every step, its time, and the registry"), (stop, "stop the registry")):
        verb = verbs.add_parser(action.__name__, help=text)
        verb.set_defaults(action=action)
        if action is status:
            verb.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        code = options.action(Bed(), options) or 0
    except BedError as error:
        print(f"bed.py: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    # threads of a stopped run may still wait for their processes: do not join them
    os._exit(code)
