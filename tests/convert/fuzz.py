"""Throws damaged and invented files at the converter.

    python3 tests/convert/fuzz.py SECONDS [SEED]

Whatever a file holds, the converter must end with a result or with one line, quickly and with
little memory, and never with an internal error. The inputs are small files of every kind with
damage (bytes changed, cut, doubled; in archives, the pickle inside), networks with wrong shapes,
types and names, safetensors headers with wrong values, and pickles of random opcodes around the
names that the converter knows. A finding is written to the current folder as fuzz-SEED-NUMBER.
"""

import contextlib
import io
import json
import os
import random
import struct
import sys
import tempfile
import time
import zipfile

import numpy as np

import case  # noqa: F401  (sets the path of the converter)
import networks_small as small
import writers

from convert_pt import builders, cli

KINDS = ("auto", "clip", "stylegan2", "mapper", "irse50", "vgg19", "mtcnn", "encoder", "latents")
WORDS = ("", "a", "storage", "state_dict", "latents", "opts", "G_ema", "_modules", "_parameters", "visual.conv1.weight",
         "encoder.input_layer.0.weight", "text_model.x", "synthesis.b4.const", "latent_avg", "latin1", "cpu", "0", "<f4", "f4",
         "O", "epoch", "model", "activation", "\ud800", "x" * 300)
SMALL = (0, 1, 2, 3, 4, 64, 255, 512, -1)


# ---- inputs ----

def networks():
    """The arrays of a small network of each kind."""
    rng = np.random.default_rng(3)
    clip = small.clip_arrays(rng, layers=1)
    return {"clip": clip, "hub": small.hugging_face_arrays(clip), "generator": small.stylegan2_arrays(rng),
            "nvidia": small.Nvidia(rng).p, "mapper": small.mapper_arrays(rng), "irse": small.irse50_arrays(rng),
            "e4e": small.e4e_arrays(rng), "vgg": small.vgg_arrays(rng),
            "latents": {"latents": small.normal(rng, 2, 3, 512)}}


def corpus(folder, trees):
    """Small files of every kind, as bytes."""
    rng = np.random.default_rng(3)
    out = []

    def keep(writer, obj, **options):
        path = os.path.join(folder, "x")
        writer(path, obj, **options)
        with open(path, "rb") as file:
            out.append(file.read())

    for arrays in trees.values():
        state = writers.state_dict(arrays)
        keep(writers.write_zip, {"state_dict": state, "opts": {"lr": 0.5, "size": [1, 2]}})
        keep(writers.write_zip, state, compression=zipfile.ZIP_DEFLATED, order="big")
        keep(writers.write_old, state)
        keep(writers.write_safetensors, arrays, metadata={"activation": "gelu"})
    keep(writers.write_zip, writers.script_tree(trees["clip"]), script=True)
    keep(writers.write_pickle, {"G_ema": small.Nvidia(rng).pickled(writers)})
    keep(writers.write_pickle, writers.numpy_array(small.normal(rng, 2, 512)), protocol=4)
    keep(lambda path, a: np.save(open(path, "wb"), a), small.normal(rng, 2, 512))
    return out


# ---- damage ----

def damaged(rand, data):
    """Some bytes changed, cut out, doubled or put in."""
    data = bytearray(data)
    # Most files end in numbers, whose damage nobody sees.
    reach = len(data) if rand.random() < 0.3 else min(len(data), 6000)
    for _ in range(rand.choice((1, 1, 2, 5, 20))):
        at = rand.randrange(max(reach, 1))
        act = rand.randrange(6)
        if act < 2:
            data[at:at + 1] = bytes([rand.randrange(256)])
        elif act == 2:
            data[at:at + 1] = bytes([data[at] ^ 1 << rand.randrange(8)]) if at < len(data) else b"x"
        elif act == 3:
            del data[at:at + rand.choice((1, 2, 8, 100))]
        elif act == 4:
            data[at:at] = data[at:at + rand.choice((1, 4, 40))]
        else:
            data[at:at] = rand.choice((b"\xff" * 4, b"\x00" * 8, struct.pack("<I", 1 << 31), b"(", b"t", b"R", b"b"))
    return bytes(data[:rand.randrange(len(data) + 1)] if rand.random() < 0.05 else data)


