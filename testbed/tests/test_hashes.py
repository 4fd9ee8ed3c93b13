import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bed import plan, store  # noqa: E402
from bed.inputs import digest  # noqa: E402
from bed.paths import Work  # noqa: E402
from bed.schedule import Step  # noqa: E402


def step(component, *parts, needs=(), **more):
    return Step("build", component, "compile", None, parts, needs=[f"build.{n}" for n in needs], **more)


class Digest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "a").write_text("one")

    def test_same_inputs_same_hash(self):
        self.assertEqual(digest({"x": 1, "y": 2}, self.folder), digest({"y": 2, "x": 1}, self.folder))

    def test_value_content_and_name_each_count(self):
        seen = {digest("v1", self.folder), digest("v2", self.folder)}
        (self.folder / "a").write_text("two")
        seen.add(digest("v1", self.folder))
        (self.folder / "a").rename(self.folder / "b")
        seen.add(digest("v1", self.folder))
        self.assertEqual(len(seen), 4)

    def test_touching_a_file_does_not_count(self):
        before = digest(self.folder)
        (self.folder / "a").write_text("one")
        self.assertEqual(before, digest(self.folder))


class OfSteps(unittest.TestCase):
    def changed(self, change):
        def hashes(c):
            return plan.hashes([step("a", "1" if c != "a" else "2"), step("b", "1" if c != "b" else "2", needs=["a"]), step("c", "1")])

        before, after = hashes(None), hashes(change)
        return {id_ for id_ in before if before[id_] != after[id_]}

    def test_a_change_reaches_what_needs_it_and_nothing_else(self):
        self.assertEqual(self.changed("a"), {"build.a", "build.b"})
        self.assertEqual(self.changed("b"), {"build.b"})


class Stamps(unittest.TestCase):
    def setUp(self):
        self.work = Work(Path(self.enterContext(tempfile.TemporaryDirectory())))
        self.work.make()
        self.result = self.work.bin / "a"
        self.step = step("a", outputs=[self.result])

    def test_built_means_right_hash_and_result_there(self):
        self.assertFalse(store.is_built(self.work, self.step, "h"))
        self.result.write_text("x")
        store.write(self.work, self.step, {"inputs": "h"})
        self.assertTrue(store.is_built(self.work, self.step, "h"))
        self.assertFalse(store.is_built(self.work, self.step, "other"))
        self.result.unlink()
        self.assertFalse(store.is_built(self.work, self.step, "h"))

    def test_a_failed_replacement_leaves_the_old_result_and_no_rest(self):
        self.result.write_text("old")
        with self.assertRaises(ValueError), store.replacing(self.work, self.result) as temporary:
            temporary.write_text("half")
            raise ValueError
        self.assertEqual(self.result.read_text(), "old")
        self.assertEqual(list(self.work.tmp.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
