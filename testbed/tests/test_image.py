import io
import json
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bed.recipes import image  # noqa: E402
from bed.registry import without_host  # noqa: E402


class Layout(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "program").write_bytes(b"\x7fELF")

    def write(self, name):
        content = {"bin/x": self.folder / "program", "bin/y": image.Link("x"), "etc/passwd": "root"}
        image.write_layout(self.folder / name, {"name": "docker.io/a/b:1", "program": "/bin/x"}, content)
        return json.loads((self.folder / name / "index.json").read_text())["manifests"][0]

    def test_same_content_same_digest(self):
        self.assertEqual(self.write("one")["digest"], self.write("two")["digest"])

    def test_the_layer_holds_files_links_and_their_folders(self):
        blobs = self.folder / "one/blobs/sha256"
        manifest = json.loads((blobs / self.write("one")["digest"][7:]).read_text())
        layer = (blobs / manifest["layers"][0]["digest"][7:]).read_bytes()
        self.assertEqual(len(layer), manifest["layers"][0]["size"])
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            self.assertEqual(archive.getmember("bin/y").linkname, "x")
            self.assertTrue(archive.getmember("etc").isdir())
            self.assertEqual(archive.getmember("tmp").mode, 0o1777)


class Names(unittest.TestCase):
    def test_the_host_is_dropped(self):
        self.assertEqual(without_host("registry.k8s.io/coredns/coredns:v1.12.1"), ("coredns/coredns", "v1.12.1"))

    def test_libraries_of_ldd(self):
        text = "\tlinux-vdso.so.1 (0x7)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7)\n\t/lib64/ld-linux-x86-64.so.2 (0x7)\n"
        self.assertEqual(image.libraries(text), {"lib/x86_64-linux-gnu/libc.so.6", "lib64/ld-linux-x86-64.so.2"})

    def test_absolute_links_stay_inside(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "usr/lib").mkdir(parents=True)
            (root / "usr/lib/real.so").write_text("x")
            (root / "lib").symlink_to("usr/lib")
            (root / "usr/lib/ld.so").symlink_to("/lib/real.so")
            self.assertEqual(image.inside(root, "lib/ld.so"), root / "usr/lib/real.so")


if __name__ == "__main__":
    unittest.main()
