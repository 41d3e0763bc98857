"""A short run of fuzz.py, always the same; `python3 tests/convert/fuzz.py SECONDS SEED` runs
longer."""

from case import Case
from fuzz import Fuzzer


class TestFuzz(Case):
    def test_damaged_and_invented_files(self):
        fuzzer = Fuzzer(1, self.folder)
        for number in range(150):
            self.assertIsNone(fuzzer.finding(fuzzer.input()), "input %d" % number)
