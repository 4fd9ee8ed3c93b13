"""Stamps: beside each result, the hash of the inputs that it was made from.

A stamp is written after the result, both by rename. So a stamp with the right
hash means a whole result, whenever an earlier run was stopped."""

import json
import os
import shutil
from contextlib import contextmanager


def read(work, step):
    try:
        return json.loads((work.stamps / f"{step.id}.json").read_text())
    except (FileNotFoundError, ValueError):
        return None


def write(work, step, record):
    temporary = work.stamps / f".{step.id}.json"
    temporary.write_text(json.dumps(record) + "\n")
    temporary.rename(work.stamps / f"{step.id}.json")


def is_built(work, step, inputs) -> bool:
    stamp = read(work, step)
    return bool(stamp) and stamp["inputs"] == inputs and all(p.exists() for p in step.outputs) and step.still_there(stamp)


@contextmanager
def replacing(work, path):
    """A temporary path that takes the place of path when the body succeeds."""
    temporary = work.tmp / f"{path.name}.{os.getpid()}"
    remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(path)
    finally:
        remove(temporary)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