def damaged_archive(rand, data):
    """An archive whose pickle is damaged, or some other entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        infos = old.infolist()
        chosen = infos[0] if rand.random() < 0.8 else rand.choice(infos)
        for info in infos:
            content = old.read(info.filename)
            new.writestr(info.filename, damaged(rand, content) if info is chosen else content,
                         rand.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return out.getvalue()


def invented_value(rand, depth=0):
    """A value of JSON."""
    kind = rand.randrange(9 if depth < 3 else 6)
    if kind == 6:
        return [invented_value(rand, depth + 1) for _ in range(rand.randrange(4))]
    if kind == 7:
        return {rand.choice(WORDS): invented_value(rand, depth + 1) for _ in range(rand.randrange(4))}
    if kind == 8:
        return [0, rand.choice((4, 2048, 1 << 40))]
    return (None, True, rand.choice(SMALL), 1.5, rand.choice(WORDS), 10 ** rand.randrange(40))[kind]


def damaged_header(rand, data):
    """A safetensors file with wrong values in the header."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length].decode())
    for _ in range(rand.choice((1, 1, 3))):
        name = rand.choice(list(header))
        part = header[name]
        if isinstance(part, dict) and part and rand.random() < 0.8:
            part[rand.choice(list(part))] = invented_value(rand)
        else:
            header[name] = invented_value(rand)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length:]


def other_shape(rand, array):
    """An array of another shape or type in the place of one."""
    shape = list(array.shape)
    act = rand.randrange(6)
    if act == 0 and shape:
        shape[rand.randrange(len(shape))] = rand.choice((0, 0, 1, 2, 5, 64))
    elif act == 1:
        shape = rand.choice(([], [0], [1], [0, 0], [1, 1, 1], [2] * 7))
    elif act == 2:
        shape = shape[::-1] + rand.choice(([], [1]))
    elif act == 3:
        shape = shape[1:]
    if act > 3 or np.prod(shape, dtype=np.int64) > 1 << 16:
        return array.astype(rand.choice(("f2", "f8", "i8", "u1", "b1", "f4")))
    return np.zeros(shape, np.float32) if rand.random() < 0.5 else np.ones(shape, np.float32)


def damaged_network(rand, arrays, path):
    """A well-formed checkpoint of a network with wrong shapes, types and names."""
    arrays = dict(arrays)
    for _ in range(rand.choice((1, 1, 2, 4))):
        key = rand.choice(list(arrays))
        act = rand.random()
        if act < 0.7:
            arrays[key] = other_shape(rand, np.asarray(arrays[key]))
        elif act < 0.8:
            del arrays[key]
        else:
            digits = "".join(c if not c.isdigit() else rand.choice(("0", "7", "99", "9999")) for c in key)
            arrays[digits if rand.random() < 0.7 else key + rand.choice(WORDS).replace("\ud800", "")] = arrays[key]
        if not arrays:
            break
    if rand.random() < 0.3 and not any(np.ndim(a) > 6 for a in arrays.values()):
        writers.write_safetensors(path, arrays)
    else:
        average = np.ones(rand.choice(((8,), (1, 8), (0, 8), (), (4, 8), (2, 2, 8))), np.float32)
        opts = {key: rand.choice((None, True, False, 1, 2.5, "x", [1], {}, [[1]]))
                for key in ("encoder_type", "start_from_latent_avg", "no_fine_mapper", "lr")}
        writers.write_zip(path, {rand.choice(("state_dict", "g_ema", "model_state_dict")): writers.state_dict(arrays),
                                 **({"latent_avg": writers.tensor(average)} if rand.random() < 0.5 else {}),
                                 **({"opts": opts} if rand.random() < 0.5 else {})})
    with open(path, "rb") as file:
        return file.read()


# ---- pickles of random opcodes ----

def text(word):
    data = word.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def name(full):
    return ("c%s\n%s\n" % tuple(full.rsplit(".", 1))).encode()


def storage(rand):
    kind = rand.choice(("Float", "Half", "Long", "Bool", "BFloat16"))
    return b"(" + text("storage") + name("torch.%sStorage" % kind) + text(rand.choice("01")) + text("cpu") + \
        b"M\x00\x04tQ"


def sizes(rand, most=4):
    return b"(" + b"".join(number(rand) for _ in range(rand.randrange(most + 1))) + b"t"


def number(rand):
    value = rand.choice(SMALL + (1 << 20, (1 << 31) - 1))
    return b"J" + struct.pack("<i", value)


