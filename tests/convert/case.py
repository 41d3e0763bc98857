"""What all tests of the converter share: a folder for each test, and the converter run in this
process."""

import contextlib
import io
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRIPT = ROOT / "tools" / "convert_pt.py"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

import writers  # noqa: E402

from convert_pt import cli  # noqa: E402

PROGRAM = os.environ.get("CFEDIT", str(ROOT / "cfedit"))
HAS_PROGRAM = os.access(PROGRAM, os.X_OK)
CHEAP_SECONDS = 10      # of the processor, for refusing a hostile file; most take a hundredth of one
CHEAP_MEMORY = 1 << 28  # bytes of address space beyond those of the process


@contextlib.contextmanager
def cheaply():
    """Fails where the block takes too much time or memory, which a hostile file must not make the
    converter do."""
    def stop(_signal, _frame):
        raise AssertionError("more than %d seconds of the processor" % CHEAP_SECONDS)

    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGVTALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (used + CHEAP_MEMORY, hard))
    signal.setitimer(signal.ITIMER_VIRTUAL, CHEAP_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGVTALRM, handler)


class Case(unittest.TestCase):
    """A folder of its own, and the converter run inside this process."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="convert-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.rng = np.random.default_rng(7)
        self.out = self.path("out.safetensors")

    def shortDescription(self):
        """None: results show the name of a test, not the first line of its comment."""
        return None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def run_tool(self, *args):
        """Status, stdout, stderr."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = cli.main([str(a) for a in args])
            except SystemExit as stop:
                status = stop.code
        return status, out.getvalue(), err.getvalue()

    def convert(self, *args, notes=None):
        """Converts to self.out and reads it back: arrays, types, metadata."""
        status, _out, err = self.run_tool(*args, "-o", self.out)
        self.assertEqual(status, 0, err)
        if notes is not None:
            self.assertIn(notes, err)
        return writers.read_safetensors(self.out)

    def refused(self, pattern, *args, status=1):
        """One line that matches, and nothing written."""
        before = set(os.listdir(self.folder))
        got, out, err = self.run_tool(*args, "-o", self.out)
        self.assertEqual((got, out), (status, ""), err)
        self.assertRegex(err, pattern)
        self.assertNotIn("internal error", err)
        self.assertTrue(err.startswith("convert_pt: ") and err.count("\n") == 1, err)
        self.assertEqual(set(os.listdir(self.folder)), before)
        return err

    def refused_cheaply(self, pattern, *args):
        """The same, in a moment and with little memory."""
        with cheaply():
            return self.refused(pattern, *args)

    def assertArrays(self, got, wanted):
        self.assertEqual(set(got), set(wanted))
        for name, array in wanted.items():
            array = np.asarray(array)
            self.assertEqual(got[name].shape, array.shape, name)
            np.testing.assert_array_equal(got[name], array, err_msg=name)

    def latents(self, obj, writer=writers.write_zip, **options):
        """What comes of a file that holds one tensor of latents."""
        path = self.path("latents.pt")
        writer(path, obj, **options)
        return self.convert(path, "--kind", "latents")[0]["latents"]
