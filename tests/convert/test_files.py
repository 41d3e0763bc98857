"""Formats, options and results."""

import gzip
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import unittest

import numpy as np

from case import Case, ROOT, SCRIPT
import networks_small as small
import writers
from writers import Name


class TestFiles(Case):
    def mapper(self):
        path = self.path("mapper.pt")
        writers.write_zip(path, {"state_dict": writers.state_dict(small.mapper_arrays(self.rng)), "opts": {}})
        return path

    def test_truncated_zip(self):
        with open(self.mapper(), "rb") as file:
            data = file.read()
        for size in (3, 30, 1000, len(data) // 2, len(data) - 1):
            self.refused("truncated|damaged|not a checkpoint", self.write("cut.pt", data[:size]))

    def test_truncated_others(self):
        arrays = small.vgg_arrays(self.rng)
        writers.write_safetensors(self.path("v.safetensors"), arrays)
        np.save(self.path("l.npy"), np.zeros((4, 512), np.float32))
        for name in ("v.safetensors", "l.npy"):
            with open(self.path(name), "rb") as file:
                data = file.read()
            for size in (9, 60, len(data) // 2, len(data) - 1):
                self.refused("truncated|damaged|JSON|not a checkpoint", self.write("cut", data[:size]))

    def test_files_that_are_no_checkpoints(self):
        for data, message in ((b"", "empty"), (b"<!DOCTYPE html>", "web page"),
                              (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
                              (gzip.compress(b"x"), "gzip"),
                              (b"hello world, how are you", "not a checkpoint")):
            self.refused(message, self.write("x.pt", data))
        for header in (b"{'descr': '<f4'}",
                       b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 5000,
                       b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
                       b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
                       b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 512)}"):
            data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
            self.refused("npy", self.write("x.npy", data))
        with zipfile.ZipFile(self.path("z.zip"), "w") as z:
            z.writestr("a.txt", "a")
        self.refused("no data.pkl", self.path("z.zip"))
        self.refused("No such file", self.path("none.pt"))
        os.mkdir(self.path("folder"))
        self.refused("none of model.safetensors", self.path("folder"))
        writers.write_zip(self.path("x.pt"), {"a": 1})
        self.refused("holds no tensors", self.path("x.pt"))
        writers.write_zip(self.path("x.pt"), 5)
        self.refused("holds no tensors", self.path("x.pt"))
        writers.write_zip(self.path("x.pt"), {"abc.weight": writers.tensor(np.ones(3, np.float32))})
        self.refused("no kind that is known.*abc.weight", self.path("x.pt"))

    def test_shards_lie_in_the_folder_itself(self):
        """An index may name files of the folder, and nothing else: no parent, no folder, no other
        place."""
        folder = self.path("parent/in")
        os.makedirs(os.path.join(folder, "sub.safetensors"))
        writers.write_safetensors(self.path("parent/model.safetensors"), small.vgg_arrays(self.rng))
        os.mkfifo(os.path.join(folder, "pipe.safetensors"))
        for name, message in ((".", "elsewhere"), ("..", "elsewhere"), ("", "elsewhere"),
                              ("../model.safetensors", "elsewhere"), ("..\\model.safetensors", "elsewhere"),
                              (self.path("parent/model.safetensors"), "elsewhere"), ("x\0y", "elsewhere"),
                              ("sub.safetensors", "not in the folder"), ("pipe.safetensors", "not in the folder"),
                              ("none.safetensors", "not in the folder"), ("\ud800", "surrogate"),
                              ("a\nb.safetensors", "elsewhere"), (5, "no weight_map"), (["a"], "no weight_map"),
                              ("model.safetensors.index.json", "not a checkpoint")):
            with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
                json.dump({"weight_map": {"conv1_1.weight": name}}, file)
            self.refused_cheaply(message, folder)
        for text in ("[]", '{"weight_map":[]}', '{"weight_map":{"a":"b","a":"c"}}', "[" * 100000, "{", ""):
            self.write("parent/in/model.safetensors.index.json", text.encode())
            self.refused_cheaply("weight_map|JSON", folder)

    def test_shards_that_have_the_same_tensor(self):
        arrays = small.vgg_arrays(self.rng)
        os.mkdir(self.path("twice"))
        for name in ("a.safetensors", "b.safetensors"):
            writers.write_safetensors(self.path("twice/" + name), arrays)
        with open(self.path("twice/model.safetensors.index.json"), "w", encoding="utf-8") as file:
            json.dump({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}, file)
        self.refused("also has conv1_1.bias", self.path("twice"))

    def test_inputs_that_are_no_files(self):
        os.mkfifo(self.path("pipe"))
        self.refused("not a regular file", self.path("pipe"))

    def test_wrong_kind(self):
        self.refused("expected a CLIP network, but this seems to be a CF-CLIP", self.mapper(),
                     "--kind", "clip")
        np.save(self.path("l.npy"), np.zeros((4, 512), np.float32))
        self.refused("seems to be latents", self.path("l.npy"), "--kind", "vgg19")
        self.refused("expected latents", self.mapper(), "--kind", "latents")

    def test_usage(self):
        for args in (("-o", self.out), (self.mapper(),), (self.mapper(), "-o", self.out, "--kind", "tea"),
                     (self.mapper(), "-o", self.out, "--what")):
            status, out, err = self.run_tool(*args)
            self.assertEqual((status, out), (2, ""))
            self.assertRegex(err, r"\Aconvert_pt: .*\n\Z")
        self.refused("--domain has no meaning", self.mapper(), "--domain", "face")
        self.refused("--bpe has no meaning", self.mapper(), "--bpe", "x")
        self.assertEqual(self.run_tool("--help")[0], 0)

    def test_half(self):
        arrays = small.mapper_arrays(self.rng)
        path = self.mapper()
        arrays, types, _meta = self.convert(path)
        half, half_types, _meta = self.convert(path, "--half")
        self.assertEqual(set(types.values()), {"F32"})
        for name, a in arrays.items():
            self.assertEqual(half_types[name], "F16" if a.ndim > 1 else "F32")
            np.testing.assert_array_equal(half[name], a.astype(np.float16) if a.ndim > 1 else a)
        big = dict(small.vgg_arrays(self.rng))
        big["conv1_1.weight"] = big["conv1_1.weight"] + 70000
        writers.write_zip(path, writers.state_dict(big))
        self.refused("conv1_1.weight has numbers beyond float16.*without --half", path, "--half")

    def test_results_repeat(self):
        path = self.mapper()
        self.convert(path)
        with open(self.out, "rb") as file:
            first = file.read()
        self.convert(path)
        with open(self.out, "rb") as file:
            self.assertEqual(file.read(), first)
        self.assertEqual(struct.unpack("<Q", first[:8])[0] % 8, 0)

    def test_an_old_result_survives_a_failure(self):
        old = self.write("out.safetensors", b"precious")
        a = np.zeros((4, 512), np.float32)
        a[3] = np.nan  # found while the last rows are written
        np.save(self.path("l.npy"), a)
        self.refused("NaN", self.path("l.npy"))
        with open(old, "rb") as file:
            self.assertEqual(file.read(), b"precious")

    def test_places_that_cannot_be_written(self):
        path = self.mapper()
        status, _out, err = self.run_tool(path, "-o", self.path("none/out.safetensors"))
        self.assertEqual((status, err.count("\n")), (1, 1))
        self.assertIn("there is no folder", err)
        os.mkdir(self.path("there"))
        self.assertEqual(self.run_tool(path, "-o", self.path("there"))[0], 1)
        self.assertEqual(self.run_tool(path, "-o", path)[0], 1)

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_full_disk(self):
        from convert_pt import output
        real = output.tempfile.mkstemp
        output.tempfile.mkstemp = lambda **_: (os.open("/dev/full", os.O_WRONLY), self.path("temporary"))
        self.write("temporary", b"")
        try:
            status, _out, err = self.run_tool(self.mapper(), "-o", self.out)
        finally:
            output.tempfile.mkstemp = real
        self.assertEqual((status, err.count("\n")), (1, 1))
        self.assertIn("No space left", err)
        self.assertFalse(os.path.exists(self.path("temporary")) or os.path.exists(self.out))

    def test_permissions_follow_the_umask(self):
        mask = os.umask(0o027)
        try:
            self.convert(self.mapper())
        finally:
            os.umask(mask)
        self.assertEqual(os.stat(self.out).st_mode & 0o777, 0o640)

    def test_parts_of_one_checkpoint(self):
        arrays = small.vgg_arrays(self.rng)
        names = sorted(arrays)
        writers.write_zip(self.path("1.pt"), writers.state_dict({n: arrays[n] for n in names[:9]}))
        writers.write_zip(self.path("2.pt"), writers.state_dict({n: arrays[n] for n in names[9:]}))
        self.assertArrays(self.convert(self.path("1.pt"), self.path("2.pt"))[0], arrays)
        self.refused("also has", self.path("1.pt"), self.path("2.pt"), self.path("1.pt"))
        self.refused("lacks 23 tensors", self.path("1.pt"))

    def test_strings_of_python_2(self):
        """Checkpoints of Python 2 have byte strings for names, and other module names."""
        arrays = small.vgg_arrays(self.rng)
        stream = io.BytesIO()
        pickler = writers.Pickler(stream, 2, old=True)
        pickler.write(pickle.PROTO + b"\x02")
        pickler.save(Name("collections", "OrderedDict"))
        pickler.write(b"]")
        pickler.write(b"(")
        for name, a in arrays.items():
            pickler.write(b"]" + b"(" + b"U" + bytes([len(name)]) + name.encode())
            pickler.save(writers.tensor(a))
            pickler.write(b"e")
        pickler.write(b"e" + b"\x85" + b"R.")
        out = io.BytesIO()
        for part in (writers.MAGIC, 1001, {}):
            pickle.dump(part, out, 2)
        out.write(stream.getvalue())
        pickle.dump([key for _r, key in pickler.storages.values()], out, 2)
        for root, _key in pickler.storages.values():
            out.write(struct.pack("<q", root.data.size) + root.raw())
        self.assertArrays(self.convert(self.write("vgg.pth", out.getvalue()))[0], arrays)

    def test_progress_of_large_files(self):
        from convert_pt import output
        least = output.PROGRESS_MIN
        output.PROGRESS_MIN = 1
        try:
            _status, _out, err = self.run_tool(self.mapper(), "-o", self.out)
            quiet = self.run_tool(self.mapper(), "-o", self.out, "--quiet")
        finally:
            output.PROGRESS_MIN = least
        self.assertRegex(err, r"convert_pt: 100 %, .* MB/s, 0 s left\n")
        self.assertEqual(quiet, (0, "", ""))

    def test_the_command(self):
        """As users call it, with and without NumPy."""
        run = subprocess.run([sys.executable, str(SCRIPT), self.mapper(), "-o", self.out],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"mapper, 50 tensors, .* MB, F32\n\Z")
        os.makedirs(self.path("empty/numpy"))
        self.write("empty/numpy/__init__.py", b"raise ImportError('none')\n")
        env = dict(os.environ, PYTHONPATH=self.path("empty"))
        run = subprocess.run([sys.executable, str(SCRIPT), "x", "-o", "y"], env=env, stderr=subprocess.PIPE,
                             universal_newlines=True)
        self.assertEqual((run.returncode, run.stderr.count("\n")), (1, 1))
        self.assertIn("NumPy is needed", run.stderr)

    def test_no_pytorch_is_imported(self):
        """The converter and its tests without PyTorch do not need it."""
        code = "import sys; sys.path.insert(0, %r); import convert_pt.cli; " \
               "sys.exit('torch' in sys.modules)" % str(ROOT / "tools")
        self.assertEqual(subprocess.run([sys.executable, "-B", "-c", code]).returncode, 0)
