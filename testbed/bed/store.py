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
    # the process id: an orphan of a killed run may still write to its own
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


@contextmanager
def scratch(work, name):
    """A folder for the body alone."""
    folder = work.tmp / f"{name}.{os.getpid()}"
    remove(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def clear_scratch(work):
    """Removes what a killed run left behind."""
    for path in work.tmp.iterdir():
        remove(path)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
