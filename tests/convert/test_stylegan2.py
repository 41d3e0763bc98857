"""StyleGAN2 generators: rosinality's names, and NVIDIA's networks, which must draw the same
pictures."""

import subprocess
import unittest

import numpy as np

from case import Case, HAS_PROGRAM, PROGRAM
import networks_small as small
import writers
from writers import Call, Name


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
