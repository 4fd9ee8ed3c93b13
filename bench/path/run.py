#!/usr/bin/env python3
"""The path from localhost into a running stack: mapped port, forwarder, `kubectl port-forward`, and plain Docker beside it. bench/README.md has the method.

    run.py TSTACK [--rounds 5] [--seconds 4]

Python 3 and its standard library, wrk; Linux. Asks nothing but 127.0.0.1 and the engine's own networks.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from kit import machine, procs, results, stack  # noqa: E402
from kit.procs import say  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
USER = {"x-user-id": "bench"}
# a node port beside the stack's own: the Task API's pod without Envoy, for the comparison with plain Docker
EXTRA = 30999
# the same program in the node's own network: what is mapped then ends where plain Docker's does, at a process, without Kubernetes' way to a pod
HOST = 30998
CONTAINER, IMAGE = "bench-path-api", "localhost/task-api:bench-path"
# limits that no measurement reaches, and no replicas that come while something is measured
LIMITS = {"userLimit": 1_000_000_000, "maxConnections": 10_000, "maxParallelRequests": 10_000, "maxPendingRequests": 10_000, "minReplicas": 1, "maxReplicas": 1}

PATHS = {
    "mapped": "mapped port",
    "node": "the node's own address",
    "forwarder": "tstack's forwarder",
    "kubectl": "kubectl port-forward",
    "api-mapped": "API alone: mapped port of the node",
    "api-node": "API alone: the node's own address",
    "api-host": "API alone, in the node's network: mapped port of the node",
    "docker-mapped": "API alone: plain Docker mapping",
    "docker-container": "API alone: the container's own address",
}
# name: wrk's connections, and the headers and path that make it
LOADS = {
    "one": (1, {}, "/api/tasks?limit=1"),
    "sixteen": (16, {}, "/api/tasks?limit=1"),
    "new": (16, {"Connection": "close"}, "/api/tasks?limit=1"),
    "large": (4, {}, "/api/tasks?limit=500"),
}


class Bench:
    def __init__(self, options, undo):
        self.options, self.undo = options, undo
        self.results = results.Results("path", machine.facts(options.tstack, ["kind", "kubectl", "wrk"]), out=options.out)
        self.data = self.results.data
        self.data.update({"seconds": options.seconds, "rounds": [], "inARow": {}})
        self.folder = procs.work_folder(undo)
        self.state = self.folder / "state"
        self.env = {**os.environ, "TSTACK_STATE": str(self.state), "KUBECONFIG": str(self.folder / "nobody")}
        self.mapped, self.mapped_s, self.forward, self.forward_s, self.kubectl_port, self.extra, self.docker_port, self.host_port = procs.free_ports(8)
        self.kubeconfig = self.state / "bench-path/kubeconfig"

    def tstack(self, *argv, check=True):
        return procs.run([self.options.tstack, *argv, "--name", "bench-path", "--output", "json"], env=self.env, check=check)

    def kubectl(self, *argv, **more):
        return procs.run(["kubectl", "--kubeconfig", self.kubeconfig, *argv], env=self.env, **more)

    def stack_folder(self):
        """The stack with one more mapped port, and without its checks, which the limits above would make wrong."""
        folder = self.folder / "stack"
        shutil.copytree(stack.STACK, folder, ignore=shutil.ignore_patterns("backend"))
        text = (folder / "stack.yaml").read_text()
        line = re.search(r'^( *)- \{ host: "\$\{httpsPort\}", node: 30443 \}$', text, re.M)
        if not line:
            raise procs.Failed("stack.yaml's list of ports looks different: the line with node 30443 was not found")
        more = "\n".join(f"{line.group(1)}- {{ host: {host}, node: {node} }}" for host, node in ((self.extra, EXTRA), (self.host_port, HOST)))
        text = text.replace(line.group(0), f"{line.group(0)}\n{more}")
        (folder / "stack.yaml").write_text(re.sub(r"^checks:\n.*?(?=^\w)", "", text, flags=re.M | re.S))
        return folder

    def prepare(self):
        folder = self.stack_folder()
        limits = [word for name, value in LIMITS.items() for word in ("--set", f"parameters.{name}={value}")]

        def up(http_port, https_port):
            self.tstack("up", folder, "--provider", "kind", "--no-verify", *limits, "--set", f"parameters.httpPort={http_port}", "--set", f"parameters.httpsPort={https_port}")

        self.undo.callback(self.tstack, "down", check=False)
        say("a stack, about a minute")
        up(self.mapped, self.mapped_s)
        # the cluster goes on mapping the first ports, and maps no port for these
        up(self.forward, self.forward_s)
        service = {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "bench-direct", "namespace": "task-api"},
            "spec": {"type": "NodePort", "selector": {"app.kubernetes.io/name": "task-api", "app.kubernetes.io/version": "v1"},
                     "ports": [{"name": "http", "port": 8000, "targetPort": "http", "nodePort": EXTRA}]},
        }
        image = self.kubectl("-n", "task-api", "get", "deployment", "task-api", "-o", "jsonpath={.spec.template.spec.containers[0].image}").out.strip()
        beside = {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bench-host", "namespace": "task-api"},
            "spec": {"hostNetwork": True, "containers": [{"name": "api", "image": image, "env": [{"name": "PORT", "value": str(HOST)}]}]},
        }
        (self.folder / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, beside]}))
        self.kubectl("apply", "-f", self.folder / "objects.json")
        node = subprocess.run(["kind", "get", "nodes", "--name", "tstack-bench-path"], capture_output=True, text=True, env=self.env, check=True).stdout.strip()
        node_ip = address_of(node)
        self.container()
        self.port_forward()
        at = {
            "mapped": ("127.0.0.1", self.mapped), "node": (node_ip, 30080), "forwarder": ("127.0.0.1", self.forward),
            "kubectl": ("127.0.0.1", self.kubectl_port), "api-mapped": ("127.0.0.1", self.extra), "api-node": (node_ip, EXTRA),
            "api-host": ("127.0.0.1", self.host_port),
            "docker-mapped": ("127.0.0.1", self.docker_port), "docker-container": (address_of(CONTAINER), 8000),
        }
        self.at = {name: at[name] for name in PATHS if not self.options.only or name in self.options.only}
        for name, place in self.at.items():
            until_200(name, place)
        for name in ("mapped" if "mapped" in self.at else next(iter(self.at)), "docker-mapped"):
            if name in self.at:
                fill(self.at[name])
        # what has just been made has to come to rest
        machine.calm(60)

    def container(self):
        context = self.folder / "image"
        context.mkdir()
        shutil.copy(stack.STACK / "bin/linux-amd64/task-api", context / "task-api")
        (context / "Dockerfile").write_text('FROM scratch\nCOPY task-api /task-api\nUSER 65532\nENTRYPOINT ["/task-api"]\n')
        procs.run(["docker", "build", "--quiet", "--tag", IMAGE, context])
        self.undo.callback(procs.run, ["docker", "rmi", "--force", IMAGE], check=False)
        procs.run(["docker", "rm", "--force", CONTAINER], check=False)
        self.undo.callback(procs.run, ["docker", "rm", "--force", CONTAINER], check=False)
        procs.run(["docker", "run", "--detach", "--name", CONTAINER, "--publish", f"127.0.0.1:{self.docker_port}:8000", IMAGE])

    def port_forward(self):
        argv = ["kubectl", "--kubeconfig", str(self.kubeconfig), "-n", "envoy-gateway-system", "port-forward", "--address", "127.0.0.1",
                "service/tstack-envoy", f"{self.kubectl_port}:80"]
        child = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=(self.folder / "port-forward.log").open("w"), start_new_session=True)
        self.undo.callback(procs.end, child)
        self.forwarding = child

    def wrk(self, name, load):
        connections, headers, path = LOADS[load]
        host, port = self.at[name]
        words = [word for key, value in {**USER, **headers}.items() for word in ("--header", f"{key}: {value}")]
        argv = ["wrk", "--threads", "1", "--connections", connections, "--duration", f"{self.options.seconds}s", "--timeout", "5s", *words,
                "--script", HERE / "report.lua", f"http://{host}:{port}{path}"]
        done = procs.run(argv, patience=self.options.seconds + 30)
        told = json.loads(next(line for line in done.out.splitlines() if line.startswith("{")))
        told["perSecond"] = round(told["requests"] / told["seconds"], 1)
        told["mibPerSecond"] = round(told["bytes"] / told["seconds"] / 1048576, 2)
        return told

    def measure(self):
        names = list(self.at)
        for number in range(1, self.options.rounds + 1):
            turn = (number - 1) % len(names)
            for name in names[turn:] + names[:turn]:
                if name == "kubectl" and self.forwarding.poll() is not None:
                    self.data.setdefault("kubectlEnded", []).append(number)
                    self.port_forward()
                    until_200(name, self.at[name])
                watch, record = machine.Watch(), {"round": number, "path": name}
                for load in LOADS:
                    if load != "large" or not name.startswith("api") and not name.startswith("docker"):
                        record[load] = self.wrk(name, load)
                self.data["rounds"].append({**record, **watch.end()})
                self.results.save()
            say(f"round {number} of {self.options.rounds}: " + ", ".join(f"{one['path']} {one['sixteen']['perSecond']:.0f}/s" for one in self.data["rounds"][-len(names):]))
        for name in [name for name in ("forwarder", "mapped", "kubectl") if name in self.at]:
            say(f"{self.options.in_a_row} requests in a row: {PATHS[name]}")
            self.data["inARow"][name] = in_a_row(self.at[name], self.options.in_a_row)
            self.results.save()


def address_of(container):
    done = subprocess.run(["docker", "inspect", container, "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def until_200(name, place, patience=60):
    began, seen = time.monotonic(), ""
    while time.monotonic() - began < patience:
        try:
            connection = http.client.HTTPConnection(*place, timeout=5)
            connection.request("GET", "/api/tasks", headers=USER)
            seen = connection.getresponse().status
            connection.close()
            if seen == 200:
                return
        except (OSError, http.client.HTTPException) as why:
            seen = why
        time.sleep(0.1)
    raise procs.Failed(f"{PATHS[name]} at {place[0]}:{place[1]} gives no 200: {seen}")


def fill(place):
    """As many of the largest tasks as one page holds: the answer of `large` is about 600 KB."""
    connection = http.client.HTTPConnection(*place, timeout=10)
    for number in range(500):
        body = json.dumps({"title": f"task {number}", "description": "x" * 1000})
        connection.request("POST", "/api/tasks", body, {**USER, "content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise procs.Failed(f"a task was not taken: {answer.status}")
    connection.close()


def in_a_row(place, count):
    """One after another: the first half on one connection, the second with a connection each. Whatever is not a whole 200 is lost."""
    began, lost = time.monotonic(), []
    connection = http.client.HTTPConnection(*place, timeout=10)
    for number in range(count):
        if number >= count // 2:
            connection.close()
        try:
            connection.request("GET", "/api/tasks?limit=1", headers=USER)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                lost.append(str(answer.status))
        except (OSError, http.client.HTTPException) as why:
            lost.append(type(why).__name__)
            connection.close()
    connection.close()
    return {"asked": count, "lost": len(lost), "why": sorted(set(lost)), "seconds": round(time.monotonic() - began, 1)}


def median_of(data, name, load, key):
    return results.median([one[load][key] for one in data["rounds"] if one["path"] == name and load in one])


def show(data):
    print("\n| path | requests/s, 1 connection | 16 connections | new connections/s | p50 ms (16) | p99 ms (16) | MiB/s | errors |\n|---|---|---|---|---|---|---|---|")
    for name, what in PATHS.items():
        rounds = [one for one in data["rounds"] if one["path"] == name]
        if not rounds:
            continue
        cells = [f"{median_of(data, name, load, 'perSecond'):.0f}" for load in ("one", "sixteen", "new")]
        cells += [f"{median_of(data, name, 'sixteen', key):.2f}" for key in ("p50ms", "p99ms")]
        cells += [f"{median_of(data, name, 'large', 'mibPerSecond'):.0f}" if "large" in rounds[0] else ""]
        errors = sum(one[load][key] for one in rounds for load in LOADS if load in one for key in ("connect", "read", "write", "status", "timeout"))
        print("| " + " | ".join([what, *cells, str(errors)]) + " |")
    for name, seen in data["inARow"].items():
        print(f"\n{PATHS[name]}: {seen['asked']} requests in a row, {seen['lost']} lost {seen['why'] or ''}, {seen['seconds']} s")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tstack", help="the program")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4, help="length of each load")
    options.add_argument("--in-a-row", type=int, default=10_000)
    options.add_argument("--only", type=lambda text: text.split(","), help="paths: " + ",".join(PATHS))
    options.add_argument("--out", help="default: bench/results/path-<time>.json")
    options = options.parse_args()
    with procs.cleaning() as undo:
        bench = Bench(options, undo)
        print(machine.told(bench.data["machine"]))
        each = options.rounds * len(options.only or PATHS) * 3.5 * (options.seconds + 0.3)
        say(f"about {(each + 180) / 60:.0f} minutes")
        bench.prepare()
        bench.measure()
        show(bench.data)
        print(f"\nEach run: {bench.results.path}")


if __name__ == "__main__":
    sys.exit(main())
