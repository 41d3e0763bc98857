"""Safetensors headers: the converter refuses what the program refuses, and takes what it takes."""

import json
import struct
import subprocess
import unittest

from case import Case, HAS_PROGRAM, PROGRAM

LATENTS = '"latents":{"dtype":"F32","shape":[1,512],"data_offsets":[0,2048]}'


def entry(dtype='"F32"', shape="[1,512]", offsets="[0,2048]", name="latents"):
    return '{"%s":{"dtype":%s,"shape":%s,"data_offsets":%s}}' % (name, dtype, shape, offsets)


# A header, and what the converter says of it.
BAD = (
    (entry(dtype='["F32"]'), "its dtype is a list"),
    (entry(dtype='{"a":1}'), "its dtype is a dict"),
    (entry(dtype="null"), "its dtype is None"),
    (entry(dtype='"F32\\u0000"'), "dtype"),
    ("{%s,%s}" % (LATENTS, LATENTS), 'key "latents" twice'),
    ('{"__metadata__":{"a":"1","a":"2"},%s}' % LATENTS, 'key "a" twice'),
    (entry(name="latents\\u0000"), "zero byte"),
    (entry(name="\\ud800"), "surrogate"),
    ('{"__metadata__":{"a\\ud800":"b"},%s}' % LATENTS, "surrogate"),
    ('{"__metadata__":{"a":"b\\udc00"},%s}' % LATENTS, "surrogate"),
    ('{"__metadata__":{"a":"b\\u0000"},%s}' % LATENTS, "metadata 'a' .* not a text"),
    ('{"__metadata__":{"a":1},%s}' % LATENTS, "metadata 'a' .* not a text"),
    ('{"__metadata__":{"a":null},%s}' % LATENTS, "metadata 'a' .* not a text"),
    ('{"__metadata__":[],%s}' % LATENTS, "__metadata__"),
    ('{"__metadata__":"a",%s}' % LATENTS, "__metadata__"),
    (entry(offsets="[0,NaN]"), "NaN"),
    (entry(offsets="[0,Infinity]"), "Infinity"),
    (entry(offsets="[0,2048.5]"), "no sizes"),
    (entry(offsets="[0]"), "damaged"),
    (entry(offsets='"ab"'), "damaged"),
    (entry(offsets="[2048,0]"), "contradicts"),
    (entry(offsets="[-1,2047]"), "no sizes"),
    (entry(offsets="[0,2047]"), "contradicts"),
    (entry(offsets="[10,2058]"), "truncated"),
    (entry(shape="[true,512]"), "no sizes"),
    (entry(shape="[1,-512]"), "no sizes"),
    (entry(shape='"ab"'), "damaged"),
    (entry(shape="[9999999999999999999999,512]"), "no sizes"),
    (entry(shape="[%s]" % ("9" * 5000)), "no sizes"),
    (entry(shape="[4294967296,4294967296,512]"), "contradicts"),
    (entry(shape="[%s512]" % ("1," * 6)), "7 dimensions, at most 6"),
    (entry(shape="[%s512]" % ("1," * 5000)), "5001 dimensions"),
    ('{"a":%s1%s,%s}' % ("[" * 200000, "]" * 200000, LATENTS), "nested deeper than 64"),
    ('{"latents":{"more":%s1%s,%s' % ("[" * 70, "]" * 70, LATENTS[len('"latents":{'):] + "}"), "nested deeper"),
    ('{"latents":[]}', "damaged at latents"),
    ('{"latents":null}', "damaged at latents"),
    ('{%s,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' % LATENTS, "overlap"),
    ('{%s,}' % LATENTS, "JSON"),
    ('{%s} x' % LATENTS, "JSON"),
    ('{%s' % LATENTS, "JSON"),
    ('{"a\x01b":1,%s}' % LATENTS, "JSON"),
)
GOOD = (
    "{%s}" % LATENTS,
    "{%s}    " % LATENTS,
    '{"__metadata__":{},%s}' % LATENTS,
    '{"__metadata__":{"a":"\\ud83d\\ude00","b":"\\u00e9"},%s}' % LATENTS,
    '{"b":{"dtype":"NEW8","shape":[4],"data_offsets":[2048,2052]},%s}' % LATENTS,
)


class TestSafetensors(Case):
    def file(self, header):
        data = header.encode("utf-8")
        return self.write("x.safetensors", struct.pack("<Q", len(data)) + data + bytes(2048 + 4))

    def of_program(self, path):
        """The exit status of `cfedit info`, and what it says of the file."""
        run = subprocess.run([PROGRAM, "info", "--json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return run.returncode, run.stderr.decode("utf-8", "replace")

    def test_bad_headers(self):
        for header, message in BAD:
            with self.subTest(header=header[:100]):
                self.refused_cheaply(message, self.file(header))

    def test_good_headers(self):
        for header in GOOD:
            with self.subTest(header=header):
                path = self.file(header)
                arrays, _types, meta = self.convert(path)
                self.assertEqual(arrays["latents"].shape, (1, 512))
                wanted = json.loads(header).get("__metadata__", {})
                self.assertEqual({k: meta[k] for k in wanted}, wanted)

    def test_metadata_of_null(self):
        """The reference implementation has the metadata as an optional map, which null leaves
        out."""
        self.convert(self.file('{"__metadata__":null,%s}' % LATENTS))

    def test_lengths_that_lie(self):
        header = ("{%s}" % LATENTS).encode()
        for length in (len(header) + 2053, 1 << 40, 1 << 63, 100000001):
            data = struct.pack("<Q", length) + header + bytes(2052)
            self.refused_cheaply("truncated|not a checkpoint", self.write("x.safetensors", data))

    @unittest.skipUnless(HAS_PROGRAM, "there is no built cfedit")
    def test_the_program_says_the_same(self):
        for header in [h for h, _message in BAD] + list(GOOD):
            with self.subTest(header=header[:100]):
                status, err = self.of_program(self.file(header))
                self.assertEqual(status, 0 if header in GOOD else 1, err)
