"""What a person sees: a line for each finished step, and on a terminal one that
tells what runs right now."""

import sys
import threading
import time


class Progress:
    def __init__(self, total, out=sys.stdout):
        self.total, self.out, self.live = total, out, out.isatty()
        self.started, self.ended, self.running, self.guard = time.monotonic(), 0, {}, threading.Lock()

    def begin(self, step):
        with self.guard:
            self.running[str(step)] = time.monotonic()
            if not self.live:
                self._line(f"{self._clock()}          {step} ...")

    def end(self, step, seconds, cpu, error=None):
        with self.guard:
            self.running.pop(str(step))
            self.ended += 1
            count = f"[{self.ended}/{self.total}]"
            self._line(f"{self._clock()} {count:>8} {step}  {seconds:.1f} s, cpu {cpu:.1f} s{'  FAILED' if error else ''}")

    def tick(self):
        if self.live and self.running:
            with self.guard:
                now = time.monotonic()
                parts = ", ".join(f"{name} {now - start:.0f} s" for name, start in self.running.items())
                self.out.write(f"\r\x1b[K{self._clock()} {parts}"[:160])
                self.out.flush()

    def _line(self, text):
        self.out.write(("\r\x1b[K" if self.live else "") + text + "\n")
        self.out.flush()

    def _clock(self):
        seconds = int(time.monotonic() - self.started)
        return f"{seconds // 60:3d}:{seconds % 60:02d}"
