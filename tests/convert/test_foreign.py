"""Objects of other classes beside the weights: they become inert, and do not refuse the file."""

import collections
import datetime
import decimal
import enum
import os
import pathlib
import pickle
import types
import uuid

import numpy as np

from case import Case
import networks_small as small
import writers
from writers import Call, Name, Stored


class Colour(enum.Enum):
    GREEN = 1


class Trainer:
    """A class that the converter has no table entry for; making one would leave a trace."""

    made = []

    def __init__(self):
        self.path, self.left = pathlib.PurePosixPath("/a/b"), {3: self.made}

    def __setstate__(self, state):
        Trainer.made.append(state)

    def __reduce__(self):
        return Trainer.create, (1, 2), {"a": 1}

    @staticmethod
    def create(*_args):
        Trainer.made.append("created")

    class State(enum.Enum):
        """A nested class: an attribute of its owner, by getattr before protocol 4."""

        FITTING = "fit"


class TestForeign(Case):
    def setUp(self):
        super().setUp()
        self.arrays = small.mapper_arrays(self.rng)
        Trainer.made.clear()

    def tearDown(self):
        self.assertEqual(Trainer.made, [])

    def beside(self, objects, writer=writers.write_zip, notes=None, **options):
        """Converts a mapper with some objects beside it."""
        path = self.path("model.pt")
        writer(path, {"before": objects, "state_dict": writers.state_dict(self.arrays),
                      "opts": {"description": "green lipstick", "odd": objects}, "after": objects}, **options)
        got, _types, meta = self.convert(path, notes=notes)
        self.assertArrays(got, self.arrays)
        self.assertEqual(meta["description"], "green lipstick")
        self.assertNotIn("odd", meta)
        self.assertNotIn("a very large number", meta.values())
        os.unlink(path)

    def test_pythons_own_classes(self):
        for thing in (datetime.datetime(2024, 2, 29, 12, 30), datetime.timedelta(3), datetime.timezone.utc,
                      collections.Counter("abracadabra"), collections.deque([1, 2], 5),
                      decimal.Decimal("1.5"), uuid.UUID(int=7), types.SimpleNamespace(a=1), Colour.GREEN,
                      complex(1, 2), range(3), slice(1, 2),
                      {"a", "b"}, frozenset([1]), bytearray(b"abc"), {(1, 2): 3}, {1.5: 2}, 1 << 400, -7.5):
            for writer in (writers.write_zip, writers.write_old):
                with self.subTest(thing=thing, writer=writer.__name__):
                    self.beside([[thing]], writer)

    def test_every_protocol(self):
        """Newer protocols make objects with other opcodes (NEWOBJ_EX, STACK_GLOBAL, FROZENSET)."""
        things = [datetime.datetime(2024, 2, 29), collections.Counter("aab"), Colour.GREEN, Trainer(),
                  Trainer.State.FITTING]
        path = self.path("latents.pkl")
        plus = small.normal(self.rng, 2, 6, 512)
        for protocol in (2, 3, 4, 5):
            with open(path, "wb") as file:
                pickle.dump({"things": things, "latents": plus}, file, protocol)
            np.testing.assert_array_equal(self.convert(path, "--kind", "latents")[0]["latents"], plus)

    def test_random_states_of_numpy(self):
        self.beside([np.random.get_state(), np.random.RandomState(3), np.random.default_rng(3),
                     np.float64(2.5), np.datetime64("2024-02-29"), np.arange(3, dtype=np.uint32),
                     np.array(["a"]), np.dtype([("a", "f4")])])

    def test_lightning(self):
        """A checkpoint as PyTorch Lightning writes it."""
        hyper = Call(Name("pytorch_lightning.utilities.parsing", "AttributeDict"), (), None, True,
                     {"lr": 0.1, "started": datetime.date(2024, 2, 29)})
        path = self.path("epoch=3.ckpt")
        writers.write_zip(path, {
            "epoch": 3, "global_step": 4000, "pytorch-lightning_version": "2.1.0",
            "state_dict": writers.state_dict(self.arrays), "loops": {"fit_loop": {"state_dict": {}}},
            "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_path": pathlib.PurePosixPath("/a")}},
            "optimizer_states": [{"state": {0: {"step": 3}}, "param_groups": []}],
            "lr_schedulers": [{"milestones": collections.Counter({30: 1}), "last_epoch": 3}],
            "hyper_parameters": hyper, "hparams_name": "kwargs"})
        got, _types, _meta = self.convert(path, notes="not looked into: collections.Counter, datetime.date")
        self.assertArrays(got, self.arrays)

    def test_omegaconf(self):
        """hyper_parameters of a project that is configured by Hydra."""
        any_type = Name("typing", "Any")
        metadata = Call(Name("omegaconf.base", "ContainerMetadata"), (), {
            "ref_type": any_type, "object_type": Name("builtins", "dict"), "optional": True, "key": None,
            "key_type": Call(Name("operator", "getitem"), (Name("typing", "Dict"), (any_type, any_type)))}, True)
        node = Call(Name("omegaconf.nodes", "AnyNode"), (), {"_metadata": metadata, "_val": 0.5}, True)
        config = Call(Name("omegaconf.dictconfig", "DictConfig"), (),
                      {"_metadata": metadata, "_parent": None, "_content": {"lr": node}}, True)
        self.beside(config, notes="not looked into: omegaconf.base.ContainerMetadata")

    def test_lists_and_dictionaries_of_other_classes(self):
        """Subclasses get their items by opcodes that follow the object."""
        self.beside(Call(Name("mmengine.config", "ConfigDict"), (), None, True, {"a": 1, ("b",): [2]}))
        stream = writers.dumps({"state_dict": writers.state_dict({}), "list": Call(
            Name("torch.nn.modules.container", "ParameterList"), (), None, True)})
        self.assertIn(b"\x81", stream)
        items = Call(Name("fastai.core", "L"), (), None, True)
        path = self.path("x.pkl")
        for opcodes in (b"K\x01a", b"(K\x01K\x02e", b"(K\x01K\x02\x90"):
            writers.write_pickle(path, [writers.Raw(writers.dumps(items, 3)[2:-1] + opcodes + b"0N")])
            self.refused("a list, but not one of latents", path)

    def test_foreign_tensors(self):
        """Numbers of types that no network here has."""
        complex_one = writers.view(Stored(np.ones(3, np.complex64)), 0, (3,), (1,))
        strange = Call(Name("torch._utils", "_rebuild_tensor_v3"),
                       (Stored(np.ones(4, np.uint8)), 0, (4,), (1,), False, {}, Name("torch", "float8_e4m3fn")))
        sparse = Call(Name("torch._utils", "_rebuild_sparse_tensor"),
                      (Call(Name("torch.serialization", "_get_layout"), ("torch.sparse_coo",)), (1, 2, (3,))))
        self.beside([complex_one, strange, sparse, Name("torch", "complex64"), Name("torch", "channels_last")])
        path = self.path("old.pt")
        writers.write_old(path, {"a": complex_one})
        self.refused("ComplexFloatStorage, which is not supported", path)

    def test_names_that_act_are_refused_beside_weights_too(self):
        """None of these could run here; a file that names them is not to be trusted all the
        same."""
        for module, name in (("os", "system"), ("subprocess", "Popen"), ("builtins", "exec"), ("socket", "socket"),
                             ("torch", "load"), ("torch.hub", "load_state_dict_from_url"), ("numpy", "fromfile"),
                             ("runpy", "run_path"), ("ctypes", "CDLL"), ("operator", "attrgetter"),
                             ("some.package", "Class.__globals__"), ("some.package", "Class.__init__.x"),
                             ("some.package", ""), ("", "Class"), ("builtins", "setattr")):
            path = self.path("x.pt")
            writers.write_zip(path, {"state_dict": writers.state_dict(self.arrays), "x": [Name(module, name)]})
            self.refused("refused: the pickle asks for '%s.%s'" % (module, name.replace(".", r"\.")), path)

    def test_attributes_of_classes(self):
        """getattr is how nested classes are pickled; it is no way to anything else."""
        foreign = Name("some.package", "Class")
        getattr_of = Name("builtins", "getattr")
        self.beside([Call(Call(getattr_of, (foreign, "Inner")), (1,)), Call(getattr_of, (foreign, "MEMBER"))])
        for args in ((foreign, "__globals__"), (foreign, "a.b"), (foreign, ""), (Name("torch", "Tensor"), "numpy"),
                     ("text", "join"), (foreign, "x", None), (foreign,), (foreign, 3)):
            path = self.path("x.pt")
            writers.write_zip(path, {"state_dict": writers.state_dict(self.arrays), "x": Call(getattr_of, args)})
            self.refused("asks for 'builtins.getattr'", path)

    def test_nothing_else_is_found_where_the_weights_should_be(self):
        path = self.path("x.pt")
        writers.write_zip(path, {"model": Call(Name("models.unet", "UNet"), (), {"training": False}, True)})
        self.refused("holds no tensors by name; objects of models.unet.UNet are not looked into", path)
        writers.write_zip(path, Call(Name("models.unet", "UNet"), (), {"_modules": {}}, True))
        self.refused("a whole object of class 'models.unet.UNet'; save its state_dict", path)
