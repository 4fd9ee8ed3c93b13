"""Hashes of inputs: what a step's result depends on, in one text."""

import hashlib
import json
from pathlib import Path


def digest(*parts) -> str:
    """One hash over values (as JSON) and files or folders (names and content)."""
    h = hashlib.sha256()
    for part in parts:
        text = tree(part) if isinstance(part, Path) else json.dumps(part, sort_keys=True)
        h.update(text.encode() + b"\0")
    return h.hexdigest()


def tree(path: Path) -> str:
    """A listing with content hashes of a file, or of every file below a folder."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    if not files:
        raise FileNotFoundError(path)
    return "\n".join(f"{p.relative_to(path)} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files)
