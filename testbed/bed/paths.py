"""Where things are: our own folder, and the work folder (the only one written to)."""

import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ENGINE_SCRIPT = HERE.parent / "scripts" / "engine.sh"


@dataclass(frozen=True)
class Work:
    root: Path

    @staticmethod
    def from_environment():
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Work(Path(os.environ.get("TSTACK_TESTBED") or Path(cache) / "tstack-testbed").absolute())

    def make(self):
        for folder in (self.bin, self.charts, self.images, self.logs, self.stamps, self.registry, self.tmp):
            folder.mkdir(parents=True, exist_ok=True)

    bin = property(lambda self: self.root / "bin")
    charts = property(lambda self: self.root / "charts")
    images = property(lambda self: self.root / "images")
    logs = property(lambda self: self.root / "log")
    stamps = property(lambda self: self.root / "stamps")
    registry = property(lambda self: self.root / "registry")
    rootfs = property(lambda self: self.root / "rootfs")
    tmp = property(lambda self: self.root / "tmp")
    config = property(lambda self: self.root / "config.yaml")
    lock = property(lambda self: self.root / "lock")
