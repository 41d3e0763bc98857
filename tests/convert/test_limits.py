"""Small files that ask for much: each is refused in one line, in a moment, with little memory.

The tricks are those of the "billion laughs" family: an object that holds another one twice, which
holds another one twice, and so on, is as small as its depth in a file and doubles with each level
when something takes it apart.
"""

import gzip
import io
import pickle
import struct
import zipfile

import numpy as np

from case import Case, cheaply
import networks_small as small
import writers
from writers import Call, Name, Raw

LEVELS = 40      # doubling forty times makes a million million
BIG = 100 << 20  # bytes that a small archive may not unpack to


def put(index):
    return b"r" + struct.pack("<I", index)


def get(index):
    return b"j" + struct.pack("<I", index)


def text(word):
    data = word.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def data(content):
    return b"B" + struct.pack("<I", len(content)) + content


def name(module, word):
    return ("c%s\n%s\n" % (module, word)).encode()


FIRST = 100000  # in the memo, behind all that a pickler puts there


def laughs():
    """Opcodes that leave one list on the stack: it holds a list twice, which holds a list twice,
    LEVELS deep."""
    out = b"]" + put(FIRST) + b"0"
    for i in range(FIRST, FIRST + LEVELS):
        out += b"]" + (get(i) + b"a") * 2 + put(i + 1) + b"0"
    return out + TOP


TOP = get(FIRST + LEVELS)


