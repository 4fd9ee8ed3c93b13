"""On what something was measured."""

import os
import pathlib
import platform
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def said(*argv):
    """The first line that a program prints; empty where it is not there or fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines and done.returncode in (0, 1) else ""


def facts(tstack, programs=()):
    """The machine, the engine and the version of every program that takes part."""
    processor = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    ask = {
        "kind": ["kind", "version"],
        "helm": ["helm", "version", "--short"],
        "kubectl": ["kubectl", "version", "--client"],
        "helmfile": ["helmfile", "--version"],
        "wrk": ["wrk", "--version"],
        "hyperfine": ["hyperfine", "--version"],
    }
    return {
        "processor": processor.group(1) if processor else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "memoryGiB": round(int(memory.group(1)) / 1048576, 1) if memory else None,
        "kernel": platform.release(),
        "engine": said("docker", "version", "--format", "Docker {{.Server.Version}}"),
        "storage": said("docker", "info", "--format", "{{.Driver}}"),
        "versions": {name: said(*ask[name]).split("Copyright")[0].strip() for name in programs},
        "tstack": said(tstack, "--version"),
        "build": "debug" if "/debug/" in str(tstack) else "release",
        "commit": said("git", "rev-parse", "--short", "HEAD") + ("+changes" if said("git", "status", "--porcelain", "--untracked-files=no") else ""),
    }


def told(facts):
    """The same in two lines, for people."""
    versions = ", ".join(f"{name} {_number(text)}" for name, text in facts["versions"].items() if text)
    return (f"{facts['processor']}, {facts['cpus']} processors, {facts['memoryGiB']} GiB, Linux {facts['kernel']}, {facts['engine']} ({facts['storage']})\n"
            f"{facts['tstack']} ({facts['build']} build of {facts['commit']}){', ' + versions if versions else ''}")


def _number(text):
    found = re.search(r"v?\d+\.\d+[\w.+-]*", text)
    return found.group(0) if found else text


def processor_time():
    """Seconds of all processors together since the start: busy, and taken by the host of this virtual machine."""
    user, nice, system, idle, wait, irq, soft, steal = (int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + soft) / tick, steal / tick


class Watch:
    """How busy the machine was over a stretch of time, and how much of it the host took."""

    def __init__(self):
        self.began, (self.busy, self.steal) = time.monotonic(), processor_time()

    def end(self):
        busy, steal = processor_time()
        return {
            "processorSeconds": round(busy - self.busy, 1),
            "stolenSeconds": round(steal - self.steal, 2),
            "loadAverage": round(os.getloadavg()[0], 2),
        }


def calm(patience=30, share=0.15):
    """Waits until what ran before has ended its work; gives the share of the processors that was busy at last."""
    began = time.monotonic()
    while True:
        watch = Watch()
        time.sleep(1)
        busy = watch.end()["processorSeconds"] / len(os.sched_getaffinity(0))
        if busy < share or time.monotonic() - began > patience:
            return round(busy, 2)