def opcodes(rand, names, depth=0):
    """Opcodes that leave, as a rule, one value on the stack."""
    kind = rand.randrange(14 if depth < 6 else 7)
    inner = [opcodes(rand, names, depth + 1) for _ in range(rand.randrange(4))] if kind >= 7 else []
    if kind == 0:
        return number(rand)
    if kind in (1, 2):
        return text(rand.choice(WORDS))
    if kind == 3:
        return rand.choice((b"N", b"\x88", b"\x89", b")", b"]", b"}", b"\x8f", b"G" + bytes(8), b"\x8a\x09" + b"\x7f" * 9))
    if kind == 4:
        return name(rand.choice(names))
    if kind == 5:
        return storage(rand)
    if kind == 6:
        return rand.choice((b"h", b"q")) + bytes([rand.randrange(8)]) if rand.random() < 0.7 else \
            rand.choice((b"B" + struct.pack("<I", 4) + b"\x80\x02N.", b"C\x02ab", b"U\x01a"))
    if kind == 7:
        return b"(" + b"".join(inner) + rand.choice((b"t", b"l"))
    if kind == 8:
        return b"}(" + b"".join(text(rand.choice(WORDS)) + value for value in inner) + b"u"
    if kind == 9:
        return rand.choice((name("argparse.Namespace") + b")\x81", name("numpy.dtype") + text("f4") + b"\x89\x88\x87R",
                            name("numpy.core.multiarray._reconstruct") + b")R")) + b"".join(inner[:1]) + b"b"
    if kind == 10:
        return name("torch._utils._rebuild_tensor_v2") + b"(" + storage(rand) + number(rand) + sizes(rand) + \
            sizes(rand) + b"\x89NtR"
    return name(rand.choice(names)) + b"(" + b"".join(inner) + b"t" + rand.choice((b"R", b"R", b"\x81"))


def invented(rand, names):
    """A pickle, alone or in an archive."""
    stream = b"\x80\x02" + opcodes(rand, names) + b"."
    if rand.random() < 0.4:
        return stream
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a/data.pkl", stream)
        z.writestr("a/data/0", bytes(8192))
        z.writestr("a/data/1", bytes(8192), zipfile.ZIP_DEFLATED)
    return out.getvalue()


# ---- the run ----

class Fuzzer:
    """Inputs from a seed, each run through the whole command."""

    def __init__(self, seed, folder):
        self.rand, self.folder = random.Random(seed), folder
        self.networks = networks()
        self.corpus = corpus(folder, self.networks)
        self.names = [n for n in builders.KNOWN if n.count(".")] + ["some.Class", "datetime.datetime", "__torch__.M"]
        self.path, self.out = os.path.join(folder, "in"), os.path.join(folder, "out.safetensors")

    def input(self):
        rand = self.rand
        choice = rand.random()
        if choice < 0.25:
            return invented(rand, self.names)
        if choice < 0.6:
            return damaged_network(rand, rand.choice(list(self.networks.values())), self.path)
        data = rand.choice(self.corpus)
        if data[:2] == b"PK" and rand.random() < 0.8:
            return damaged_archive(rand, data)
        if data[8:9] == b"{" and rand.random() < 0.7:
            return damaged_header(rand, data)
        return damaged(rand, data)

    def finding(self, data):
        """What is wrong with the run of one input, or None."""
        with open(self.path, "wb") as file:
            file.write(data)
        args = [self.path, "-o", self.out, "--kind", self.rand.choice(KINDS[:1] * 60 + KINDS), "-v"]
        args += self.rand.choice(([],) * 6 + (["--half"], ["--with-decoder"], ["--no-bpe", "--activation", "gelu"]))
        out, err = io.StringIO(), io.StringIO()
        try:
            with case.cheaply(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = cli.main(args)
        except SystemExit:
            return None
        except BaseException as error:  # with -v, internal errors come through
            if isinstance(error, KeyboardInterrupt):
                raise
            return "%s: %s" % (type(error).__name__, error)
        if status not in (0, 1) or status == 1 and err.getvalue().count("\n") != 1:
            return "status %d: %s" % (status, err.getvalue())
        return "out of memory" if "out of memory" in err.getvalue() else None


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count, findings, until = 0, 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="convert-fuzz-") as folder:
        fuzzer = Fuzzer(seed, folder)
        while time.monotonic() < until:
            data = fuzzer.input()
            finding = fuzzer.finding(data)
            count += 1
            if finding:
                findings += 1
                kept = "fuzz-%d-%d" % (seed, count)
                with open(kept, "wb") as file:
                    file.write(data)
                print("%s: %s" % (kept, finding))
    print("%d inputs, %d findings" % (count, findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
