"""Runs a graph of steps: what is wanted first goes first, lanes bound how many."""

import queue
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .errors import ListError

# Compiling, downloading ahead of it, and packing what is compiled.
LANES = {"compile": 2, "download": 2, "pack": 1}


@dataclass
class Step:
    """One cached piece of work. Steps with the same `alone` never run together."""

    kind: str
    component: str
    lane: str
    action: Callable
    parts: tuple
    needs: list = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    alone: str = ""
    still_there: Callable = lambda stamp: True

    @property
    def id(self):
        return f"{self.kind}.{self.component}"

    def __str__(self):
        return f"{self.kind} {self.component}"


def order(steps):
    """The steps, needs first, otherwise as listed. Unknown needs and cycles raise."""
    known = {s.id: s for s in steps}
    if len(known) != len(steps):
        raise ListError("two steps have one name")
    done, open_, result = set(), [], []

    def visit(step):
        if step.id in done:
            return
        if step.id in open_:
            raise ListError("steps need each other: " + " -> ".join(open_[open_.index(step.id):] + [step.id]))
        open_.append(step.id)
        for need in step.needs:
            if need not in known:
                raise ListError(f"{step} needs {need}, which does not exist")
            visit(known[need])
        open_.pop()
        done.add(step.id)
        result.append(step)

    for step in steps:
        visit(step)
    return result


def run(steps, built, execute, tick, lanes=None):
    """Executes the steps that are not in `built`. Returns {id: error} of failures.

    execute(step) runs in a thread; tick() is called in this one, once a second
    and after each end. A failure stops only what needs it."""
    free = dict(lanes or LANES)
    waiting = [s for s in steps if s.id not in built]
    done, failed, busy, running, ended = set(built), {}, set(), 0, queue.Queue()

    def work(step):
        try:
            execute(step)
            ended.put((step, None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            ended.put((step, error))

    while waiting or running:
        for step in list(waiting):
            if any(n in failed for n in step.needs):
                waiting.remove(step)
                failed[step.id] = None
            elif free[step.lane] and step.alone not in busy and all(n in done for n in step.needs):
                waiting.remove(step)
                free[step.lane] -= 1
                running += 1
                busy.update({step.alone} - {""})
                threading.Thread(target=work, args=(step,), daemon=True).start()
        tick()
        if not running:
            continue
        try:
            step, error = ended.get(timeout=1)
        except queue.Empty:
            continue
        free[step.lane] += 1
        running -= 1
        busy.discard(step.alone)
        if error is None:
            done.add(step.id)
        else:
            failed[step.id] = error
    return failed
