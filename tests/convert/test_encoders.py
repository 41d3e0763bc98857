"""Encoders of e4e, pSp and ReStyle."""

import json
import os
import subprocess
import unittest

import numpy as np

from case import Case, HAS_PROGRAM, PROGRAM
import networks_small as small
import writers


class TestEncoders(Case):
    def checkpoint(self, arrays, opts=None, **more):
        path = self.path("model.pt")
        writers.write_zip(path, {"state_dict": writers.state_dict(arrays), "opts": opts or {}, **more})
        return path

    def average(self, rows=4):
        return small.normal(self.rng, rows, 8)

    def types(self):
        """The published types, with small networks of each."""
        pyramid, six = small.e4e_arrays(self.rng), small.e4e_arrays(self.rng, inputs=6)
        restyle, w = small.restyle_arrays(self.rng), small.linear_encoder_arrays(self.rng)
        return (("Encoder4Editing", pyramid), ("GradualStyleEncoder", pyramid), ("GradualStyleEncoder", six),
                ("BackboneEncoder", restyle), ("ProgressiveBackboneEncoder", restyle),
                ("BackboneEncoderUsingLastLayerIntoW", w), ("SingleStyleCodeEncoder", w),
                ("BackboneEncoderUsingLastLayerIntoWPlus", small.linear_encoder_arrays(self.rng, 4)))

    def test_e4e(self):
        arrays, average = small.e4e_arrays(self.rng), self.average()
        decoder = {"decoder." + n: a for n, a in small.stylegan2_arrays(self.rng).items()}
        path = self.checkpoint({**arrays, **decoder}, {"stylegan_size": 1024, "start_from_latent_avg": True},
                               latent_avg=writers.tensor(average))
        got, _types, meta = self.convert(path)
        self.assertArrays(got, {**arrays, "latent_avg": average})
        self.assertEqual((meta["kind"], meta["stylegan_size"], meta["start_from_latent_avg"]),
                         ("encoder", "1024", "true"))
        self.assertArrays(self.convert(path, "--with-decoder")[0],
                          {**arrays, **decoder, "latent_avg": average})
        self.convert(self.checkpoint(arrays), notes="no latent_avg")
        del arrays["encoder.styles.2.convs.2.bias"]
        self.refused("encoder.styles.2.convs.2.bias", self.checkpoint(arrays))

    def test_every_type_is_written_whole(self):
        for kind, arrays in self.types():
            average = self.average()
            got, _types, meta = self.convert(self.checkpoint(
                arrays, {"encoder_type": kind, "start_from_latent_avg": True}, latent_avg=writers.tensor(average)))
            self.assertArrays(got, {**arrays, "latent_avg": average})
            self.assertEqual((meta["kind"], meta["encoder_type"]), ("encoder", kind))
            for name in arrays:
                if not name.endswith("num_batches_tracked"):
                    less = {n: a for n, a in arrays.items() if n != name}
                    self.refused("lacks|%s" % name, self.checkpoint(
                        less, {"encoder_type": kind}, latent_avg=writers.tensor(average)))

    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_cfedit_runs_what_was_converted(self):
        for kind, arrays in self.types():
            self.convert(self.checkpoint(arrays, {"encoder_type": kind}, latent_avg=writers.tensor(self.average())))
            text = subprocess.run([PROGRAM, "info", "--json", self.out], check=True, stdout=subprocess.PIPE).stdout
            facts = json.loads(text)[0]
            self.assertEqual((facts["kind"], facts["complete"]), ("encoder", True), facts["missing"])
            iterative = arrays["encoder.input_layer.0.weight"].shape[1] == 6
            self.assertEqual((facts["facts"]["type"], facts["facts"]["iterative"], facts["facts"]["latents"]),
                             (kind, iterative, 4))

    def test_types_that_are_not_supported(self):
        arrays = small.e4e_arrays(self.rng)
        for kind in ("ResNetBackboneEncoder", "ResNetProgressiveBackboneEncoder", "ResNetGradualStyleEncoder", "x"):
            self.refused("an encoder of type %s; supported are Encoder4Editing, GradualStyleEncoder, Back" % kind,
                         self.checkpoint(arrays, {"encoder_type": kind}))
        self.refused("of type a list", self.checkpoint(arrays, {"encoder_type": ["Encoder4Editing"]}))
        resnet = {"encoder.conv1.weight": np.ones((4, 6, 7, 7), np.float32)}
        self.refused("of type ResNetBackboneEncoder; supported are",
                     self.checkpoint(resnet, {"encoder_type": "ResNetBackboneEncoder"}))
        self.refused("there is a tensor encoder.conv1.weight; name its type", self.checkpoint(resnet))
        self.refused("256 x 192 pixels", self.checkpoint(
            arrays, {"encoder_type": "Encoder4Editing", "dataset_type": "cars_encode"}))

    def test_tensors_that_contradict_the_type(self):
        pyramid, restyle = small.e4e_arrays(self.rng), small.restyle_arrays(self.rng)
        for arrays, kind, reason in (
                (pyramid, "BackboneEncoder", "encoder.latlayer1.weight"),
                (pyramid, "BackboneEncoderUsingLastLayerIntoW", "encoder.styles.0.linear.weight"),
                (restyle, "Encoder4Editing", "it reads 6 channels, and that type 3"),
                (small.e4e_arrays(self.rng, inputs=19), "GradualStyleEncoder", "19 channels, and that type 3 or 6"),
                (small.linear_encoder_arrays(self.rng, 4), "SingleStyleCodeEncoder", "output_layer_2.3.weight")):
            self.refused("of type %s, but .*%s" % (kind, reason), self.checkpoint(arrays, {"encoder_type": kind}))

    def test_a_checkpoint_that_does_not_tell_its_type(self):
        """It is taken for e4e's as before, unless it cannot be one; the user may name the type."""
        arrays, restyle = small.e4e_arrays(self.rng), small.restyle_arrays(self.rng)
        average = writers.tensor(self.average())
        self.assertNotIn("encoder_type", self.convert(self.checkpoint(arrays), notes="taken for e4e's")[2])
        meta = self.convert(self.checkpoint(arrays), "--encoder-type", "GradualStyleEncoder")[2]
        self.assertEqual(meta["encoder_type"], "GradualStyleEncoder")
        for other in (restyle, small.linear_encoder_arrays(self.rng)):
            self.refused(r"no encoder_type in it, and it is no Encoder4Editing: .*--encoder-type \(GradualStyle",
                         self.checkpoint(other, latent_avg=average))
        meta = self.convert(self.checkpoint(restyle, latent_avg=average), "--encoder-type", "BackboneEncoder")[2]
        self.assertEqual(meta["encoder_type"], "BackboneEncoder")
        told = {"encoder_type": "GradualStyleEncoder"}
        self.refused("say that it is of type GradualStyleEncoder; leave out --encoder-type",
                     self.checkpoint(arrays, told), "--encoder-type", "Encoder4Editing")
        self.convert(self.checkpoint(arrays, told))
        os.rename(self.out, self.path("once.safetensors"))
        self.assertEqual(self.convert(self.path("once.safetensors"))[2]["encoder_type"], "GradualStyleEncoder")
        writers.write_zip(self.path("v.pt"), writers.state_dict(small.vgg_arrays(self.rng)))
        self.refused("--encoder-type has no meaning", self.path("v.pt"), "--encoder-type", "Encoder4Editing")

    def test_encoders_that_do_not_start_from_the_average(self):
        """ReStyle's start from it whatever the options say."""
        average = writers.tensor(self.average())
        for flag, word in ((False, "false"), (True, "true")):
            for kind, arrays in self.types():
                restyle = arrays["encoder.input_layer.0.weight"].shape[1] == 6
                kept = flag or restyle
                got, _types, meta = self.convert(self.checkpoint(
                    arrays, {"start_from_latent_avg": flag, "encoder_type": kind}, latent_avg=average),
                    notes=None if kept else "latent_avg is not written")
                self.assertEqual(("latent_avg" in got, meta["start_from_latent_avg"]), (kept, word))

    def test_an_average_that_is_missing(self):
        """It is in the generator's file, too."""
        arrays, average = small.e4e_arrays(self.rng), small.normal(self.rng, 8)
        path = self.checkpoint(arrays, {"start_from_latent_avg": True, "encoder_type": "GradualStyleEncoder"})
        self.refused("no latent_avg in it, but .* as a second input, with --kind encoder", path)
        writers.write_zip(self.path("g.pt"), {"g_ema": writers.state_dict(small.stylegan2_arrays(self.rng)),
                                              "latent_avg": writers.tensor(average)})
        got = self.convert(path, self.path("g.pt"), "--kind", "encoder")[0]
        self.assertArrays(got, {**arrays, "latent_avg": average})
        self.refused("no latent_avg in it", self.checkpoint(small.restyle_arrays(self.rng),
                                                            {"encoder_type": "BackboneEncoder"}))
