"""Storages and tensors in every format."""

import collections
import os
import tracemalloc
import zipfile

import numpy as np

from case import Case
import networks_small as small
import writers
from writers import Call, Name, Stored

from convert_pt import tensors


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
