"""`cfedit align` against the Python package facenet-pytorch, on scikit-image's astronaut.png.

The package's own code runs on its own weights. It imports torchvision for one function,
non-maximum suppression, and Pillow for types; small stand-ins are used, so that neither is needed.
The last line reads "N passed, N failed, N skipped".
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import types
import zlib

import numpy as np
import torch

PIXELS = 1e-3       # largest difference of boxes and landmarks
PROBABILITY = 1e-5  # largest difference of probabilities
MOVED = 0.04        # mean distance of the corners, in sides, when an aligned picture is aligned again


# ---- facenet-pytorch without torchvision and Pillow ----

def suppress(boxes, scores, threshold):
    """Greedy non-maximum suppression by the intersection over the union, the most probable box
    first, as torchvision.ops.nms specifies it."""
    box, score = boxes.numpy(), scores.numpy()
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    hidden = np.zeros(len(score), bool)
    kept = []
    for i in np.argsort(-score, kind="stable"):
        if hidden[i]:
            continue
        kept.append(i)
        low, high = np.maximum(box[i, :2], box[:, :2]), np.minimum(box[i, 2:], box[:, 2:])
        both = np.prod(np.maximum(high - low, 0), axis=1)
        hidden |= both / (area[i] + area - both) > threshold
    return torch.as_tensor(np.array(kept, dtype=np.int64))


def suppress_of_one_picture(boxes, scores, pictures, threshold):
    assert not pictures.any()
    return suppress(boxes, scores, threshold)


def detector(folder):
    """facenet-pytorch's MTCNN, which reports all faces."""
    def stand_in(name, **members):
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module

    root = os.path.join(folder, "facenet", "facenet_pytorch")
    stand_in("torchvision")
    stand_in("torchvision.transforms", functional=None)
    stand_in("torchvision.ops")
    stand_in("torchvision.ops.boxes", batched_nms=suppress_of_one_picture)
    stand_in("PIL", Image=None)
    # The package's own __init__ imports a network that is not needed here.
    stand_in("facenet_pytorch", __path__=[root])
    stand_in("facenet_pytorch.models", __path__=[os.path.join(root, "models")])
    from facenet_pytorch.models.mtcnn import MTCNN
    return MTCNN(keep_all=True)


# ---- PNG ----

def unfilter(line, before, kind, step):
    """One row of PNG, `step` bytes a pixel, from its filter `kind` and the row before (RFC 2083)."""
    if kind in (0, 2):
        return (line + before) & 255 if kind == 2 else line
    out = line.copy()
    for i in range(len(line)):
        left, up, corner = (out[i - step], before[i], before[i - step]) if i >= step else (0, before[i], 0)
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            far = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
            guess = (left, up, corner)[far.index(min(far))]
        out[i] = (out[i] + guess) & 255
    return out


def read_png(path):
    """An 8-bit picture without palette, (H, W, 3)."""
    with open(path, "rb") as f:
        data = f.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, bits, color = struct.unpack(">IIBB", data[at + 8:at + 18])
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    assert bits == 8 and color in (2, 6)
    step = 3 if color == 2 else 4
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * step).astype(np.int32)
    before, out = np.zeros(width * step, np.int32), []
    for row in rows:
        before = unfilter(row[1:], before, row[0], step)
        out.append(before)
    return np.array(out).reshape(height, width, step)[:, :, :3].astype(np.uint8)


def write_png(path, image):
    height, width = image.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b""))


# ---- pictures ----

def sample(image, x, y):
    """Colours at real places, interpolated linearly; beyond the edges the colour of the edge."""
    x, y = np.clip(x, 0, image.shape[1] - 1.001), np.clip(y, 0, image.shape[0] - 1.001)
    j, i = x.astype(int), y.astype(int)
    u, v = (x - j)[..., None], (y - i)[..., None]
    f = image.astype(np.float64)
    upper, lower = f[i, j] * (1 - u) + f[i, j + 1] * u, f[i + 1, j] * (1 - u) + f[i + 1, j + 1] * u
    return np.uint8(np.rint(upper * (1 - v) + lower * v))


