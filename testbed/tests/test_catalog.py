import copy
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from bed import catalog  # noqa: E402
from bed.errors import ListError  # noqa: E402

LIST = {
    "bed": {"registry": "127.0.0.1:5000", "node_image": "docker.io/kindest/node:v1"},
    "module": {"m": {"source": "example.org/m", "version": "v1.2.3", "define": {"x.Version": "{bare}"}}},
    "component": [
        {"name": "a", "recipe": "go", "module": "m", "package": ".", "image": {"name": "docker.io/x/a:{version}", "program": "/a"}},
        {"name": "n", "recipe": "node", "version": "v1", "programs": ["a"]},
    ],
}


class Reading(unittest.TestCase):
    def mistakes(self, change):
        data = copy.deepcopy(LIST)
        change(data)
        with self.assertRaises(ListError) as caught:
            catalog.parse(data)
        return str(caught.exception)

    def test_versions_come_from_the_module_and_fill_every_text(self):
        c = catalog.parse(LIST)
        self.assertEqual(c.components[0].image["name"], "docker.io/x/a:v1.2.3")
        self.assertEqual(c.modules["m"].define, {"x.Version": "1.2.3"})

    def test_duplicate_name(self):
        self.assertIn("a: named twice", self.mistakes(lambda d: d["component"].append(d["component"][0])))

    def test_unknown_module_and_recipe(self):
        self.assertIn("module q is not in the list", self.mistakes(lambda d: d["component"][0].update(module="q")))
        self.assertIn("recipe 'q' is none of", self.mistakes(lambda d: d["component"][0].update(recipe="q")))

    def test_unknown_need(self):
        self.assertIn("n: needs q, which is not in the list", self.mistakes(lambda d: d["component"][1].update(programs=["q"])))

    def test_unknown_and_missing_key(self):
        text = self.mistakes(lambda d: d["component"][0].update(pakage=d["component"][0].pop("package")))
        self.assertIn("package is missing", text)
        self.assertIn("pakage is not a key", text)

    def test_every_mistake_is_told_at_once(self):
        def change(data):
            data["component"][0]["module"] = "q"
            data["component"][1]["version_"] = "1"

        text = self.mistakes(change)
        self.assertIn("a:", text)
        self.assertIn("n:", text)


class OurList(unittest.TestCase):
    def test_it_is_valid_and_agrees_with_each_go_mod(self):
        c = catalog.load(HERE / "components.toml")
        catalog.check_pins(c, HERE / "go")
        self.assertTrue(all((HERE / "go" / m / "go.mod").exists() for m in c.modules))

    def test_a_go_mod_of_another_version_is_refused(self):
        c = catalog.parse(LIST)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "m").mkdir()
            (Path(folder) / "m/go.mod").write_text("module t\n\nrequire example.org/m v1.2.4\n")
            with self.assertRaisesRegex(ListError, "v1.2.3"):
                catalog.check_pins(c, Path(folder))


if __name__ == "__main__":
    unittest.main()
