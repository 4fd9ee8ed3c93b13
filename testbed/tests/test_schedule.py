import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bed import schedule  # noqa: E402
from bed.errors import ListError  # noqa: E402
from bed.schedule import Step  # noqa: E402


def step(name, *needs, lane="compile", alone=""):
    return Step("s", name, lane, None, (), needs=[f"s.{n}" for n in needs], alone=alone)


def names(steps):
    return [s.component for s in steps]


class Order(unittest.TestCase):
    def test_needs_first_then_as_listed(self):
        self.assertEqual(names(schedule.order([step("c", "b"), step("a"), step("b"), step("d", "a")])), ["b", "c", "a", "d"])

    def test_unknown_need(self):
        with self.assertRaisesRegex(ListError, "s a needs s.q"):
            schedule.order([step("a", "q")])

    def test_cycle_names_the_way(self):
        with self.assertRaisesRegex(ListError, "s.a -> s.b -> s.a"):
            schedule.order([step("a", "b"), step("b", "a")])


class Run(unittest.TestCase):
    def run_steps(self, steps, execute, built=(), lanes=None):
        return schedule.run(schedule.order(steps), set(built), execute, lambda: None, lanes or {"compile": 2})

    def test_built_steps_are_not_done_again(self):
        ran = []
        failed = self.run_steps([step("a"), step("b", "a")], lambda s: ran.append(s.component), built=["s.a"])
        self.assertEqual((ran, failed), (["b"], {}))

    def test_a_failure_stops_only_what_needs_it(self):
        ran = []

        def execute(s):
            if s.component == "bad":
                raise OSError("no")
            ran.append(s.component)

        failed = self.run_steps([step("bad"), step("after", "bad"), step("other")], execute)
        self.assertEqual(ran, ["other"])
        self.assertIsInstance(failed["s.bad"], OSError)
        self.assertIsNone(failed["s.after"])

    def test_lanes_and_alone_bound_what_runs_together(self):
        guard, now, most = threading.Lock(), [], {"all": 0, "module": 0}

        def execute(s):
            with guard:
                now.append(s)
                most["all"] = max(most["all"], len(now))
                most["module"] = max(most["module"], sum(x.alone == "m" for x in now))
            threading.Event().wait(0.01)
            with guard:
                now.remove(s)

        self.run_steps([step("a", alone="m"), step("b", alone="m"), step("c"), step("d"), step("e")], execute)
        self.assertEqual(most, {"all": 2, "module": 1})


if __name__ == "__main__":
    unittest.main()
