"""CLIP from every source: names, activation, pictures, vocabulary."""

import gzip
import json
import os
import sys

import numpy as np

from case import Case
import networks_small as small
import writers

from convert_pt import vocabulary

MERGES = ["t h", "th e</w>", "a n", "an d</w>", "i n", "e r"]  # makes a vocabulary of 520


class TestClip(Case):
    def setUp(self):
        super().setUp()
        self.arrays = small.clip_arrays(self.rng)
        self.bpe = self.write("list.txt", self.merge_list())
        self.list = np.frombuffer(b"#version: 0.2\n" + "\n".join(MERGES).encode() + b"\n", np.uint8)

    @staticmethod
    def merge_list(first=b"#version: 0.2"):
        return first + b"\n" + "\n".join(MERGES).encode() + b"\n"

    def write_archive(self, path):
        """An archive of OpenAI's, which tells the activation."""
        writers.write_zip(path, writers.script_tree(self.arrays), script=True)

    def hub_folder(self, name="hub", weights="model.safetensors", act="gelu", **config):
        folder = self.path(name)
        os.mkdir(folder)
        hub = small.hugging_face_arrays(self.arrays)
        if weights.endswith(".safetensors"):
            writers.write_safetensors(os.path.join(folder, weights), hub, {"format": "pt"})
        else:
            writers.write_zip(os.path.join(folder, weights), writers.state_dict(hub))
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"text_config": {"hidden_act": act, "num_attention_heads": 1, **config},
                       "vision_config": {"hidden_act": act, "num_attention_heads": 1}}, file)
        with open(os.path.join(folder, "merges.txt"), "wb") as file:
            file.write(self.merge_list())
        vocabulary_table = {m.replace(" ", ""): 512 + i for i, m in enumerate(MERGES)}
        vocabulary_table.update({"<|startoftext|>": 518, "<|endoftext|>": 519})
        with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
            json.dump(vocabulary_table, file)
        return folder

    def assertClip(self, got, activation):
        arrays, types, meta = got
        self.assertEqual(types["tokenizer.merges"], "U8")
        self.assertArrays(arrays, {**self.arrays, "tokenizer.merges": self.list})
        self.assertEqual((meta["kind"], meta["activation"]), ("clip", activation))

    def test_torchscript_archive(self):
        path = self.path("ViT-B-32.pt")
        extra = {"input_resolution": np.array(8), "context_length": np.array(9),
                 "vocab_size": np.array(520),
                 "transformer.resblocks.0.attn_mask": np.ones((9, 9), np.float32)}
        writers.write_zip(path, writers.script_tree({**self.arrays, **extra}), script=True, folder="ViT-B-32")
        self.assertClip(self.convert(path, "--bpe", self.bpe), "quick_gelu")

    def test_half_weights_of_an_archive_stay(self):
        half = {n: a.astype(np.float16) if a.ndim > 1 else a for n, a in self.arrays.items()}
        path = self.path("ViT-B-32.pt")
        writers.write_zip(path, writers.script_tree(half), script=True)
        arrays, types, _meta = self.convert(path, "--bpe", self.bpe)
        self.assertEqual((types["visual.proj"], types["ln_final.bias"]), ("F16", "F32"))
        np.testing.assert_array_equal(arrays["visual.proj"], half["visual.proj"])

    ASK = "nothing tells the activation: say --activation quick_gelu .*gelu"

    def test_plain_state_dict(self):
        """OpenAI's and open_clip's tensors have the same names: without a sign the user must say
        the activation."""
        path = self.path("clip.pt")
        writers.write_old(path, writers.state_dict(self.arrays))
        self.refused(self.ASK, path, "--bpe", self.bpe)
        for word in ("quick_gelu", "gelu"):
            self.assertClip(self.convert(path, "--bpe", self.bpe, "--activation", word), word)

    def test_fine_tunes_of_openais(self):
        """The shape in which most people save a fine-tuned model (openai/CLIP, issue 83):
        QuickGELU."""
        path = self.path("model_10.pt")
        writers.write_zip(path, {"epoch": 10, "model_state_dict": writers.state_dict(self.arrays),
                                 "optimizer_state_dict": {"state": {}, "param_groups": []}, "loss": 0.5})
        self.assertClip(self.convert(path, "--bpe", self.bpe, notes="model_state_dict"), "quick_gelu")
        self.assertClip(self.convert(path, "--bpe", self.bpe, "--activation", "gelu"), "gelu")

    def test_open_clip(self):
        path = self.path("epoch_1.pt")
        named = {"module." + n: a for n, a in self.arrays.items()}
        for label in ("my run", "ViT-B-32-quickgelu"):
            writers.write_zip(path, {"epoch": 1, "name": label, "state_dict": writers.state_dict(named),
                                     "optimizer": {"state": {}, "param_groups": []}})
            if label == "my run":
                self.refused(self.ASK, path, "--bpe", self.bpe)
            else:
                self.assertClip(self.convert(path, "--bpe", self.bpe), "quick_gelu")
        below = {(n if n.startswith("visual.") or n == "logit_scale" else "text." + n): a
                 for n, a in self.arrays.items()}
        below["text.text_projection.weight"] = below.pop("text.text_projection").T
        below["logit_scale"] = below["logit_scale"].reshape(1)
        path = self.path("open_clip_pytorch_model.bin")
        writers.write_zip(path, writers.state_dict(below))
        self.refused(self.ASK, path, "--bpe", self.bpe)
        self.assertClip(self.convert(path, "--bpe", self.bpe, "--activation", "gelu"), "gelu")
        for quick, wanted in ((True, "quick_gelu"), (False, "gelu")):
            with open(self.path("open_clip_config.json"), "w", encoding="utf-8") as file:
                json.dump({"model_cfg": {"embed_dim": 32, "quick_gelu": quick}}, file)
            self.assertClip(self.convert(path, "--bpe", self.bpe), wanted)

    def test_hugging_face_folders(self):
        for weights in ("model.safetensors", "pytorch_model.bin"):
            folder = self.hub_folder("hub-" + weights, weights)
            self.assertClip(self.convert(folder), "gelu")
        self.assertClip(self.convert(self.hub_folder("quick", act="quick_gelu")), "quick_gelu")
        # The weight file by itself, with the others beside it.
        self.assertClip(self.convert(os.path.join(folder, "pytorch_model.bin")), "gelu")

    def test_hugging_face_shards(self):
        folder = self.hub_folder()
        whole = os.path.join(folder, "model.safetensors")
        arrays, _types, _meta = writers.read_safetensors(whole)
        os.unlink(whole)
        table = {}
        for i, names in enumerate((sorted(arrays)[::2], sorted(arrays)[1::2])):
            part = "model-0000%d-of-00002.safetensors" % (i + 1)
            writers.write_safetensors(os.path.join(folder, part), {n: arrays[n] for n in names})
            table.update({n: part for n in names})
        with open(whole + ".index.json", "w", encoding="utf-8") as file:
            json.dump({"weight_map": table}, file)
        self.assertClip(self.convert(folder), "gelu")
        table[sorted(arrays)[0]] = "../elsewhere.safetensors"
        with open(whole + ".index.json", "w", encoding="utf-8") as file:
            json.dump({"weight_map": table}, file)
        self.refused("elsewhere", folder)

    def test_merges_of_tokenizer_json(self):
        folder = self.hub_folder()
        os.unlink(os.path.join(folder, "merges.txt"))
        for merges in (MERGES, [m.split() for m in MERGES]):
            with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
                json.dump({"model": {"type": "BPE", "merges": merges}}, file)
            self.assertClip(self.convert(folder), "gelu")

    def test_gzip_list_and_longer_lists(self):
        path = self.path("clip.pt")
        self.write_archive(path)
        packed = gzip.compress(self.merge_list(b'"bpe_simple_vocab_16e6.txt#version: 0.2'))
        self.assertClip(self.convert(path, "--bpe", self.write("list.gz", packed)), "quick_gelu")
        self.write("bpe_simple_vocab_16e6.txt.gz", packed)
        self.assertClip(self.convert(path), "quick_gelu")
        most = vocabulary.MERGES_MAX
        vocabulary.MERGES_MAX = len(MERGES)  # as OpenAI's list has more than the network uses
        try:
            longer = self.write("longer.txt", self.merge_list() + b"x y\nz z\n")
            self.assertClip(self.convert(path, "--bpe", longer), "quick_gelu")
        finally:
            vocabulary.MERGES_MAX = most

    def test_installed_package_is_found_but_not_imported(self):
        package = self.path("site/open_clip")
        os.makedirs(package)
        with open(os.path.join(package, "__init__.py"), "w", encoding="utf-8") as file:
            file.write("raise SystemExit('imported')\n")
        with gzip.open(os.path.join(package, "bpe_simple_vocab_16e6.txt.gz"), "wb") as file:
            file.write(self.merge_list())
        path = self.path("clip.pt")
        self.write_archive(path)
        sys.path.insert(0, self.path("site"))
        try:
            self.assertClip(self.convert(path), "quick_gelu")
        finally:
            sys.path.remove(self.path("site"))

    def test_converted_files_can_be_converted_again(self):
        self.convert(self.hub_folder())
        first = self.path("first.safetensors")
        os.rename(self.out, first)
        self.assertClip(self.convert(first), "gelu")
        _arrays, types, _meta = self.convert(first, "--half")
        self.assertEqual((types["visual.proj"], types["tokenizer.merges"]), ("F16", "U8"))

    def test_vocabulary_is_missing(self):
        path = self.path("clip.pt")
        self.write_archive(path)
        os.unlink(self.bpe)
        installed = vocabulary.installed_list
        vocabulary.installed_list = lambda: None
        try:
            self.refused("vocabulary is missing.*--bpe", path)
        finally:
            vocabulary.installed_list = installed
        self.assertNotIn("tokenizer.merges", self.convert(path, "--no-bpe")[0])

    def test_vocabularies_that_do_not_fit(self):
        path = self.path("clip.pt")
        self.write_archive(path)
        for data, message in ((b"#version: 0.2\na b\n", "515 tokens, the network has 520"),
                              (b"a b\n", "no '#version'"), (b"#version\na b\na b c\n", "line 3"),
                              (b"\x1f\x8b\x08\x00rubbish", "gzip"), (b"\xff\xfe", "UTF-8"),
                              (gzip.compress(self.merge_list())[:-10], "gzip")):
            self.refused(message, path, "--bpe", self.write("bad.txt", data))
        self.refused("No such file", path, "--bpe", self.path("none"))
        folder = self.hub_folder()
        with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
            json.dump({"th": 5, "<|startoftext|>": 518, "<|endoftext|>": 519}, file)
        self.refused("token 'th' has number 5", folder)

    def test_models_that_cfedit_cannot_run(self):
        folder = self.hub_folder("tanh", act="gelu_new")
        self.refused("gelu_new", folder)
        self.refused("heads do not fit a text tower that is 64 wide",
                     self.hub_folder("heads", num_attention_heads=3))
        self.refused("layer_norm_eps", self.hub_folder("eps", layer_norm_eps=1e-6))
        path = self.path("clip.pt")
        writers.write_zip(path, {"visual.layer1.0.conv1.weight": writers.tensor(np.ones(3, np.float32))})
        self.refused("ResNet", path)
        scaled = {**self.arrays, "visual.transformer.resblocks.0.ls_1.gamma": np.ones(64, np.float32)}
        writers.write_zip(path, writers.state_dict(scaled))
        self.refused("ls_1.gamma", path, "--bpe", self.bpe)

    # ---- what the configurations say ----

    def open_clip(self, model=None, preprocess=None, **vision_or_text):
        """An open_clip state dict with a configuration beside it."""
        path = self.path("open_clip_pytorch_model.bin")
        writers.write_zip(path, writers.state_dict(self.arrays))
        config = {"embed_dim": 32, "vision_cfg": {"image_size": 8, "layers": 2, "width": 64, "patch_size": 4},
                  "text_cfg": {"context_length": 9, "vocab_size": 520, "width": 64, "heads": 1, "layers": 2},
                  **(model or {})}
        for tower, more in vision_or_text.items():
            config[tower + "_cfg"].update(more)
        with open(self.path("open_clip_config.json"), "w", encoding="utf-8") as file:
            json.dump({"model_cfg": config, **({"preprocess_cfg": preprocess} if preprocess else {})}, file)
        return path, "--bpe", self.bpe

    def test_heads_that_are_not_64_wide(self):
        """ViT-H and others have more heads than their width tells; the metadata counts them."""
        wide = small.clip_arrays(self.rng, layers=1, width=1280)
        path = self.path("vit-h.pt")
        writers.write_zip(path, writers.state_dict(wide))
        got = self.convert(path, "--bpe", self.bpe, "--activation", "gelu")
        self.assertEqual(got[2]["vision_heads"], "16")
        got = self.convert(self.hub_folder("heads", num_attention_heads=4))
        self.assertEqual(got[2]["text_heads"], "4")
        self.assertNotIn("vision_heads", got[2])
        got = self.convert(*self.open_clip(vision={"head_width": 16}))
        self.assertEqual(got[2]["vision_heads"], "4")
        self.refused("heads do not fit a vision tower", *self.open_clip(vision={"head_width": 48}))

    MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]

    def assertPictures(self, got, mean, std):
        self.assertEqual((json.loads(got[2]["image_mean"]), json.loads(got[2]["image_std"])), (mean, std))

    def test_mean_and_deviation_of_open_clip(self):
        """LAION's ViT-L/14 has 0.5 for both, OpenAI's models have others."""
        for mean, std in ((self.MEAN, self.STD), ([0.5] * 3, [0.5] * 3), ([0, 0, 0], [1, 1, 1])):
            got = self.convert(*self.open_clip(preprocess={"mean": mean, "std": std}))
            self.assertPictures(got, mean, std)
        got = self.convert(*self.open_clip())
        self.assertFalse({"image_mean", "image_std"} & set(got[2]))
        neutral = {"size": [8, 8], "mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest",
                   "fill_color": 0, "mean": self.MEAN, "std": self.STD}
        self.assertPictures(self.convert(*self.open_clip(preprocess=neutral)), self.MEAN, self.STD)

    def test_mean_and_deviation_of_hugging_face(self):
        folder = self.hub_folder()
        usual = {"crop_size": {"height": 8, "width": 8}, "do_center_crop": True, "do_normalize": True,
                 "do_rescale": True, "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor",
                 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.25], "resample": 3,
                 "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 8}}

        def told(**fields):
            with open(os.path.join(folder, "preprocessor_config.json"), "w", encoding="utf-8") as file:
                json.dump({**usual, **fields}, file)
            return folder

        self.assertPictures(self.convert(told()), [0.5] * 3, [0.5, 0.5, 0.25])
        self.assertPictures(self.convert(told(do_normalize=False)), [0.0] * 3, [1.0] * 3)
        for field, value in (("resample", 2), ("do_rescale", False), ("do_resize", False),
                             ("do_center_crop", False), ("rescale_factor", 0.5)):
            self.refused("preprocessor_config.json: %s is .*not supported" % field, told(**{field: value}))
        # Hugging Face's file beside open_clip's weights, as in most repositories of LAION.
        args = self.open_clip()
        os.rename(os.path.join(told(), "preprocessor_config.json"), self.path("preprocessor_config.json"))
        self.assertPictures(self.convert(*args), [0.5] * 3, [0.5, 0.5, 0.25])

    def test_means_that_make_no_sense(self):
        for field, value in (("mean", [0.5, 0.5]), ("mean", 0.5), ("mean", [0.5, 0.5, "a"]), ("mean", [True] * 3),
                             ("std", [0.5, 0.5, 0]), ("std", [0.5, 0.5, -1]), ("std", None)):
            fields = {"mean": self.MEAN, "std": self.STD, field: value}
            self.refused("open_clip_config.json: %s is not a list of three" % field,
                         *self.open_clip(preprocess=fields))
        self.write("open_clip_config.json", b'{"preprocess_cfg": {"mean": [1e999, 0, 0], "std": [1, 1, 1]}}')
        path = self.path("open_clip_pytorch_model.bin")
        self.refused("mean is not a list", path, "--bpe", self.bpe)

    def test_fields_that_change_the_result(self):
        """A field that the network here does not have is refused by name; neutral values and sizes
        are not."""
        for field, value in (("vision.pool_type", "avg"), ("vision.no_ln_pre", True), ("vision.ls_init_value", 0.1),
                             ("vision.attentional_pool", True), ("vision.timm_model_name", "vit_base"),
                             ("vision.mlp_ratio", 4.9231), ("vision.pos_embed_type", "sin_cos_2d"),
                             ("vision.final_ln_after_pool", True), ("vision.act_kwargs", {"approximate": "tanh"}),
                             ("vision.norm_kwargs", {"eps": 1e-6}), ("vision.field_of_tomorrow", 3),
                             ("text.no_causal_mask", True), ("text.pool_type", "last"), ("text.embed_cls", True),
                             ("text.proj_bias", True), ("text.proj_type", "none"), ("text.hf_model_name", "roberta"),
                             ("text.hf_tokenizer_name", "t5"), ("text.tokenizer_kwargs", {"clean": "canonicalize"}),
                             ("text.pad_id", 1)):
            tower, name = field.split(".")
            self.refused(r"%s_cfg\.%s is .*not supported" % (tower, name), *self.open_clip(**{tower: {name: value}}))
        self.refused("model_cfg.multimodal_cfg", *self.open_clip({"multimodal_cfg": {"width": 64}}))
        self.refused("model_cfg.quick_gelu", *self.open_clip({"quick_gelu": "yes"}))
        for field, value in (("interpolation", "bilinear"), ("resize_mode", "squash"), ("mode", "L")):
            self.refused("preprocess_cfg." + field, *self.open_clip(preprocess={field: value}))
        self.refused("vision_cfg is not an object", *self.open_clip({"vision_cfg": [1]}))
        self.convert(*self.open_clip(
            {"custom_text": True, "init_logit_bias": -10},
            vision={"pool_type": "tok", "no_ln_pre": False, "mlp_ratio": 4.0, "ls_init_value": None,
                    "patch_dropout": 0.5, "head_width": 64, "act_kwargs": {}},
            text={"no_causal_mask": False, "pool_type": "argmax", "pad_id": 0, "hf_tokenizer_name": "",
                  "proj_type": "linear"}))
        folder = self.hub_folder()
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"model_type": "siglip"}, file)
        self.refused("model_type is siglip", folder)

    def test_activations_that_are_not_known(self):
        writers.write_safetensors(self.path("c.safetensors"), self.arrays, {"activation": "relu"})
        self.refused("the activation 'relu' of the metadata is not known", self.path("c.safetensors"),
                     "--bpe", self.bpe)
        self.assertClip(self.convert(self.path("c.safetensors"), "--bpe", self.bpe, "--activation", "gelu"), "gelu")

    def test_long_clip(self):
        """beichenzbc/Long-CLIP adds a second table of positions to the first."""
        arrays = {**self.arrays, "positional_embedding_res": self.arrays["positional_embedding"]}
        writers.write_zip(self.path("longclip-B.pt"), writers.state_dict(arrays))
        self.refused("a Long-CLIP .positional_embedding_res.", self.path("longclip-B.pt"), "--bpe", self.bpe)

    def test_parts_that_change_the_result(self):
        for name in ("text_projection.bias", "cls_emb", "visual.attn_pool.query", "text.cls_emb"):
            arrays = {**self.arrays, name: np.ones(32, np.float32)}
            writers.write_zip(self.path("c.pt"), writers.state_dict(arrays))
            self.refused("has parts that OpenAI's has not: " + name.replace("text.", ""), self.path("c.pt"),
                         "--bpe", self.bpe, "--activation", "gelu")

    def test_missing_layers(self):
        arrays = dict(self.arrays)
        for name in [n for n in arrays if n.startswith("visual.transformer.resblocks.0.")]:
            del arrays[name]
        path = self.path("clip.pt")
        writers.write_zip(path, writers.state_dict(arrays))
        self.refused("lacks 12 tensors: .*and 4 more", path, "--bpe", self.bpe)
        arrays = dict(self.arrays)
        arrays["ln_final.bias"] = np.ones(63, np.float32)
        writers.write_zip(path, writers.state_dict(arrays))
        self.refused(r"ln_final.bias is \(63\), expected \(64\)", path, "--bpe", self.bpe)

    def test_left_over_names_are_listed(self):
        path = self.path("clip.pt")
        more = {**self.arrays, "logit_bias": np.ones((), np.float32)}
        writers.write_zip(path, writers.script_tree(more), script=True)
        self.convert(path, "--bpe", self.bpe, notes="left over, not written: logit_bias")
