"""Model files with one thing wrong, and the commands that read them."""
import json
import struct

from trials import TARGET, Command

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
         "F8_E4M3": 1, "X9": 3}
# A mutated tensor that grows beyond this is given no data of its own size: the file then contradicts itself.
MOST_BYTES = 8 << 20


class Target:
    """A file to be mutated: how many mutations there are in all, and how many of them a short run takes."""

    def __init__(self, name, path, commands, most=400, share=30):
        self.name, self.path, self.commands, self.most, self.share = name, path, commands, most, share


def targets(bench):
    """All kinds of files, with the commands that read each."""
    info = Command("info", ["info", "INPUT"])
    # The search for a recolouring takes nearly all the time of an edit, and reads nothing more of a file.
    edit = ["edit", "--target", TARGET, "--seed", "7", "--steps", "1", "--copies", "1", "--templates", "2", "--fit-steps", "0",
            "--no-focus", "-o", "e.png"]
    model = bench.file("model/")
    return [
        Target("generator", model + "generator.safetensors", [
            info, Command("generate", ["generate", "--generator", "INPUT", "--seed", "1", "-o", "g.png"]),
            Command("edit", [*edit, "--generator", "INPUT"]),
            Command("invert", ["invert", "--generator", "INPUT", "--image", bench.photo, "--steps", "1", "--starts", "1",
                               "-o", "i.safetensors"])], share=80),
        Target("clip", model + "clip.safetensors", [
            info, Command("embed", ["embed", "--clip", "INPUT", "--text", "face"]),
            Command("score", ["score", "--clip", "INPUT", "--text", "red", bench.photo]),
            Command("edit", [*edit, "--clip", "INPUT"])], share=80),
        Target("latents", model + "latents.safetensors", [
            info, Command("generate", ["generate", "--latents", "INPUT", "-o", "g"]),
            Command("edit", [*edit[:3], "--latents", "INPUT:0", *edit[5:]]),
            Command("apply", ["apply", "--mapper", bench.mapper, "--latents", "INPUT", "-o", "a"])]),
        Target("z", model + "z.safetensors", [info, Command("generate", ["generate", "--z", "INPUT", "-o", "g"])], share=20),
        Target("pixels", model + "pixels.safetensors", [
            info, Command("embed", ["embed", "--pixels", "INPUT"]), Command("score", ["score", "--text", "red", "INPUT"])], share=20),
        Target("channels", bench.channels, [info, Command("directions", [*bench.directions, "--templates", "2", "--channels", "INPUT"])]),
        Target("mapper", bench.mapper, [
            info, Command("apply", ["apply", "--mapper", "INPUT", "--seed", "1", "-o", "a.png"])], share=20),
        Target("checkpoint", bench.checkpoint, [
            info, Command("train", bench.resume, before=[("INPUT", "m.checkpoint.safetensors")])], share=16),
    ]


def mutate(path, made, rng):
    """Writes a copy of a file with one mutation. A phrase that tells which."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    names = [name for name in header if name != "__metadata__"]
    name = rng.choice(names)
    kinds = [change_dtype, change_shape, change_rank, change_name, change_offsets, change_metadata, change_values]
    what = rng.choice(kinds)(header, name, data, rng)
    text = json.dumps(header).encode()
    with open(made, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    return what


def bytes_of(entry):
    size = SIZES[entry["dtype"]]
    for side in entry["shape"]:
        size *= side
    return size


def fit(entry, data, rng):
    """Mostly gives a mutated tensor data of its new size, so that the reader of the file lets it through."""
    size = bytes_of(entry)
    if rng.random() < 0.1 or not 0 <= size <= MOST_BYTES:
        return ""
    begin, end = entry["data_offsets"]
    old = bytes(data[begin:end]) or b"\0"
    entry["data_offsets"] = [len(data), len(data) + size]
    data += (old * (size // len(old) + 1))[:size]
    return " with its data"


def change_dtype(header, name, data, rng):
    entry = header[name]
    entry["dtype"] = rng.choice([dtype for dtype in SIZES if dtype != entry["dtype"]])
    return f"{name} is {entry['dtype']}" + fit(entry, data, rng)


def change_shape(header, name, data, rng):
    entry = header[name]
    if not entry["shape"]:
        return change_rank(header, name, data, rng)
    axis = rng.randrange(len(entry["shape"]))
    side = entry["shape"][axis]
    entry["shape"][axis] = rng.choice([0, 1, side - 1, side + 1, 2 * side, side // 2, -1, 1 << 31, (1 << 63) - 1])
    return f"{name} is {entry['shape']}" + fit(entry, data, rng)


def change_rank(header, name, data, rng):
    entry = header[name]
    shape = entry["shape"]
    entry["shape"] = rng.choice([[1, *shape], [*shape, 1], shape[1:], shape[:-1], [], [1] * 9, shape[::-1]])
    return f"{name} is {entry['shape']}" + fit(entry, data, rng)


def change_name(header, name, data, rng):
    other = rng.choice(list(header))
    to = rng.choice(["", name[:-1], name + ".x", name.upper(), other, "../" + name, "\u00e9" * 500, "a\nb"])
    header[to] = header.pop(name)
    return f"{name} is called {to[:40]!r}"


def change_offsets(header, name, data, rng):
    entry = header[name]
    begin, end = entry["data_offsets"]
    entry["data_offsets"] = rng.choice([[begin + 1, end + 1], [end, begin], [0, end - begin], [begin, end + 1],
                                        [len(data), len(data) + end - begin], [-1, end], [begin, 1 << 63], [begin]])
    return f"{name} is at {entry['data_offsets']}"


def change_metadata(header, name, data, rng):
    metadata = header.setdefault("__metadata__", {})
    key = rng.choice(list(metadata) or ["domain"])
    if rng.random() < 0.2:
        metadata.pop(key, None)
        return f"no metadata {key}"
    metadata[key] = rng.choice(["", "0", "-1", "nan", "1e999", "9223372036854775807", "99999999999999999999", "x" * 5000,
                                "1\n2", "true", 3, None, [], "\u0000"])
    return f"metadata {key} is {str(metadata[key])[:40]!r}"


def change_values(header, name, data, rng):
    """All bits of a tensor set or clear: NaN, or zero."""
    begin, end = header[name]["data_offsets"]
    byte = rng.choice([0, 0x7f, 0xff])
    data[begin:end] = bytes([byte]) * (end - begin)
    return f"{name} is all {byte:#x}"