def scaled(image, factor):
    h, w = int(image.shape[0] * factor), int(image.shape[1] * factor)
    y, x = np.mgrid[:h, :w]
    return sample(image, (x + 0.5) / factor - 0.5, (y + 0.5) / factor - 0.5)


def rotated(image, degrees):
    h, w = image.shape[:2]
    y, x = np.mgrid[:h, :w]
    x, y = x - w / 2, y - h / 2
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return sample(image, c * x + s * y + w / 2, c * y - s * x + h / 2)


def pictures(photo):
    """Name and picture: what people's photos are like, made of one photo."""
    half = scaled(photo, 0.5)
    yield "as it is", photo
    yield "halved", half
    yield "of odd sides", scaled(photo, 0.731)
    yield "enlarged", scaled(photo, 1.6)
    yield "turned to the left", rotated(photo, 20)
    yield "turned to the right", rotated(photo, -28)
    yield "padded", np.pad(photo, ((70, 31), (13, 158), (0, 0)))
    yield "three faces", np.concatenate([photo[:300], rotated(photo, 8)[:300], photo[:300, ::-1]], axis=1)
    yield "dark", np.uint8(photo * 0.25)
    yield "at the edge", photo[75:, 178:]
    yield "cut off", photo[75:, 200:]
    yield "a long strip", np.concatenate([photo] * 7)
    yield "small faces", np.concatenate([scaled(photo, 0.3)[:150], scaled(photo, 0.35)[:150],
                                         scaled(photo, 0.42)[:150]], axis=1)
    yield "no face", photo[300:, :300]
    yield "tiny", photo[100:115, 200:230]


# ---- the tests ----

