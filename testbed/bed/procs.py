"""Child processes: a log each, their CPU time counted, all ended on Ctrl-C."""

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

from .errors import StepError

_running = set()
_guard = threading.Lock()
_stopping = threading.Event()


def end_all():
    """Ends every process that a job runs, with its children."""
    _stopping.set()
    with _guard:
        for pid in _running:
            os.killpg(pid, signal.SIGTERM)


class Job:
    """What a recipe works with: runs programs, and knows the step's log."""

    def __init__(self, name, log):
        self.name, self.log_path, self.cpu = name, log, 0.0
        self._log = log.open("wb")

    def close(self):
        self._log.close()

    def note(self, text):
        self._log.write(text.encode() + b"\n")
        self._log.flush()

    def run(self, *argv, cwd=None, env=None, stdin=None, stdout=None):
        """Runs argv to its end. Its output goes to the log, unless stdout is a file."""
        with self.start(*argv, cwd=cwd, env=env, stdin=stdin, stdout=stdout):
            pass

    def output(self, *argv, cwd=None, env=None) -> str:
        with self.start(*argv, cwd=cwd, env=env, stdout=subprocess.PIPE) as process:
            return process.stdout.read().decode()

    @contextmanager
    def start(self, *argv, cwd=None, env=None, stdin=None, stdout=None):
        """Runs argv beside the body; waits for it, and raises when it failed."""
        argv = [str(a) for a in argv]
        self.note("$ " + " ".join(argv))
        with _guard:
            if _stopping.is_set():
                raise StepError("stopped")
            process = subprocess.Popen(
                argv, cwd=cwd, env={**os.environ, **(env or {})}, stdin=stdin or subprocess.DEVNULL,
                stdout=stdout or self._log, stderr=self._log, start_new_session=True,
            )
            _running.add(process.pid)
        try:
            yield process
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
            code = self._reap(process)
        if code:
            raise StepError(f"{argv[0]} ended with {code}")

    def _reap(self, process):
        _, status, usage = os.wait4(process.pid, 0)
        with _guard:
            _running.discard(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu += usage.ru_utime + usage.ru_stime
        return process.returncode

    def wait_for(self, *argv, seconds=60):
        """Repeats a quiet question until it is answered with success."""
        end = time.monotonic() + seconds
        while subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            if time.monotonic() > end:
                raise StepError(f"no answer within {seconds} s: {' '.join(argv)}")
            time.sleep(0.2)
