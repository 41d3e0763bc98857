"""Files that PyTorch writes; skipped where it is not installed."""

import collections
import pickle
import unittest

import numpy as np

from case import Case
import networks_small as small

try:
    import torch
except ImportError:
    torch = None


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
        """The doubling layer and the skip of both restated networks, by PyTorch's own
        operations."""
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