class Run:
    def __init__(self, args):
        self.args, self.passed, self.failed = args, 0, 0

    def judge(self, name, good, detail):
        self.passed += good
        self.failed += not good
        print("%s %s: %s" % ("ok  " if good else "FAIL", name, detail))

    def align(self, path, *options):
        out = subprocess.run([self.args.cfedit, "align", path, "--detector",
                              os.path.join(self.args.work, "face.safetensors"), "--min-face", "20", *options],
                             check=True, stdout=subprocess.PIPE).stdout
        return json.loads(out)["photos"][0]["faces"] if "--json" in options else None

    def compare(self, name, net, image):
        """Boxes, probabilities and landmarks of both, in the order in which both give them."""
        path = os.path.join(self.args.work, "photo.png")
        write_png(path, image)
        got = self.align(path, "--json")
        boxes, probabilities, points = net.detect(image, landmarks=True) if min(image.shape[:2]) >= 20 else (None,) * 3
        count = 0 if boxes is None else len(boxes)
        if len(got) != count:
            self.judge(name, False, "%d faces, not %d" % (len(got), count))
            return
        if count == 0:
            self.judge(name, True, "no face")
            return
        far = max(np.abs(np.array([f["box"] for f in got]) - boxes.astype(float)).max(),
                  np.abs(np.array([f["landmarks"] for f in got]) - points.astype(float)).max())
        unsure = np.abs(np.array([f["probability"] for f in got]) - probabilities.astype(float)).max()
        self.judge(name, far < PIXELS and unsure < PROBABILITY,
                   "%d face%s, %.1e pixels, probability %.1e" % (count, "s" if count > 1 else "", far, unsure))

    def moved(self, image):
        """Aligns a picture, and aligns the result: the mean distance of the square's corners from
        those of the result, in sides. None where there is no face."""
        path, once = (os.path.join(self.args.work, n) for n in ("photo.png", "once.png"))
        write_png(path, image)
        if not self.align(path, "--json"):
            return None
        side = 512
        self.align(path, "--quiet", "--size", str(side), "--overwrite", "-o", once)
        quad = np.array(self.align(once, "--json")[0]["quad"])
        whole = np.array([[0, 0], [0, side], [side, side], [side, 0]]) - 0.5
        return np.hypot(*(quad - whole).T).mean() / side


    def invert(self, path, *options):
        """Inverts a photo with the shipped model: the picture that was inverted, as bytes (H, W, 3),
        and what was told; None for the picture after an error."""
        dump, latents = (os.path.join(self.args.work, n) for n in ("dump.safetensors", "latents.safetensors"))
        done = subprocess.run([self.args.cfedit, "invert", "--model", "weights", "--detector",
                               os.path.join(self.args.work, "face.safetensors"), "--image", path, "--steps", "0",
                               "--starts", "1", "--overwrite", "--dump", dump, "-o", latents, *options],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        told = done.stderr.decode()
        if done.returncode:
            return None, told
        with open(dump, "rb") as f:
            data = f.read()
        end = 8 + struct.unpack("<Q", data[:8])[0]
        source = json.loads(data[8:end])["source"]
        first, last = source["data_offsets"]
        picture = np.frombuffer(data[end + first:end + last], np.float32).reshape(source["shape"])[0]
        return np.uint8(np.rint((picture.transpose(1, 2, 0) + 1) * 127.5)), told

    def frame(self, photo):
        """How photos are brought to the generator's size."""
        names = ("photo.png", "none.png", "three.png", "aligned.png", "small.png")
        path, none, three, aligned, small = (os.path.join(self.args.work, n) for n in names)
        write_png(path, photo)
        write_png(none, np.ascontiguousarray(photo[300:, :300]))
        write_png(three, np.concatenate([photo[:300]] * 3, axis=1))
        write_png(small, scaled(photo, 0.6))
        self.align(path, "--quiet", "--size", "512", "--overwrite", "-o", aligned)
        self.align(path, "--quiet", "--size", "128", "--overwrite", "-o", small + ".png")
        straight = read_png(small + ".png")
        for name, file, options, same, message in (
                ("a photo", path, (), True, "found 1 face, straightened"),
                ("a photo as it is", path, ("--no-align",), False, ""),
                ("a photo without a face", none, (), False, "found no face, so its middle square is used"),
                ("three faces", three, (), False, "found 3 faces, straightened number 1; --face N takes another"),
                ("the third of three faces", three, ("--face", "3"), False, "straightened number 3"),
                ("an aligned photo", aligned, (), False, "found 1 face, framed as it should be"),
                ("a small face", small, (), False, "pixels between the eyes; expect a blurred result below 40")):
            picture, told = self.invert(file, *options)
            good = picture is not None and message in told and (message or not told)
            if good and same:
                good = (picture == straight).all()
            elif good and "--no-align" in options:
                good = (picture != straight).any()
            self.judge("inverted: " + name, bool(good), told.strip() or "no note")
        for name, file, options, message in (
                ("the fourth of three faces", three, ("--face", "4"), "found 3 faces, so there is no face 4"),
                ("no face, which was asked for", none, ("--align", "on"), "found no face of at least 20 pixels")):
            picture, told = self.invert(file, *options)
            self.judge("refused: " + name, picture is None and message in told and os.path.basename(file) in told,
                       told.strip())


def main():
    parser = argparse.ArgumentParser()
    for name in ("cfedit", "files", "work"):
        parser.add_argument("--" + name, required=True)
    run = Run(parser.parse_args())
    torch.set_num_threads(1)
    net = detector(run.args.files)
    photo = read_png(os.path.join(run.args.files, "astronaut.png"))
    moved = []
    for name, image in pictures(photo):
        run.compare("faces of a photo, " + name, net, np.ascontiguousarray(image))
        far = run.moved(image) if name != "cut off" else None  # half of that face is not there
        if far is not None:
            moved.append(far)
    run.judge("a face aligned twice stays in place", len(moved) > 5 and np.mean(moved) < MOVED,
              "corners move by %.1f %% of a side, %.1f %% at most, over %d pictures" %
              (100 * np.mean(moved), 100 * max(moved), len(moved)))
    run.frame(photo)
    print("%d passed, %d failed, 0 skipped" % (run.passed, run.failed))
    return run.failed > 0


if __name__ == "__main__":
    sys.exit(main())