class TestLimits(Case):
    def stream(self, body, file="x.pkl"):
        return self.write(file, b"\x80\x02" + body + b".")

    def test_texts_that_double(self):
        """Names of devices and paths, each made of the one before, twice."""
        for module, word in (("torch", "device"), ("pathlib", "PosixPath"), ("pathlib", "PureWindowsPath")):
            body = text("a" * 1000) + put(0)
            for i in range(LEVELS):
                body += name(module, word) + get(i) + get(i) + b"\x86R" + put(i + 1)
            self.refused_cheaply("path or device", self.stream(body))

    def test_paths_of_many_parts(self):
        body = text("a" * 1000) + put(0) + b"(" + get(0) * 2000 + b"t" + put(1)
        body += b"".join(name("pathlib", "Path") + get(1) + b"R" for _ in range(300))
        self.refused_cheaply("path or device", self.stream(body))

    def test_lists_that_double_are_never_turned_to_text(self):
        """Where a text is expected, in each of the places that show it in a message or keep it."""
        made = laughs() + b"0"
        persistent = name("torch_utils.persistence", "_reconstruct_persistent_obj")
        for body in (name("numpy", "dtype") + TOP + b"\x89\x88\x87R",
                     persistent + b"}" + text("class_name") + TOP + b"s\x85R",
                     name("torch", "device") + TOP + b"\x85R", name("pathlib", "Path") + TOP + b"\x85R",
                     TOP + name("torch", "device") + b"\x93", TOP, b"}" + text("latents") + TOP + b"s",
                     name("collections", "OrderedDict") + TOP + b"\x85R",
                     name("copyreg", "_reconstructor") + TOP + b"NN\x87R"):
            self.refused_cheaply("x.pkl: ", self.stream(made + body))

    def test_lists_that_double_as_names_of_storages(self):
        for pid in (TOP, TOP + b"\x85", text("storage") + TOP + b"NNNt",
                    text("storage") + name("torch", "FloatStorage") + TOP + text("cpu") + b"K\x01t"):
            body = laughs() + b"0" + (b"(" if pid.endswith(b"t") else b"") + pid + b"Q"
            writers.write_zip(self.path("x.pt"), Raw(body))
            self.refused_cheaply("storage|refers to", self.path("x.pt"))
        old = io.BytesIO()
        for part in (writers.MAGIC, writers.VERSION, {}, {}):
            pickle.dump(part, old, 2)
        self.refused_cheaply("storage", self.write("x.pt", old.getvalue() + b"\x80\x02" + laughs() + b"."))

    def test_lists_that_double_in_options(self):
        options = Raw(b"}" + text("lr") + laughs() + b"s" + text("steps") + b"(K\x01K\x02t" + b"s")
        arrays = small.mapper_arrays(self.rng)
        writers.write_zip(self.path("m.pt"), {"opts": options, "state_dict": writers.state_dict(arrays)})
        with cheaply():
            got, _types, meta = self.convert(self.path("m.pt"))
        self.assertArrays(got, arrays)
        self.assertEqual((meta["steps"], "lr" in meta), ("1,2", False))

    def test_lists_that_double_in_nvidias_attributes(self):
        """Activation and architecture are shown in messages."""
        network = small.Nvidia(self.rng)
        for options in ({"activation": Raw(laughs())}, {"architecture": Raw(laughs())}):
            writers.write_pickle(self.path("n.pkl"), {"G_ema": network.pickled(writers, **options)})
            self.refused_cheaply("(activation|architecture) 'a list'", self.path("n.pkl"))

    def test_texts_that_are_copied_again_and_again(self):
        """The items of a text of ten million letters, three hundred times; and of a long list."""
        body = text("b" * 1000000) + put(0) + b"]"
        for word in ("set", "list", "frozenset", "tuple"):
            body += (name("builtins", word) + get(0) + b"\x85Ra") * 300
        self.refused_cheaply("a list expected", self.stream(body))
        for word in ("set", "list"):
            body = b"(" + b"N" * 10000 + b"l" + put(0) + b"]" + (name("builtins", word) + get(0) + b"\x85Ra") * 300
            self.refused_cheaply("takes more (work|memory) than weights", self.stream(body))
        body = b"}(" + b"".join(b"M" + struct.pack("<H", i) + b"N" for i in range(10000)) + b"u" + put(0)
        self.refused_cheaply("takes more (work|memory)", self.stream(
            body + (name("collections", "OrderedDict") + get(0) + b"\x85R") * 300))
        body += b"0" + name("argparse", "Namespace") + b")\x81" + (get(0) + b"b") * 300
        self.refused_cheaply("takes more (work|memory)", self.stream(body))

    def test_texts_that_are_encoded_again_and_again(self):
        for encode in (name("_codecs", "encode") + get(0) + text("latin1") + b"\x86R0",
                       name("torch.storage", "_load_from_bytes") + get(0) + b"\x85R0"):
            letters = "\x80\x02N." + "b" * 1000000
            self.refused_cheaply("takes more memory", self.stream(text(letters) + put(0) + b"0" + encode * 300))

    def test_archives_of_texts(self):
        """A deflated stream is larger than the file it comes in; the limits follow the file."""
        with zipfile.ZipFile(self.path("x.pt"), "w", zipfile.ZIP_DEFLATED) as z:
            body = text("b" * 10000000) + put(0) + b"0" + (name("_codecs", "encode") + get(0) + b"\x85R0") * 20
            z.writestr("archive/data.pkl", b"\x80\x02" + body + b"N.")
        self.refused_cheaply("takes more memory", self.path("x.pt"))

    def test_keys_that_take_for_ever_to_hash(self):
        """A tuple of two hundred tuples of two hundred tuples ...: such keys are not taken
        apart."""
        body = b"(" + b"N" * 200 + b"t" + put(0)
        for i in range(LEVELS):
            body += b"(" + get(i) * 200 + b"t" + put(i + 1)
        key = get(LEVELS)
        for tail in (b"}" + key + b"Ns", name("collections", "OrderedDict") + b"]" + key + b"N\x86a\x85R",
                     b"}(" + key + b"N" + key + b"Nu"):
            self.refused_cheaply("holds no tensors", self.stream(body + tail))

    def test_keys_with_equal_hashes(self):
        """Multiples of 2^61 - 1 all have the hash 0: a dictionary of them takes a time that grows
        with the square."""
        body = b"}("
        for i in range(1, 60000):
            number = (i * ((1 << 61) - 1)).to_bytes(12, "little")
            body += b"\x8a\x0c" + number + b"N"
        self.refused_cheaply("holds no tensors", self.stream(body + b"u"))

    def test_files_within_files(self):
        """Bytes that hold a pickle which loads such bytes twice."""
        load = name("torch.storage", "_load_from_bytes")
        inner = b"\x80\x02N."
        for _ in range(LEVELS):
            inner = b"\x80\x02" + data(inner) + put(0) + b"0" + (load + get(0) + b"\x85R") * 2 + b"0."
        self.refused_cheaply("a file within a file within a file", self.write("x.pkl", inner))
        deep = b"\x80\x02N."
        for _ in range(2000):
            deep = b"\x80\x02" + data(deep) + put(0) + b"0" + load + get(0) + b"\x85R."
        self.refused_cheaply("a file within a file within a file", self.write("x.pkl", deep))
        many = data(b"\x80\x02N." + b" " * 70000) + put(0) + b"0" + (load + get(0) + b"\x85R0") * 3000
        self.refused_cheaply("takes more work", self.stream(many + b"N"))

    def test_long_names(self):
        self.refused_cheaply("damaged", self.stream(text("m" * 1000000) + put(0) + b"0" +
                                                    (get(0) + text("X") + b"\x930") * 1000 + b"N"))
        self.refused_cheaply("damaged", self.stream(b"c" + b"m" * 1000000 + b"\nX\n"))

    def test_long_paths_of_tensors(self):
        """Nested dictionaries share a long key; the names of tensors join all keys on the way."""
        levels = {"x": writers.tensor(np.ones(3, np.float32))}
        for _ in range(60):
            levels = {"k" * 400: levels}
        writers.write_zip(self.path("x.pt"), levels)
        self.refused_cheaply("a tensor name of 8", self.path("x.pt"))

    def test_modules_that_hold_themselves(self):
        loop = Raw(name("__torch__", "M") + b")\x81" + put(FIRST) + b"}" + text("_modules") + b"}" + text("m") +
                   get(FIRST) + b"ss" + b"b")
        generator = small.Nvidia(self.rng).pickled(writers)
        generator.args[0]["state"]["_modules"]["loop"] = loop
        writers.write_pickle(self.path("x.pkl"), {"G_ema": generator})
        with cheaply():
            self.assertEqual(self.convert(self.path("x.pkl"))[2]["kind"], "stylegan2")
        self.refused_cheaply("holds no tensors", self.stream(b"}" + put(0) + text("x") + get(0) + b"s"))

    def test_groups_of_modules_that_are_no_dictionaries(self):
        for group in ("_modules", "_buffers"):
            state = {"_parameters": {}, "_buffers": {}, "_modules": {}, group: [1, 2]}
            writers.write_pickle(self.path("x.pkl"), {"G_ema": Call(
                Name("torch_utils.persistence", "_reconstruct_persistent_obj"),
                ({"class_name": "G", "state": state},))})
            self.refused("holds no tensors", self.path("x.pkl"))

    def test_archives_that_unpack_to_gigabytes(self):
        zeros = bytes(1 << 20)
        for entry in ("byteorder", "data.pkl", "data/0"):
            with zipfile.ZipFile(self.path("x.pt"), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
                if entry != "data.pkl":
                    stream = io.BytesIO()
                    writers.Pickler(stream, 2).dump({"latents": writers.tensor(np.zeros((2, 512), np.float32))})
                    z.writestr("archive/data.pkl", stream.getvalue())
                with z.open("archive/" + entry, "w", force_zip64=True) as file:
                    for _ in range(BIG // len(zeros)):
                        file.write(zeros)
            self.refused_cheaply("unpacks to more data", self.path("x.pt"))

    def test_archives_of_many_entries(self):
        """A directory of empty entries, of which zipfile makes ten times as much in memory."""
        with zipfile.ZipFile(self.path("x.pt"), "w") as z:
            z.writestr("data.pkl", b"\x80\x02N.")
        with open(self.path("x.pt"), "rb") as file:
            content = file.read()
        first, last = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
        entry, count = content[first:last], (17 << 20) // (last - first)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xffff, 0xffff, count * len(entry), first, 0)
        self.refused_cheaply("truncated or damaged", self.write("x.pt", content[:first] + entry * count + end))

    def test_headers_of_many_values(self):
        header = b'{"a":[' + b"[]," * 5000000 + b"1]}"
        self.refused_cheaply("more than 1048576 values", self.write(
            "x.safetensors", struct.pack("<Q", len(header)) + header))

    def test_merge_lists_that_unpack_to_much(self):
        arrays = small.clip_arrays(self.rng)
        writers.write_zip(self.path("c.pt"), writers.script_tree(arrays), script=True)
        for content, message in ((b"#version" + b"\n" * 30000000, "514 tokens, the network has 520"),
                                 (b"#version" + b"\na b" * 8000000, "tokens, the network has 520"),
                                 (b"#version\n" + b"a " * 15000000, "line 2 is no merge"),
                                 (bytes(80000000), "too large")):
            packed = self.write("list.gz", gzip.compress(content, 1))
            self.refused_cheaply(message, self.path("c.pt"), "--bpe", packed)

    def test_entries_that_unpack_to_more_than_they_tell(self):
        writers.write_zip(self.path("x.pt"), writers.tensor(np.zeros((20000, 512), np.float32)),
                          compression=zipfile.ZIP_DEFLATED)
        with open(self.path("x.pt"), "rb") as file:
            content = file.read()
        told, less = struct.pack("<I", 20000 * 512 * 4), struct.pack("<I", 2048)
        self.assertIn(told, content)
        self.refused_cheaply("shorter|damaged", self.write("y.pt", content.replace(told, less)))

    def test_one_tensor_a_million_times(self):
        """A list that names the same latents again and again would fill the disk."""
        t = writers.tensor(np.zeros((64, 4, 512), np.float32))
        writers.write_zip(self.path("x.pt"), [t] * 2000)
        self.refused_cheaply("result would take .* bytes", self.path("x.pt"))

    def test_numbers_of_layers_that_are_no_numbers_of_layers(self):
        """A name with a large number in it does not make a table of that length."""
        one = writers.tensor(np.ones((4, 3, 3, 3), np.float32))
        wide = writers.tensor(np.ones((64, 64, 3, 3), np.float32))
        for names in (("visual.conv1.weight", "visual.transformer.resblocks.9999.ln_1.weight"),
                      ("vision_model.embeddings.patch_embedding.weight",
                       "vision_model.encoder.layers.9999.self_attn.q_proj.weight"),
                      ("mapper.fc.weight", "text_mapper.mapper_99999999999.mapping.1.weight"),
                      ("input_layer.0.weight", "body.9999.res_layer.1.weight"),
                      ("conv1.conv.weight", "convs.9999.conv.weight", "style.9999.weight", "to_rgbs.9999.bias"),
                      ["encoder.input_layer.0.weight"] + ["encoder.styles.%d.convs.9998.weight" % i
                                                          for i in range(0, 9999, 10)]):
            writers.write_zip(self.path("x.pt"), {n: wide if "vis" in n else one for n in names})
            self.refused_cheaply("lacks [0-9]+ tensors|more than 1024 pixels", self.path("x.pt"))

    def test_sizes_that_numpy_cannot_hold(self):
        """An axis of size 0 hides a product that overflows."""
        for shape in ((0, 10 ** 30), (1, 0, 1 << 62), (1 << 63,)):
            header = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (shape,)
            content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
            self.refused_cheaply("x.npy: ", self.write("x.npy", content), "--kind", "latents")
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % ("1," * 120)
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(4)
        self.refused_cheaply("x.npy: ", self.write("x.npy", content))

    def test_names_that_are_no_text(self):
        t = writers.tensor(np.ones((2, 2), np.float32))
        for word in ("\ud800", "a\0b"):
            writers.write_zip(self.path("x.pt"), {"visual": {word: t}})
            self.refused("no text", self.path("x.pt"))

    def test_empty_tensors(self):
        arrays = small.vgg_arrays(self.rng)
        arrays["conv1_1.weight"], arrays["conv1_1.bias"] = np.ones((0, 3, 3, 3), np.float32), np.ones(0, np.float32)
        arrays["conv1_2.weight"] = np.ones((4, 0, 3, 3), np.float32)
        writers.write_zip(self.path("x.pt"), writers.state_dict(arrays))
        self.refused("conv1_1.weight is .* no numbers", self.path("x.pt"))
        generator = small.stylegan2_arrays(self.rng)
        writers.write_zip(self.path("x.pt"), {"g_ema": writers.state_dict(generator),
                                              "latent_avg": writers.tensor(np.ones((0, 8), np.float32))})
        self.refused(r"latent_avg is \(0, 8\)", self.path("x.pt"))
        writers.write_zip(self.path("x.pt"), {
            "text_model.encoder.layers.0.self_attn.%s_proj.bias" % x: writers.tensor(np.ones((), np.float32))
            for x in "qkv"})
        self.refused("cannot be joined", self.path("x.pt"))
