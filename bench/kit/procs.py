"""Programs that are run, watched, and ended whatever happens."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time


def say(text):
    print(time.strftime("%H:%M:%S ") + text, file=sys.stderr, flush=True)


class Failed(Exception):
    """A program that ended badly, with the last of what it said."""


class Ran:
    """What a program that has ended did."""

    def __init__(self, code, seconds, out, err, peak):
        self.code, self.seconds, self.out, self.err, self.peak = code, seconds, out, err, peak

    def last(self):
        return "\n".join((self.out + self.err).strip().splitlines()[-15:])


def run(argv, env=None, patience=600, check=True, stdin=None, cwd=None):
    """Runs a program to its end: its seconds, its words, and the most memory of that process alone (VmHWM in MiB)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        # a session of its own, so that all of it can be ended and nothing else
        child = subprocess.Popen([str(word) for word in argv], env=env, stdout=out, stderr=err, cwd=cwd,
                                 stdin=stdin or subprocess.DEVNULL, start_new_session=True)
        peak = Peak(child.pid)
        try:
            code = child.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            seconds = time.monotonic() - began
            if child.poll() is None:
                end(child)
            most = peak.end()
        said = [_text(file) for file in (out, err)]
    done = Ran(code, seconds, *said, most)
    if check and code != 0:
        how = f"did not end within {patience} s" if code is None else f"ended with {code}"
        raise Failed(f"`{' '.join(str(word) for word in argv)[:200]}` {how}\n{done.last()}")
    return done


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def end(child, patience=30):
    """Asks a process that we started, and what it started, to end; then ends it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=patience)
            return


class Peak:
    """The most resident memory of one process, from the kernel's own high-water mark, looked at while it lives."""

    def __init__(self, pid):
        self.path, self.most, self.over = pathlib.Path(f"/proc/{pid}/status"), 0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                for line in self.path.read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.most = max(self.most, int(line.split()[1]))
            self.over.wait(0.05)

    def end(self):
        self.over.set()
        self.thread.join()
        return round(self.most / 1024, 1)


class Stop(BaseException):
    """The person, or who started us, wants it to end."""


@contextlib.contextmanager
def cleaning():
    """An ExitStack whose callbacks run in every case: at the end, after a failure, after Ctrl-C or SIGTERM; a second one does not cut them short."""
    def stop(number, _):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stop(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with contextlib.ExitStack() as undo:
            yield undo
    except Stop as why:
        say(f"stopped by {why}; what was measured so far is kept")
        raise SystemExit(130) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work_folder(undo):
    """A folder for this run; its path is short, since Unix sockets lie in it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tb-", dir="/tmp"))
    undo.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def free_ports(count):
    import socket
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
