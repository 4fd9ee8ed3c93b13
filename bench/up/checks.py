#!/usr/bin/env python3
"""The checks of stacks/task-api/stack.yaml, without tstack: every side of the comparison ends with these, or is looked at by them.

    checks.py --http 8080 --https 8443 --kubeconfig FILE --ca FILE [--patience 180]

Each is tried again until it holds or the patience is over: what only looks, side by side; what puts load on the stack, one by one after it,
as in tstack. Prints one line of JSON a check. Exit code 5 where one does not hold.
"""

import argparse
import collections
import concurrent.futures
import http.client
import itertools
import json
import math
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from urllib.parse import quote

PATH = "/api/tasks"
PAUSE = 0.2


class Not(Exception):
    """What does not hold yet."""


def user():
    return {"x-user-id": f"check-{uuid.uuid4()}"}


class Checks:
    def __init__(self, options):
        self.http, self.https, self.ca = options.http, options.https, options.ca
        self.kubectl = ["kubectl", "--kubeconfig", options.kubeconfig]

    def ask(self, path, headers, connection=None):
        own = connection is None
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            if own:
                connection.close()

    def _200(self, path, version=None):
        status, body, _ = self.ask(path, user())
        if status != 200:
            raise Not(f"{status}")
        if version and json.loads(body)["version"] != version:
            raise Not(f"200 of {json.loads(body)['version']}")
        return "200"

    def tasks_over_http(self):
        return self._200(PATH)

    def version_1(self):
        return self._200("/api/v1/tasks", "v1")

    def version_2(self):
        return self._200("/api/v2/tasks", "v2")

    def tasks_over_https(self):
        """Verified against the CA, for each name of the certificate."""
        for name in ("localhost", "127.0.0.1", "::1"):
            trust = ssl.create_default_context(cafile=self.ca)
            with _connected(self.https, trust, name) as connection:
                connection.request("GET", PATH, headers=user())
                status = connection.getresponse().status
            if status != 200:
                raise Not(f"{status}")
        return "200, certificate verified for localhost, 127.0.0.1, ::1"

    def gateway_programmed(self):
        return self.condition("gateway.gateway.networking.k8s.io/task-api-gateway", "Programmed")

    def scaler_ready(self):
        seen = self.condition("scaledobject.keda.sh/task-api-scaler", "Ready")
        bounds = self.run("-n", "task-api", "get", "scaledobject.keda.sh/task-api-scaler", "-o", "jsonpath={.spec.minReplicaCount} {.spec.maxReplicaCount}")
        if bounds != "1 10":
            raise Not(f"replicas {bounds}")
        return f"{seen}, replicas {bounds}"

    def condition(self, what, name):
        # a watch, so nothing is asked again and again
        self.run("-n", "task-api", "wait", f"--for=condition={name}", what, "--timeout=120s")
        return f"{name}=True"

    def run(self, *argv):
        done = subprocess.run([*self.kubectl, *argv], capture_output=True, text=True)
        if done.returncode != 0:
            raise Not((done.stderr or done.stdout).strip()[-200:])
        return done.stdout.strip()

    def query(self, text, least):
        place = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query="
        result = json.loads(self.run("get", "--raw", place + quote(text)))["data"]["result"]
        if not result or float(result[0]["value"][1]) < least:
            raise Not(f"{result}")
        return result[0]["value"][1]

    def requests_are_counted(self):
        return self.query('sum(http_requests_total{service="task-api"})', 1)

    def scalers_query_has_a_value(self):
        return self.query('sum(rate(http_requests_total{service="task-api"}[2m]))', 0)

    def limited(self, headers, requests, per_minute):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        began, seen = time.monotonic(), collections.Counter()
        try:
            for _ in range(requests):
                seen[self.ask(PATH, headers, connection)[0]] += 1
        finally:
            connection.close()
        took = time.monotonic() - began
        told = ", ".join(f"{count} x {status}" for status, count in sorted(seen.items()))
        # a bucket fills up again bit by bit: what it gained while we asked passes too
        most = per_minute + math.ceil(took * per_minute / 60)
        if set(seen) <= {200, 429} and per_minute <= seen[200] <= most and seen[429] > 0:
            return f"{told} in {took:.2f} s"
        if seen[429]:
            # somebody has taken of it (we ourselves, before): wait until it is full
            time.sleep(0 if headers else 61)
        raise Not(told)

    def user_rate_limit(self):
        return self.limited(user(), 110, 100)

    def anonymous_rate_limit(self):
        return self.limited({}, 15, 10)

    def circuit_breaker(self):
        below = self.volley(25, 0.015)
        if below != {200: 25}:
            raise Not(f"25 at once: {dict(below)}")
        above = self.volley(60, 0)
        if set(above) != {200, 503} or above[200] < 25:
            raise Not(f"60 at once: {dict(above)}")
        return f"25 at once: {dict(below)}; 60 at once: {dict(above)}"

    def volley(self, count, gap):
        """So many requests in flight together: each answer takes a second. The first ones in groups of four, `gap` seconds apart, as tstack does."""
        open_, seen, lock = [], collections.Counter(), threading.Lock()
        for _ in range(count):
            connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
            connection.connect()
            open_.append(connection)
        start = threading.Barrier(count)

        def one(number, connection):
            start.wait()
            time.sleep(gap * (number // 4))
            try:
                status = self.ask(PATH + "?delay_ms=1000", user(), connection)[0]
            except (OSError, http.client.HTTPException) as why:
                status = type(why).__name__
            with lock:
                seen[status] += 1
            connection.close()

        threads = [threading.Thread(target=one, args=pair) for pair in enumerate(open_)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return seen


class _connected:
    """An HTTPS connection to 127.0.0.1 that expects a certificate for `name`."""

    def __init__(self, port, trust, name):
        self.port, self.trust, self.name = port, trust, name

    def __enter__(self):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        self.connection.sock = self.trust.wrap_socket(plain, server_hostname=self.name)
        return self.connection

    def __exit__(self, *_):
        self.connection.close()


LOOKING = ["tasks_over_http", "tasks_over_https", "version_1", "version_2", "gateway_programmed", "scaler_ready", "requests_are_counted", "scalers_query_has_a_value"]
LOADING = ["user_rate_limit", "anonymous_rate_limit", "circuit_breaker"]


def until_it_holds(checks, name, began, patience):
    tries = itertools.count(1)
    while True:
        start, number = time.monotonic(), next(tries)
        try:
            seen, passed = getattr(checks, name)(), True
        except (Not, OSError, http.client.HTTPException, ValueError, KeyError) as why:
            seen, passed = f"{type(why).__name__}: {why}" if not isinstance(why, Not) else str(why), False
        if passed or time.monotonic() - began > patience:
            return {"check": name, "passed": passed, "seen": seen, "at": round(time.monotonic() - began, 2), "took": round(time.monotonic() - start, 3), "tries": number}
        time.sleep(PAUSE)


def run_all(options):
    """Each result as it comes."""
    checks, began = Checks(options), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(LOOKING)) as pool:
        for result in concurrent.futures.as_completed([pool.submit(until_it_holds, checks, name, began, options.patience) for name in LOOKING]):
            yield result.result()
    for name in [name for name in LOADING if name not in options.skip]:
        yield until_it_holds(checks, name, began, options.patience)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--http", type=int, required=True)
    options.add_argument("--https", type=int, required=True)
    options.add_argument("--kubeconfig", required=True)
    options.add_argument("--ca", required=True)
    options.add_argument("--patience", type=float, default=180)
    options.add_argument("--skip", action="append", default=[], help="a check that is not made")
    failed = 0
    for result in run_all(options.parse_args()):
        print(json.dumps(result), flush=True)
        failed += not result["passed"]
    return 5 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
