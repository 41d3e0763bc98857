"""Pickles that want to do something: nothing in them is run."""

import io
import os
import pickle
import struct

import numpy as np

from case import Case
import writers
from writers import Call, Name, Raw


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

        self.refused("'os.system'|opcode", self.write("bad.pkl", b"\x80\x02(cos\nsystem\no."))

    def test_dotted_names(self):
        """From protocol 4 on, a name may walk through attributes."""
        for module, name in (("torch", "_utils.__dict"), ("torch", "hub.load"), ("some", "Class.__init__"),
                             ("torch", "Tensor.__class__.__base__")):
            path = self.path("bad.pkl")
            writers.write_pickle(path, [Name(module, name)], 4)
            self.refused("'%s.%s'" % (module, name), path)

    def test_values_that_are_no_tensors(self):
        for value in (None, 5, "text", [], {}, float("nan")):
            writers.write_pickle(self.path("x.pkl"), {"latents": value, "visual.conv1.weight": value})
            self.refused("holds no tensors by name", self.path("x.pkl"))

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
