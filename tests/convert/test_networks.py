"""Mappers, IR-SE50, VGG19 and latents."""

import json
import os
import subprocess
import unittest

import numpy as np

from case import Case, HAS_PROGRAM, PROGRAM
import networks_small as small
import writers
from writers import Call, Name


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
        self.assertArrays(self.convert(self.checkpoint(arrays), notes="sees the latent alone")[0], arrays)
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

    def mtcnn_files(self, arrays):
        paths = [self.path(name) for name in ("pnet.pt", "rnet.pt", "onet.pt")]
        for path, part in zip(paths, arrays):
            writers.write_zip(path, writers.state_dict(part))
        return paths

    def test_mtcnn(self):
        """Three files with the same names in each become one."""
        arrays = small.mtcnn_arrays(self.rng)
        paths = self.mtcnn_files(arrays)
        wanted = {prefix + n: a for prefix, part in zip(("pnet.", "rnet.", "onet."), arrays)
                  for n, a in part.items()}
        for order in (paths, paths[::-1]):
            for kind in ((), ("--kind", "mtcnn")):
                got, _types, meta = self.convert(*order, *kind)
                self.assertArrays(got, wanted)
                self.assertEqual(meta["kind"], "mtcnn")
        self.refused("lacks 37 tensors: rnet.conv1.weight", paths[0])
        self.refused("also has pnet.conv1", paths[0], paths[0])
        arrays[2]["dense6_3.weight"] = small.normal(self.rng, 12, 256)
        self.refused(r"onet.dense6_3.weight is \(12, 256\), expected \(10, 256\)",
                     *self.mtcnn_files(arrays))

    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_cfedit_knows_mtcnn(self):
        self.convert(*self.mtcnn_files(small.mtcnn_arrays(self.rng)))
        text = subprocess.run([PROGRAM, "info", "--json", self.out], check=True,
                              stdout=subprocess.PIPE).stdout
        facts = json.loads(text)[0]
        self.assertEqual((facts["kind"], facts["complete"]), ("detector", True), facts["missing"])

    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_cfedit_knows_what_was_converted(self):
        for arrays, kind, word, opts in (
                (small.stylegan2_arrays(self.rng), "stylegan2", "generator", {}),
                (small.mapper_arrays(self.rng), "mapper", "mapper", self.OPTIONS),
                (small.e4e_arrays(self.rng), "encoder", "encoder", {}),
                (small.vgg_arrays(self.rng), "vgg19", "vgg", {})):
            self.convert(self.checkpoint(arrays, opts), "--kind", kind)
            text = subprocess.run([PROGRAM, "info", "--json", self.out], check=True,
                                  stdout=subprocess.PIPE).stdout
            facts = json.loads(text)[0]
            self.assertEqual((facts["kind"], facts["complete"]), (word, True), facts["missing"])
            self.assertEqual(facts["metadata"]["kind"], kind)


    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_cfedit_applies_a_mapper_of_styleclip(self):
        """A mapper without text networks is run all the same."""
        generator = {"g_ema": writers.state_dict(small.stylegan2_arrays(self.rng, channels=(6, 5, 4, 4))),
                     "latent_avg": writers.tensor(np.zeros(8, np.float32))}
        writers.write_zip(self.path("g.pt"), generator)
        self.convert(self.path("g.pt"))
        os.rename(self.out, self.path("g.safetensors"))
        self.convert(self.checkpoint(small.mapper_arrays(self.rng, text=False)))
        subprocess.run([PROGRAM, "apply", "--generator", self.path("g.safetensors"), "--mapper", self.out, "--seed",
                        "1", "--threads", "1", "--quiet", "-o", self.path("a.png")], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertTrue(os.path.exists(self.path("a.png")))


class TestLatents(Case):
    def test_shapes_and_files(self):
        w = small.normal(self.rng, 3, 512)
        plus = small.normal(self.rng, 2, 6, 512)
        for array, wanted in ((w, w), (plus, plus), (w[0], w[:1]), (plus[:, None], plus), (w[:, None], w)):
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
