"""Tests of tools/convert_pt.py. NumPy is enough; cases that want PyTorch or the built cfedit are
skipped visibly without them.

    python3 tests/convert/test_convert.py [-v] [TestClass[.test_name]]
    sh tests/convert/run.sh
"""

import collections
import contextlib
import gzip
import io
import json
import os
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import unittest
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SCRIPT = ROOT / "tools" / "convert_pt.py"
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(ROOT / "tools"))

import networks_small as small  # noqa: E402
import writers  # noqa: E402
from writers import Call, Name, Raw, Stored  # noqa: E402

from convert_pt import cli, tensors, vocabulary  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

PROGRAM = os.environ.get("CFEDIT", str(ROOT / "cfedit"))
HAS_PROGRAM = os.access(PROGRAM, os.X_OK)
MERGES = ["t h", "th e</w>", "a n", "an d</w>", "i n", "e r"]  # makes a vocabulary of 520


class Case(unittest.TestCase):
    """A folder of its own, and the converter run inside this process."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="convert-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.rng = np.random.default_rng(7)
        self.out = self.path("out.safetensors")

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


# ---- pickles that want to do something ----

class TestHostile(Case):
    """Nothing of a pickle is run, whatever it is wrapped in."""

    def setUp(self):
        super().setUp()
        self.trap = self.path("trap")
        self.command = "touch '%s'" % self.trap

    def tearDown(self):
        self.assertFalse(os.path.exists(self.trap), "the pickle ran a command")

    def hostile(self):
        return [(Call(Name(module, name), (self.command,)), "%s.%s" % (module, name))
                for module, name in (("os", "system"), ("posix", "system"), ("nt", "system"),
                                     ("subprocess", "getoutput"), ("builtins", "eval"),
                                     ("__builtin__", "exec"), ("builtins", "getattr"),
                                     ("builtins", "__import__"), ("importlib", "import_module"),
                                     ("torch.hub", "load"), ("torch", "load"), ("pickle", "loads"),
                                     ("numpy", "load"), ("torch._utils", "_import_dotted_name"),
                                     ("torch.storage", "_load_from_bytes.__globals__"))]

    def test_the_trap_works(self):
        """The same stream does run under pickle itself: the test is not blind."""
        with self.assertRaises(AssertionError):
            pickle.loads(writers.dumps(Call(Name("os", "system"), (self.command,))))
            self.tearDown()
        os.unlink(self.trap)

    def test_names_are_refused_in_every_format(self):
        for obj, name in self.hostile():
            for writer in (writers.write_zip, writers.write_old, writers.write_pickle):
                with self.subTest(name=name, writer=writer.__name__):
                    path = self.path("bad.pt")
                    writer(path, {"latents": obj})
                    self.assertIn("'%s'" % name, self.refused("refused", path))
                    os.unlink(path)

    def test_protocol_4_and_5(self):
        for protocol in (4, 5):
            path = self.path("bad.pkl")
            writers.write_pickle(path, [Call(Name("os", "system"), (self.command,))], protocol)
            self.refused("'os.system'", path)

    def test_reduce_method_of_a_real_pickle(self):
        class Bad:
            def __init__(self, command):
                self.command = command

            def __reduce__(self):
                return os.system, (self.command,)

        path = self.write("bad.pkl", pickle.dumps({"state_dict": Bad(self.command)}))
        self.refused(r"'(posix|nt)\.system'", path)

    def test_a_name_alone_is_refused(self):
        path = self.path("bad.pt")
        writers.write_zip(path, {"a": Name("os", "system")})
        self.refused("'os.system'", path)

    def test_known_names_are_no_way_to_others(self):
        """What is in the table cannot be turned into a call of something else."""
        for obj, message in (
                (Call(Name("torch._tensor", "_rebuild_from_type_v2"),
                      (Name("posix", "system"), None, (self.command,), None)), "posix.system"),
                (Call(Name("collections", "defaultdict"), (Name("os", "getcwd"),)), "os.getcwd"),
                (Call(Name("copyreg", "_reconstructor"), (Name("os", "_wrap_close"), None, None)),
                 "_wrap_close"),
                (Call(Name("numpy", "ndarray"), ((3,),)), "numpy.ndarray"),
                (Call(Name("torch", "FloatStorage"), (3,)), "torch.FloatStorage"),
                (Call(Name("_codecs", "encode"), ("a", "rot13")), "damaged"),
                (Call("os.system", (self.command,)), "damaged")):
            path = self.path("bad.pt")
            writers.write_zip(path, {"a": obj})
            self.assertIn(message, self.refused(".", path))

    def test_old_instance_opcodes(self):
        code = b"(S'%s'\nios\nsystem\n." % self.command.encode()
        self.refused("opcode|damaged", self.write("bad.pkl", b"\x80\x02" + code))

    def test_extension_registry(self):
        self.refused("opcode 0x82", self.write("bad.pkl", b"\x80\x02\x82\x01."))

    def test_torchscript_source_is_not_run(self):
        path = self.path("clip.pt")
        obj = writers.script_module("Module", {"a": Call(Name("os", "system"), (self.command,))})
        writers.write_zip(path, obj, script=True)
        self.refused("'os.system'", path)

    def test_source_of_persistent_objects_is_not_run(self):
        source = "import os\nos.system(%r)\n" % self.command
        module = writers.nvidia_module("Generator", {}, source=source)
        path = self.path("network.pkl")
        writers.write_pickle(path, {"G_ema": module})
        self.refused("holds no tensors", path)

    def test_whole_modules(self):
        path = self.path("model.pt")
        writers.write_zip(path, Call(Name("models.psp", "pSp"), (), {}, new=True))
        self.refused(r"'models\.psp\.pSp'", path)

    def test_whole_modules_of_old_files(self):
        class Pickler(writers.Pickler):
            def persistent_id(self, obj):
                return ("module", 1, 2, 3) if obj == ["a module"] else None
        stream = io.BytesIO()
        for part in (writers.MAGIC, 1001, {}):
            pickle.dump(part, stream, 2)
        Pickler(stream, 2).dump({"net": ["a module"]})
        self.refused("'module'", self.write("model.pt", stream.getvalue()))

    def test_tensorflow_pickle(self):
        path = self.path("stylegan2-ffhq-config-f.pkl")
        writers.write_pickle(path, (Call(Name("dnnlib.tflib.network", "Network"), (), {}, new=True),))
        self.refused("TensorFlow.*legacy.py", path)

    def test_numpy_objects(self):
        path = self.path("latents.npy")
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        self.refused("Python objects", path)
        array = Call(Name("numpy.core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (0,), b"b"),
                     (1, (1,), Call(Name("numpy", "dtype"), ("O", False, True)), False, [1]))
        writers.write_pickle(self.path("a.pkl"), array)
        self.refused("damaged|not supported", self.path("a.pkl"))

    def test_streams_that_make_no_sense(self):
        deep = b")" + b"\x85" * 200000
        for body in (b".", b"0.", b"}(K\x01u.", b"N}s.", b"R.", b"b.", b"h\x07.", b"t.", b"\x93.",
                     b"\x8b\xff\xff\xff\x7f.", b"X\xff\xff\xff\xff.", b"\x8e" + b"\xff" * 8 + b".",
                     b"}" + deep + b"Ns.", b"c\n\n.", b"\x95" + b"\xff" * 8 + b"."):
            with self.subTest(body=body[:20]):
                self.refused(".", self.write("bad.pkl", b"\x80\x02" + body))
        self.refused("protocol|not a checkpoint", self.write("bad.pkl", b"\x80\x02\x80\x09N."))

    def test_every_truncation(self):
        """A stream cut anywhere ends in one line, never in an exception."""
        path = self.path("whole.pt")
        writers.write_old(path, {"a": writers.tensor(np.ones((2, 512), np.float32))})
        with open(path, "rb") as file:
            data = file.read()
        head = data.index(struct.pack("<q", 1024))
        for cut in list(range(1, head + 9, 7)) + [len(data) - 1]:
            self.refused(".", self.write("cut.pt", data[:cut]))

    def test_flipped_bytes(self):
        """Damage anywhere in the stream gives a result or one line."""
        path = self.path("whole.pkl")
        writers.write_pickle(path, {"latents": writers.numpy_array(np.ones((2, 512), np.float32))})
        with open(path, "rb") as file:
            data = bytearray(file.read())
        for at in range(0, 200):
            for value in (0, 0x2E, 0x52, 0xFF):
                damaged = bytes(data[:at]) + bytes([value]) + bytes(data[at + 1:])
                status, _out, err = self.run_tool(self.write("d.pkl", damaged), "-o", self.out)
                self.assertIn(status, (0, 1))
                self.assertNotIn("internal error", err)
                self.assertLessEqual(err.count("\n"), 3, err)

    def test_raw_opcodes_around_the_table(self):
        body = b"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00truet" + b"R."
        self.refused("'os.system'", self.write("raw.pkl", body))
        writers.write_zip(self.path("raw.pt"), Raw(b"cbuiltins\ncompile\n"))
        self.refused("builtins.compile", self.path("raw.pt"))


# ---- storages and tensors ----

class TestTensors(Case):
    def test_types(self):
        a = (self.rng.standard_normal((3, 512)) * 4).astype(np.float32)
        for kind in ("f4", "f8", "f2"):
            with self.subTest(kind=kind):
                typed = a.astype(kind)
                for writer in (writers.write_zip, writers.write_old):
                    got = self.latents(writers.tensor(typed), writer)
                    self.assertEqual(got.dtype, np.dtype("f4" if kind == "f8" else kind))
                    np.testing.assert_array_equal(got, typed.astype(got.dtype))

    def test_bfloat16(self):
        a = self.rng.standard_normal((3, 512)).astype(np.float32)
        bits = (a.view(np.uint32) >> 16).astype(np.uint16)
        path = self.path("latents.pt")
        writers.write_zip(path, writers.tensor(bits, "bf16"))
        arrays, types, _meta = self.convert(path)
        self.assertEqual(types["latents"], "BF16")
        np.testing.assert_array_equal(arrays["latents"], bits)
        arrays, types, _meta = self.convert(path, "--half")
        self.assertEqual(types["latents"], "F16")
        wide = (bits.astype(np.uint32) << 16).view(np.float32)
        np.testing.assert_array_equal(arrays["latents"], wide.astype(np.float16))

    def test_integers_and_flags(self):
        """The counters of batch norms, and what else has no fraction, keep their types."""
        arrays = small.irse50_arrays(self.rng)
        path = self.path("model.pth")
        for kind in ("i8", "i4", "i2", "i1", "u1", "b1"):
            typed = {n: a.astype(kind) if n.endswith("tracked") else a for n, a in arrays.items()}
            writers.write_zip(path, writers.state_dict(typed))
            got, types, _meta = self.convert(path)
            name = "input_layer.1.num_batches_tracked"
            self.assertEqual(types[name], {"i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8",
                                           "b1": "BOOL"}[kind])
            self.assertEqual(got[name], typed[name])

    def test_shared_storage(self):
        a = self.rng.standard_normal(3 * 2 * 512 + 100).astype(np.float32)
        shared = Stored(a)
        arrays = {"latents": writers.view(shared, 100, (3, 2, 512), (1024, 512, 1))}
        for writer in (writers.write_zip, writers.write_old):
            obj = [writers.view(shared, 100, (3, 2, 512), (1024, 512, 1)),
                   writers.view(shared, 0, (1, 2, 512), (1024, 512, 1))]
            got = self.latents(obj, writer)
            np.testing.assert_array_equal(got[:3], a[100:].reshape(3, 2, 512))
            np.testing.assert_array_equal(got[3], a[:1024].reshape(2, 512))
        writers.write_zip(self.path("one.pt"), arrays)
        self.assertLess(os.path.getsize(self.path("one.pt")), a.nbytes + 2000)

    def test_strides(self):
        a = self.rng.standard_normal((512, 4, 6)).astype(np.float32)
        stored = Stored(a)
        for shape, offset, strides, wanted in (
                ((6, 4, 512), 0, (1, 6, 24), a.transpose(2, 1, 0)),
                ((4, 512), 3, (6, 24), a[:, :, 3].T),
                ((3, 512), 1, (2, 24), a[:, 0, 1:6:2].T),
                ((2, 512), 5, (0, 24), np.stack([a[:, 0, 5]] * 2)),
                ((1, 512), 0, (99999, 24), a[:, 0, 0][None])):
            with self.subTest(shape=shape):
                np.testing.assert_array_equal(self.latents(writers.view(stored, offset, shape, strides)),
                                              wanted)

    def test_wide_strides_are_read_in_slices(self):
        limit = tensors.DIRECT_READ
        tensors.DIRECT_READ = 1000
        try:
            a = self.rng.standard_normal((5, 7, 512)).astype(np.float32)
            got = self.latents(writers.view(Stored(a), 512, (5, 512), (7 * 512, 1)))
        finally:
            tensors.DIRECT_READ = limit
        np.testing.assert_array_equal(got, a[:, 1])

    def test_byte_order(self):
        a = self.rng.standard_normal((2, 512)).astype(np.float32)
        for order in ("little", "big"):
            np.testing.assert_array_equal(self.latents(writers.tensor(a), order=order), a)
        # Old files are little-endian whatever machine wrote them.
        np.testing.assert_array_equal(self.latents(writers.tensor(a), writers.write_old, little=False), a)

    def test_views_of_storages_in_old_files(self):
        a = self.rng.standard_normal(3 * 512).astype(np.float32)
        root = Stored(a)
        part = Stored(a[512:])
        part.part = (root, 512, 1024)
        got = self.latents([writers.view(part, 0, (1, 2, 512), (1024, 512, 1)),
                            writers.view(root, 0, (1, 2, 512), (1024, 512, 1))], writers.write_old)
        np.testing.assert_array_equal(got[0], a[512:].reshape(2, 512))
        np.testing.assert_array_equal(got[1], a[:1024].reshape(2, 512))
        part.part = (root, 1024, 1024)
        writers.write_old(self.path("bad.pt"), writers.view(part, 0, (2, 512), (512, 1)))
        self.refused("beyond", self.path("bad.pt"))

    def test_parameters_and_subclasses(self):
        a = self.rng.standard_normal((2, 512)).astype(np.float32)
        t = writers.tensor(a)
        np.testing.assert_array_equal(self.latents(writers.parameter(t)), a)
        tagged = Call(Name("torch._tensor", "_rebuild_from_type_v2"),
                      (Name("torch._utils", "_rebuild_tensor_v2"), Name("torch", "Tensor"), t.args, {}))
        np.testing.assert_array_equal(self.latents(tagged), a)

    def test_untyped_storages(self):
        a = self.rng.standard_normal((2, 512)).astype(np.float32)
        stored = Stored(a.view(np.uint8))
        t = Call(Name("torch._utils", "_rebuild_tensor_v3"),
                 (stored, 0, (2, 512), (512, 1), False, collections.OrderedDict(), Name("torch", "float32")))
        np.testing.assert_array_equal(self.latents(t), a)

    def test_deflated_archive(self):
        a = self.rng.standard_normal((2, 512)).astype(np.float32)
        np.testing.assert_array_equal(self.latents(writers.tensor(a), compression=zipfile.ZIP_DEFLATED), a)

    def test_archive_without_a_folder_and_with_another_name(self):
        a = self.rng.standard_normal((2, 512)).astype(np.float32)
        np.testing.assert_array_equal(self.latents(writers.tensor(a), folder="some/where"), a)

    def test_shapes_that_lie(self):
        stored = Stored(np.ones(1024, np.float32))
        for offset, shape, strides in ((0, (3, 512), (512, 1)), (1, (2, 512), (512, 1)),
                                       (-1, (2, 512), (512, 1)), (0, (2, 512), (-512, 1)),
                                       (0, (1 << 40, 512), (0, 0)), (0, (2, 512), (512,)),
                                       (0, (1 << 62, 1 << 62), (1 << 62, 1))):
            writers.write_zip(self.path("bad.pt"), writers.view(stored, offset, shape, strides))
            self.refused("bad.pt: ", self.path("bad.pt"))

    def test_memory_stays_near_one_tensor(self):
        arrays = small.mapper_arrays(self.rng, layers=8, width=256)
        writers.write_zip(self.path("mapper.pt"), {"state_dict": writers.state_dict(arrays), "opts": {}})
        total = sum(a.nbytes for a in arrays.values())
        largest = max(a.nbytes for a in arrays.values())
        del arrays
        tracemalloc.start()
        status, _out, err = self.run_tool(self.path("mapper.pt"), "-o", self.out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertEqual(status, 0, err)
        self.assertGreater(total, 20 * largest)
        self.assertLess(peak, 4 * largest + 2000000)


# ---- CLIP ----

class TestClip(Case):
    def setUp(self):
        super().setUp()
        self.arrays = small.clip_arrays(self.rng)
        self.bpe = self.write("list.txt", self.merge_list())
        self.list = np.frombuffer(b"#version: 0.2\n" + "\n".join(MERGES).encode() + b"\n", np.uint8)

    @staticmethod
    def merge_list(first=b"#version: 0.2"):
        return first + b"\n" + "\n".join(MERGES).encode() + b"\n"

    def hub_folder(self, name="hub", weights="model.safetensors", act="gelu", **config):
        folder = self.path(name)
        os.mkdir(folder)
        hub = small.hugging_face_arrays(self.arrays)
        if weights.endswith(".safetensors"):
            writers.write_safetensors(os.path.join(folder, weights), hub, {"format": "pt"})
        else:
            writers.write_zip(os.path.join(folder, weights), writers.state_dict(hub))
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"text_config": {"hidden_act": act, "num_attention_heads": 1, **config},
                       "vision_config": {"hidden_act": act, "num_attention_heads": 1}}, file)
        with open(os.path.join(folder, "merges.txt"), "wb") as file:
            file.write(self.merge_list())
        vocabulary_table = {m.replace(" ", ""): 512 + i for i, m in enumerate(MERGES)}
        vocabulary_table.update({"<|startoftext|>": 518, "<|endoftext|>": 519})
        with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
            json.dump(vocabulary_table, file)
        return folder

    def assertClip(self, got, activation):
        arrays, types, meta = got
        self.assertEqual(types["tokenizer.merges"], "U8")
        self.assertArrays(arrays, {**self.arrays, "tokenizer.merges": self.list})
        self.assertEqual((meta["kind"], meta["activation"]), ("clip", activation))

    def test_torchscript_archive(self):
        path = self.path("ViT-B-32.pt")
        extra = {"input_resolution": np.array(8), "context_length": np.array(9),
                 "vocab_size": np.array(520),
                 "transformer.resblocks.0.attn_mask": np.ones((9, 9), np.float32)}
        writers.write_zip(path, writers.script_tree({**self.arrays, **extra}), script=True, folder="ViT-B-32")
        self.assertClip(self.convert(path, "--bpe", self.bpe), "quick_gelu")

    def test_half_weights_of_an_archive_stay(self):
        half = {n: a.astype(np.float16) if a.ndim > 1 else a for n, a in self.arrays.items()}
        path = self.path("ViT-B-32.pt")
        writers.write_zip(path, writers.script_tree(half), script=True)
        arrays, types, _meta = self.convert(path, "--bpe", self.bpe)
        self.assertEqual((types["visual.proj"], types["ln_final.bias"]), ("F16", "F32"))
        np.testing.assert_array_equal(arrays["visual.proj"], half["visual.proj"])

    def test_plain_state_dict(self):
        path = self.path("clip.pt")
        writers.write_old(path, writers.state_dict(self.arrays))
        self.assertClip(self.convert(path, "--bpe", self.bpe), "quick_gelu")
        self.assertClip(self.convert(path, "--bpe", self.bpe, "--activation", "gelu"), "gelu")

    def test_open_clip(self):
        path = self.path("epoch_1.pt")
        named = {"module." + n: a for n, a in self.arrays.items()}
        for label, wanted in (("my run", "gelu"), ("ViT-B-32-quickgelu", "quick_gelu")):
            writers.write_zip(path, {"epoch": 1, "name": label, "state_dict": writers.state_dict(named),
                                     "optimizer": {"state": {}, "param_groups": []}})
            self.assertClip(self.convert(path, "--bpe", self.bpe), wanted)
        below = {(n if n.startswith("visual.") or n == "logit_scale" else "text." + n): a
                 for n, a in self.arrays.items()}
        below["text.text_projection.weight"] = below.pop("text.text_projection").T
        below["logit_scale"] = below["logit_scale"].reshape(1)
        path = self.path("open_clip_pytorch_model.bin")
        writers.write_zip(path, writers.state_dict(below))
        self.assertClip(self.convert(path, "--bpe", self.bpe), "gelu")
        for quick, wanted in ((True, "quick_gelu"), (False, "gelu")):
            with open(self.path("open_clip_config.json"), "w", encoding="utf-8") as file:
                json.dump({"model_cfg": {"embed_dim": 32, "quick_gelu": quick}}, file)
            self.assertClip(self.convert(path, "--bpe", self.bpe), wanted)

    def test_hugging_face_folders(self):
        for weights in ("model.safetensors", "pytorch_model.bin"):
            folder = self.hub_folder("hub-" + weights, weights)
            self.assertClip(self.convert(folder), "gelu")
        self.assertClip(self.convert(self.hub_folder("quick", act="quick_gelu")), "quick_gelu")
        # The weight file by itself, with the others beside it.
        self.assertClip(self.convert(os.path.join(folder, "pytorch_model.bin")), "gelu")

    def test_hugging_face_shards(self):
        folder = self.hub_folder()
        whole = os.path.join(folder, "model.safetensors")
        arrays, _types, _meta = writers.read_safetensors(whole)
        os.unlink(whole)
        table = {}
        for i, names in enumerate((sorted(arrays)[::2], sorted(arrays)[1::2])):
            part = "model-0000%d-of-00002.safetensors" % (i + 1)
            writers.write_safetensors(os.path.join(folder, part), {n: arrays[n] for n in names})
            table.update({n: part for n in names})
        with open(whole + ".index.json", "w", encoding="utf-8") as file:
            json.dump({"weight_map": table}, file)
        self.assertClip(self.convert(folder), "gelu")
        table[sorted(arrays)[0]] = "../elsewhere.safetensors"
        with open(whole + ".index.json", "w", encoding="utf-8") as file:
            json.dump({"weight_map": table}, file)
        self.refused("elsewhere", folder)

    def test_merges_of_tokenizer_json(self):
        folder = self.hub_folder()
        os.unlink(os.path.join(folder, "merges.txt"))
        for merges in (MERGES, [m.split() for m in MERGES]):
            with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
                json.dump({"model": {"type": "BPE", "merges": merges}}, file)
            self.assertClip(self.convert(folder), "gelu")

    def test_gzip_list_and_longer_lists(self):
        path = self.path("clip.pt")
        writers.write_zip(path, writers.state_dict(self.arrays))
        packed = gzip.compress(self.merge_list(b'"bpe_simple_vocab_16e6.txt#version: 0.2'))
        self.assertClip(self.convert(path, "--bpe", self.write("list.gz", packed)), "quick_gelu")
        self.write("bpe_simple_vocab_16e6.txt.gz", packed)
        self.assertClip(self.convert(path), "quick_gelu")
        most = vocabulary.MERGES_MAX
        vocabulary.MERGES_MAX = len(MERGES)  # as OpenAI's list has more than the network uses
        try:
            longer = self.write("longer.txt", self.merge_list() + b"x y\nz z\n")
            self.assertClip(self.convert(path, "--bpe", longer), "quick_gelu")
        finally:
            vocabulary.MERGES_MAX = most

    def test_installed_package_is_found_but_not_imported(self):
        package = self.path("site/open_clip")
        os.makedirs(package)
        with open(os.path.join(package, "__init__.py"), "w", encoding="utf-8") as file:
            file.write("raise SystemExit('imported')\n")
        with gzip.open(os.path.join(package, "bpe_simple_vocab_16e6.txt.gz"), "wb") as file:
            file.write(self.merge_list())
        path = self.path("clip.pt")
        writers.write_zip(path, writers.state_dict(self.arrays))
        sys.path.insert(0, self.path("site"))
        try:
            self.assertClip(self.convert(path), "quick_gelu")
        finally:
            sys.path.remove(self.path("site"))

    def test_converted_files_can_be_converted_again(self):
        self.convert(self.hub_folder())
        first = self.path("first.safetensors")
        os.rename(self.out, first)
        self.assertClip(self.convert(first), "gelu")
        _arrays, types, _meta = self.convert(first, "--half")
        self.assertEqual((types["visual.proj"], types["tokenizer.merges"]), ("F16", "U8"))

    def test_vocabulary_is_missing(self):
        path = self.path("clip.pt")
        writers.write_zip(path, writers.state_dict(self.arrays))
        os.unlink(self.bpe)
        installed = vocabulary.installed_list
        vocabulary.installed_list = lambda: None
        try:
            self.refused("vocabulary is missing.*--bpe", path)
        finally:
            vocabulary.installed_list = installed
        self.assertNotIn("tokenizer.merges", self.convert(path, "--no-bpe")[0])

    def test_vocabularies_that_do_not_fit(self):
        path = self.path("clip.pt")
        writers.write_zip(path, writers.state_dict(self.arrays))
        for data, message in ((b"#version: 0.2\na b\n", "515 tokens, the network has 520"),
                              (b"a b\n", "no '#version'"), (b"#version\na b\na b c\n", "line 3"),
                              (b"\x1f\x8b\x08\x00rubbish", "gzip"), (b"\xff\xfe", "UTF-8"),
                              (gzip.compress(self.merge_list())[:-10], "gzip")):
            self.refused(message, path, "--bpe", self.write("bad.txt", data))
        self.refused("No such file", path, "--bpe", self.path("none"))
        folder = self.hub_folder()
        with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
            json.dump({"th": 5, "<|startoftext|>": 518, "<|endoftext|>": 519}, file)
        self.refused("token 'th' has number 5", folder)

    def test_models_that_cfedit_cannot_run(self):
        folder = self.hub_folder("tanh", act="gelu_new")
        self.refused("gelu_new", folder)
        self.refused("heads of 16 features in the text tower",
                     self.hub_folder("heads", num_attention_heads=4))
        self.refused("layer_norm_eps", self.hub_folder("eps", layer_norm_eps=1e-6))
        path = self.path("clip.pt")
        writers.write_zip(path, {"visual.layer1.0.conv1.weight": writers.tensor(np.ones(3, np.float32))})
        self.refused("ResNet", path)
        scaled = {**self.arrays, "visual.transformer.resblocks.0.ls_1.gamma": np.ones(64, np.float32)}
        writers.write_zip(path, writers.state_dict(scaled))
        self.refused("ls_1.gamma", path, "--bpe", self.bpe)
        wide = small.clip_arrays(self.rng, layers=1, width=64)
        wide["visual.conv1.weight"] = np.ones((1280, 3, 1, 1), np.float32)
        writers.write_zip(path, writers.state_dict(wide))
        self.refused("heads of 80", path, "--bpe", self.bpe)

    def test_missing_layers(self):
        arrays = dict(self.arrays)
        for name in [n for n in arrays if n.startswith("visual.transformer.resblocks.0.")]:
            del arrays[name]
        path = self.path("clip.pt")
        writers.write_zip(path, writers.state_dict(arrays))
        self.refused("lacks 12 tensors: .*and 4 more", path, "--bpe", self.bpe)
        arrays = dict(self.arrays)
        arrays["ln_final.bias"] = np.ones(63, np.float32)
        writers.write_zip(path, writers.state_dict(arrays))
        self.refused(r"ln_final.bias is \(63\), expected \(64\)", path, "--bpe", self.bpe)

    def test_left_over_names_are_listed(self):
        path = self.path("clip.pt")
        more = {**self.arrays, "logit_bias": np.ones((), np.float32)}
        writers.write_zip(path, writers.state_dict(more))
        self.convert(path, "--bpe", self.bpe, notes="left over, not written: logit_bias")


# ---- StyleGAN2 ----

class TestStyleGAN2(Case):
    def test_rosinality(self):
        arrays = small.stylegan2_arrays(self.rng)
        average = small.normal(self.rng, 8)
        path = self.path("stylegan2.pt")
        for writer in (writers.write_zip, writers.write_old):
            writer(path, {"g_ema": writers.state_dict(arrays), "latent_avg": writers.tensor(average),
                          "g": writers.state_dict({"conv1.conv.weight": np.ones(1, np.float32)}),
                          "args": Call(Name("argparse", "Namespace"), (), {"size": 16}, new=True)})
            got, _types, meta = self.convert(path, "--domain", "church")
            self.assertArrays(got, {**arrays, "latent_avg": average})
            self.assertEqual((meta["kind"], meta["domain"]), ("stylegan2", "church"))

    def test_bare_names_and_decoders(self):
        arrays = small.stylegan2_arrays(self.rng)
        path = self.path("g.pt")
        writers.write_zip(path, writers.state_dict(arrays))
        self.assertArrays(self.convert(path, notes="no latent_avg")[0], arrays)
        average = small.normal(self.rng, 6, 8)
        average[1:] = average[0]
        inside = {"decoder." + n: a for n, a in arrays.items()}
        writers.write_zip(path, {"state_dict": writers.state_dict({**inside, **small.e4e_arrays(self.rng)}),
                                 "latent_avg": writers.tensor(average), "opts": {}})
        self.assertArrays(self.convert(path, "--kind", "stylegan2")[0], {**arrays, "latent_avg": average[0]})

    def test_early_checkpoints_without_noise(self):
        arrays = small.stylegan2_arrays(self.rng)
        bare = {n: a for n, a in arrays.items() if not n.startswith("noises.") and not n.endswith(".kernel")}
        path = self.path("g.pt")
        writers.write_zip(path, {"g_ema": writers.state_dict(bare)})
        got = self.convert(path, notes="no noise buffers")[0]
        self.assertEqual(got["noises.noise_4"].shape, (1, 1, 16, 16))
        self.assertFalse(got["noises.noise_4"].any())

    def test_missing_and_left_over(self):
        arrays = small.stylegan2_arrays(self.rng)
        path = self.path("g.pt")
        for name in ("convs.0.conv.weight", "to_rgbs.1.bias", "style.2.bias", "noises.noise_3",
                     "convs.3.conv.modulation.weight", "input.input"):
            writers.write_zip(path, {"g_ema": writers.state_dict(
                {n: a for n, a in arrays.items() if n != name})})
            self.refused("generator lacks 1 tensor: " + name, path)
        more = {**arrays, "extra.weight": arrays["style.1.bias"]}
        writers.write_zip(path, {"g_ema": writers.state_dict(more)})
        self.convert(path, notes="left over, not written: extra.weight")

    def assertSameImages(self, network, arrays, tolerance=2e-6):
        other = small.Rosinality(arrays)
        z = self.rng.standard_normal(network.width)
        w = network.w(z)
        np.testing.assert_allclose(other.w(z), w, rtol=0, atol=tolerance * np.abs(w).max())
        layers = 2 * len(network.channels)
        ws = self.rng.standard_normal((layers, network.width)) + w
        image = network.image(ws)
        np.testing.assert_allclose(other.image(ws), image, rtol=0, atol=tolerance * np.abs(image).max())

    def nvidia(self, **options):
        return small.Nvidia(self.rng, **options)

    def pickled(self, network, protocol=3, **state):
        path = self.path("network.pkl")
        generator = network.pickled(writers, **state)
        writers.write_pickle(path, {"G": generator, "G_ema": generator, "D": None,
                                    "training_set_kwargs": {"class_name": "ImageFolderDataset"}}, protocol)
        return path

    def test_nvidia_draws_the_same_image(self):
        network = self.nvidia()
        for protocol in (2, 3, 4, 5):
            arrays, _types, meta = self.convert(self.pickled(network, protocol))
            self.assertSameImages(network, arrays)
            np.testing.assert_array_equal(arrays["latent_avg"], network.p["mapping.w_avg"])
        np.testing.assert_array_equal(arrays["convs.1.conv.weight"][0],
                                      network.p["synthesis.b8.conv1.weight"])
        self.assertEqual(meta["kind"], "stylegan2")
        kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
        np.testing.assert_array_equal(arrays["to_rgbs.0.upsample.kernel"], kernel.astype(np.float32))

    def test_nvidia_with_a_lopsided_filter(self):
        """A filter without symmetry shows a flip that the usual one hides."""
        network = self.nvidia(taps=self.rng.uniform(0.1, 1, (4, 4)))
        arrays = self.convert(self.pickled(network))[0]
        self.assertSameImages(network, arrays)
        wrong = {n: a[::-1, ::-1] if n.endswith(".kernel") else a for n, a in arrays.items()}
        with self.assertRaises(AssertionError):
            self.assertSameImages(network, wrong)
        wrong = {n: a[..., ::-1, ::-1] if n == "convs.0.conv.weight" else a for n, a in arrays.items()}
        with self.assertRaises(AssertionError):
            self.assertSameImages(network, wrong)

    def test_nvidia_with_another_learning_rate(self):
        network = self.nvidia(lr=0.05)
        arrays = self.convert(self.pickled(network))[0]
        self.assertSameImages(network, arrays)
        np.testing.assert_allclose(arrays["style.1.weight"], 5 * network.p["mapping.fc0.weight"], rtol=1e-6)

    def test_nvidia_without_noise(self):
        network = self.nvidia(noise=False)
        self.assertSameImages(network, self.convert(self.pickled(network))[0])

    def test_nvidia_names_in_a_state_dict(self):
        network = self.nvidia()
        names = dict(network.p)
        for level in range(3):
            for part in ("", "conv1.", "conv0."):
                if level or part != "conv0.":
                    names["synthesis.b%d.%sresample_filter" % (4 << level, part)] = network.f
        path = self.path("G.pt")
        writers.write_zip(path, writers.state_dict(names))
        status, _out, err = self.run_tool(path, "-o", self.out)
        self.assertEqual((status, err), (0, ""))
        self.assertSameImages(network, writers.read_safetensors(self.out)[0])

    def test_nvidia_what_is_refused_or_noted(self):
        network = self.nvidia()
        self.refused("architecture 'resnet'", self.pickled(network, architecture="resnet"))
        self.refused("activation 'relu'", self.pickled(network, activation="relu"))
        self.convert(self.pickled(network, conv_clamp=256), notes="clamped at 256")
        network.p["mapping.embed.weight"] = np.ones((8, 3), np.float32)
        writers.write_zip(self.path("c.pt"), writers.state_dict(network.p))
        self.refused("class labels", self.path("c.pt"))
        del network.p["mapping.embed.weight"], network.p["synthesis.b8.conv1.bias"]
        writers.write_zip(self.path("c.pt"), writers.state_dict(network.p))
        self.refused("lacks 1 tensor: convs.1.activate.bias", self.path("c.pt"))

    def test_nvidia_truncated(self):
        path = self.pickled(self.nvidia())
        with open(path, "rb") as file:
            data = file.read()
        self.refused("truncated", self.write("cut.pkl", data[:len(data) // 2]))

    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_cfedit_draws_the_image_of_nvidias_network(self):
        network = self.nvidia(channels=(16, 12, 8, 8), width=16,
                              taps=self.rng.uniform(0.1, 1, (4, 4)))
        self.convert(self.pickled(network))
        ws = self.rng.standard_normal((2, 8, 16)).astype(np.float32)
        writers.write_safetensors(self.path("w.safetensors"), {"latents": ws})
        subprocess.run([PROGRAM, "generate", "--generator", self.out, "--threads", "1", "--quiet",
                        "--latents", self.path("w.safetensors"), "--dump", self.path("d.safetensors"),
                        "-o", self.path("png")], check=True, cwd=self.folder, stdout=subprocess.DEVNULL)
        image = writers.read_safetensors(self.path("d.safetensors"))[0]["image"]
        for i in range(2):
            wanted = network.image(ws[i].astype(np.float64))
            np.testing.assert_allclose(image[i], wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


# ---- the other networks ----

class TestNetworks(Case):
    OPTIONS = {"description": "green lipstick", "source_text": "face", "w_space": False, "lr": 0.5,
               "no_fine_mapper": True, "batch_size": 2, "checkpoint_path": None, "steps": [1, 2]}

    def checkpoint(self, arrays, opts=None, **more):
        path = self.path("model.pt")
        writers.write_zip(path, {"state_dict": writers.state_dict(arrays),
                                 "opts": self.OPTIONS if opts is None else opts, **more})
        return path

    def test_mapper(self):
        arrays = small.mapper_arrays(self.rng, levels=("course", "medium"))
        decoder = {"decoder." + n: a for n, a in small.stylegan2_arrays(self.rng).items()}
        path = self.checkpoint({**arrays, **decoder})
        got, _types, meta = self.convert(path, notes="--with-decoder")
        self.assertArrays(got, arrays)
        for key, value in (("kind", "mapper"), ("description", "green lipstick"), ("source_text", "face"),
                           ("w_space", "false"), ("no_fine_mapper", "true"), ("lr", "0.5"),
                           ("batch_size", "2"), ("steps", "1,2")):
            self.assertEqual(meta[key], value)
        self.assertNotIn("checkpoint_path", meta)
        self.assertArrays(self.convert(path, "--with-decoder")[0], {**arrays, **decoder})

    def test_mapper_options_as_a_namespace(self):
        arrays = small.mapper_arrays(self.rng)
        path = self.path("model.pt")
        space = Call(Name("argparse", "Namespace"), (), {"description": "a\nb", "device": Call(
            Name("torch", "device"), ("cuda", 0)), "exp_dir": Call(Name("pathlib", "PosixPath"), ("/", "a"))},
            new=True)
        writers.write_zip(path, {"state_dict": writers.state_dict(arrays), "opts": space})
        meta = self.convert(path)[2]
        self.assertEqual((meta["description"], meta["device"], meta["exp_dir"]), ("a\nb", "cuda:0", "/a"))

    def test_mapper_with_missing_layers(self):
        arrays = small.mapper_arrays(self.rng)
        for name in ("mapper.fc.bias", "text_mapper.mapper_1.mapping.3.weight",
                     "mapper.medium_mapping.mapping.1.weight"):
            self.refused("lacks 1 tensor: " + name,
                         self.checkpoint({n: a for n, a in arrays.items() if n != name}))
        bare = {n: a for n, a in arrays.items() if "fine" not in n}
        self.refused("lacks 8 tensors: mapper.fine", self.checkpoint(bare, {"no_fine_mapper": False}))

    def test_styleclip_mapper(self):
        arrays = small.mapper_arrays(self.rng, text=False)
        self.assertArrays(self.convert(self.checkpoint(arrays), notes="not apply")[0], arrays)
        space = {"mapper.mapper_0.mapping.1.weight": np.ones((8, 8), np.float32)}
        self.refused("StyleSpace", self.checkpoint(space))

    def test_single_mapper(self):
        arrays = {n.replace("course_mapping", "mapping"): a for n, a in
                  small.mapper_arrays(self.rng, levels=("course",)).items()}
        self.assertArrays(self.convert(self.checkpoint(arrays))[0], arrays)

    def test_irse50(self):
        arrays = small.irse50_arrays(self.rng)
        path = self.path("model_ir_se50.pth")
        writers.write_old(path, writers.state_dict(arrays))
        got, types, meta = self.convert(path)
        self.assertArrays(got, arrays)
        self.assertEqual((meta["kind"], types["input_layer.1.num_batches_tracked"]), ("irse50", "I64"))
        del arrays["body.1.shortcut_layer.1.running_var"]
        writers.write_old(path, writers.state_dict(arrays))
        self.refused("lacks 1 tensor: body.1.shortcut_layer.1.running_var", path)

    def test_vgg19(self):
        arrays = small.vgg_arrays(self.rng)
        path = self.path("vgg19_conv.pth")
        writers.write_old(path, writers.state_dict(arrays))
        got, _types, meta = self.convert(path)
        self.assertArrays(got, arrays)
        self.assertEqual(meta["kind"], "vgg19")

    def test_e4e(self):
        arrays = small.e4e_arrays(self.rng)
        average = small.normal(self.rng, 4, 8)
        decoder = {"decoder." + n: a for n, a in small.stylegan2_arrays(self.rng).items()}
        path = self.checkpoint({**arrays, **decoder}, {"stylegan_size": 1024, "start_from_latent_avg": True},
                               latent_avg=writers.tensor(average))
        got, _types, meta = self.convert(path)
        self.assertArrays(got, {**arrays, "latent_avg": average})
        self.assertEqual((meta["kind"], meta["stylegan_size"], meta["start_from_latent_avg"]),
                         ("e4e", "1024", "true"))
        self.assertArrays(self.convert(path, "--with-decoder")[0],
                          {**arrays, **decoder, "latent_avg": average})
        self.convert(self.checkpoint(arrays), notes="no latent_avg")
        del arrays["encoder.styles.2.convs.2.bias"]
        self.refused("encoder.styles.2.convs.2.bias", self.checkpoint(arrays))

    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_cfedit_knows_what_was_converted(self):
        for arrays, kind, word, opts in (
                (small.stylegan2_arrays(self.rng), "stylegan2", "generator", {}),
                (small.mapper_arrays(self.rng), "mapper", "mapper", self.OPTIONS),
                (small.e4e_arrays(self.rng), "e4e", "encoder", {}),
                (small.vgg_arrays(self.rng), "vgg19", "vgg", {})):
            self.convert(self.checkpoint(arrays, opts), "--kind", kind)
            text = subprocess.run([PROGRAM, "info", "--json", self.out], check=True,
                                  stdout=subprocess.PIPE).stdout
            facts = json.loads(text)[0]
            self.assertEqual((facts["kind"], facts["complete"]), (word, True), facts["missing"])
            self.assertEqual(facts["metadata"]["kind"], kind)


class TestLatents(Case):
    def test_shapes_and_files(self):
        w = small.normal(self.rng, 3, 512)
        plus = small.normal(self.rng, 2, 6, 512)
        for array, wanted in ((w, w), (plus, plus), (w[0], w[:1]), (plus[:, None], plus)):
            self.assertArrays({"a": self.latents(writers.tensor(array))}, {"a": wanted})
            np.save(self.path("l.npy"), array)
            self.assertArrays({"a": self.convert(self.path("l.npy"))[0]["latents"]}, {"a": wanted})
        np.save(self.path("f.npy"), np.asfortranarray(plus.astype(">f8")))
        np.testing.assert_array_equal(self.convert(self.path("f.npy"))[0]["latents"], plus)
        writers.write_pickle(self.path("l.pkl"), writers.numpy_array(plus))
        np.testing.assert_array_equal(self.convert(self.path("l.pkl"))[0]["latents"], plus)
        np.testing.assert_array_equal(self.latents({"latents": writers.tensor(plus)}), plus)
        for rows, wanted in (([w[0], w[1]], w[:2]), ([w[:1], w[1:2]], w[:2]), ([plus[0], plus[1]], plus),
                             ([plus[:1], plus[1:]], plus)):
            np.testing.assert_array_equal(self.latents([writers.tensor(r) for r in rows]), wanted)

    def test_several_files_follow_one_another(self):
        parts = [small.normal(self.rng, n, 512) for n in (2, 1)]
        np.save(self.path("a.npy"), parts[0])
        writers.write_zip(self.path("b.pt"), writers.tensor(parts[1]))
        got = self.convert(self.path("a.npy"), self.path("b.pt"))[0]["latents"]
        np.testing.assert_array_equal(got, np.concatenate(parts))

    def test_nan_is_refused(self):
        for value in (np.nan, np.inf, -np.inf):
            for kind in ("f4", "f2", "f8"):
                a = np.zeros((4, 512), kind)
                a[3, 511] = value
                writers.write_zip(self.path("l.pt"), writers.tensor(a))
                self.refused("latents holds NaN or infinity", self.path("l.pt"))
        bits = np.zeros((1, 512), np.uint16)
        bits[0, 0] = 0x7FC0
        writers.write_zip(self.path("l.pt"), writers.tensor(bits, "bf16"))
        self.refused("NaN", self.path("l.pt"))

    def test_what_is_no_latent(self):
        for array, message in ((np.zeros((4, 7), np.float32), r"\(4, 7\).*--kind latents"),
                               (np.zeros((4, 512), np.int64), "I64"),
                               (np.zeros((1, 2, 3, 512), np.float32), "shape"),
                               (np.zeros((0, 512), np.float32), "no latent")):
            np.save(self.path("l.npy"), array)
            self.refused(message, self.path("l.npy"))
        np.save(self.path("l.npy"), np.zeros((4, 7), np.float32))
        self.assertEqual(self.convert(self.path("l.npy"), "--kind", "latents")[0]["latents"].shape, (4, 7))


# ---- files, options, results ----

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


# ---- files that PyTorch writes ----

@unittest.skipIf(torch is None, "PyTorch is not installed")
class TestPyTorch(Case):
    def save(self, obj, **options):
        torch.save(obj, self.path("t.pt"), **options)
        return self.path("t.pt")

    def each_format(self, obj):
        for zipped in (True, False):
            with self.subTest(zip=zipped):
                yield self.save(obj, _use_new_zipfile_serialization=zipped)

    def test_types(self):
        t = torch.randn(3, 512)
        for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
            for path in self.each_format(t.to(dtype)):
                got, types, _meta = self.convert(path)
                if dtype == torch.bfloat16:
                    self.assertEqual(types["latents"], "BF16")
                    wanted = t.to(dtype).view(torch.int16).numpy().view(np.uint16)
                else:
                    wanted = t.to(dtype).numpy()
                np.testing.assert_array_equal(got["latents"], wanted.astype(got["latents"].dtype))

    def test_views(self):
        base = torch.randn(6, 4, 512)
        for t in (base.transpose(0, 1), base[1:5:2], base[:, 2], base[0, 1].expand(3, 512),
                  torch.randn(512, 3).t()):
            for path in self.each_format(t):
                np.testing.assert_array_equal(self.convert(path)[0]["latents"], t.numpy())

    def test_shared_storage_and_parameters(self):
        base = torch.randn(4, 512)
        for path in self.each_format([base[None, 1:3], torch.nn.Parameter(base[None, :2])]):
            np.testing.assert_array_equal(self.convert(path)[0]["latents"],
                                          torch.stack([base[1:3], base[:2]]).numpy())

    def test_state_dicts(self):
        arrays = small.irse50_arrays(self.rng)
        state = collections.OrderedDict((n, torch.from_numpy(np.array(a))) for n, a in arrays.items())
        for path in self.each_format(state):
            self.assertArrays(self.convert(path)[0], arrays)

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                cin = 3
                for stage, n in enumerate((2, 2, 4, 4, 4), 1):
                    for i in range(1, n + 1):
                        setattr(self, "conv%d_%d" % (stage, i), torch.nn.Conv2d(cin, 4, 3))
                        cin = 4

        net = Net()
        wanted = {n: t.numpy() for n, t in net.state_dict().items()}
        for path in self.each_format(net.state_dict()):
            self.assertArrays(self.convert(path)[0], wanted)

    def test_a_training_checkpoint(self):
        arrays = small.mapper_arrays(self.rng)
        net = torch.nn.Linear(2, 2)
        optimizer = torch.optim.Adam(net.parameters())
        net(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        import argparse
        obj = {"state_dict": {n: torch.from_numpy(a) for n, a in arrays.items()},
               "opts": vars(argparse.Namespace(description="green lipstick", device=torch.device("cpu"))),
               "optimizer": optimizer.state_dict(), "size": torch.Size([3]), "dtype": torch.float16}
        for path in self.each_format(obj):
            got, _types, meta = self.convert(path)
            self.assertArrays(got, arrays)
            self.assertEqual((meta["description"], meta["device"]), ("green lipstick", "cpu"))

    def test_torchscript(self):
        arrays = small.clip_arrays(self.rng, layers=1)

        class Node(torch.nn.Module):
            pass

        root = Node()
        for name, a in arrays.items():
            node = root
            *parents, last = name.split(".")
            for part in parents:
                if part not in dict(node.named_children()):
                    node.add_module(part, Node())
                node = dict(node.named_children())[part]
            node.register_parameter(last, torch.nn.Parameter(torch.from_numpy(np.array(a))))
        root.register_buffer("input_resolution", torch.tensor(8))
        torch.jit.script(root).save(self.path("ViT.pt"))
        got, _types, meta = self.convert(self.path("ViT.pt"), "--no-bpe")
        self.assertArrays(got, arrays)
        self.assertEqual(meta["activation"], "quick_gelu")

    def test_plain_pickles(self):
        """As NVIDIA's: tensors in a pickle of the standard library."""
        t = torch.randn(3, 6, 512)
        for protocol in (2, 3, 4, 5):
            with open(self.path("t.pkl"), "wb") as file:
                pickle.dump({"latents": t[1:]}, file, protocol)
            np.testing.assert_array_equal(self.convert(self.path("t.pkl"))[0]["latents"], t[1:].numpy())
            with open(self.path("n.pkl"), "wb") as file:
                pickle.dump(t.numpy()[1:], file, protocol)
            np.testing.assert_array_equal(self.convert(self.path("n.pkl"))[0]["latents"], t[1:].numpy())

    def test_whole_modules_are_refused(self):
        self.refused("torch.nn.modules.linear.Linear", self.save(torch.nn.Linear(2, 2)))

    def test_the_restatements_agree_with_pytorch(self):
        """The doubling layer and the skip of both restated networks, by PyTorch's own operations."""
        import torch.nn.functional as F
        rng = self.rng
        x, w = small.normal(rng, 5, 4, 4), small.normal(rng, 6, 5, 3, 3)
        f = torch.rand(4, 4)
        net = small.Rosinality({"l.conv.weight": w[None], "l.conv.modulation.weight": np.zeros((5, 2)),
                                "l.conv.modulation.bias": np.ones(5), "l.conv.blur.kernel": f.numpy(),
                                "l.noise.weight": np.zeros(1), "noises.noise_0": np.zeros((1, 1, 8, 8)),
                                "l.activate.bias": np.zeros(6)})
        tw = torch.from_numpy(w).double() / np.sqrt(45)
        tw = tw * torch.rsqrt(tw.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        y = F.conv_transpose2d(torch.from_numpy(x)[None].double(), tw.transpose(0, 1), stride=2)
        kernel = f.double().flip([0, 1])[None, None].repeat(6, 1, 1, 1)
        y = F.conv2d(F.pad(y, [1, 1, 1, 1]), kernel, groups=6)
        y = F.leaky_relu(y, 0.2) * 2 ** 0.5
        np.testing.assert_allclose(net.styled("l", x, np.zeros(2), 0), y[0].numpy(), atol=1e-9)


if __name__ == "__main__":
    unittest.main()
