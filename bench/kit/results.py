"""Raw results on disk: written anew after each measurement, so that a run that is cut short keeps what it has."""

import json
import os
import pathlib
import statistics
import time

from . import machine

FOLDER = machine.ROOT / "bench/results"


class Results:
    """One file of raw figures. With `resume` it goes on with a file that is there."""

    def __init__(self, name, facts, resume=None, out=None):
        when = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
        self.path = pathlib.Path(resume or out or FOLDER / f"{name}-{when}.json")
        if resume:
            self.data = json.loads(self.path.read_text())
            if self.data["machine"] != facts:
                raise SystemExit(f"{self.path} was measured with other versions or on another machine: not one run")
        else:
            self.data = {"name": name, "when": when, "machine": facts, "loadBefore": list(os.getloadavg())}

    def save(self):
        self.data["loadAfter"] = list(os.getloadavg())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.data, indent=1) + "\n")
        new.replace(self.path)


def latest(name):
    """The newest file of a measurement; None where there is none."""
    # a time begins with a digit, so `up` is not `up-something`
    found = sorted(FOLDER.glob(f"{name}-[0-9]*.json"))
    return json.loads(found[-1].read_text()) if found else None


def median(values):
    return statistics.median(values)


def spread(values):
    """`median (least to most, of how many)`."""
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f}, {len(values)})"
