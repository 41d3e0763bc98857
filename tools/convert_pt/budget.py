"""A limit on what reading one file may cost.

A pickle of a few kilobytes can ask for terabytes: a text joined with itself forty times, a list of
lists turned to text, a key made of nested tuples, an archive entry that unpacks a thousandfold. A
limit for each trick would miss the next trick, so everything that reads a file draws on one Budget.
Each limit is a fixed amount, enough for any small file, plus a multiple of the size of the file on
disk.
"""

from .errors import ConvertError

# A genuine pickle needs less than one step for each byte.
STEPS, STEPS_PER_BYTE = 1 << 19, 4
# A text takes up to four bytes in memory for one in the file.
MEMORY, MEMORY_PER_BYTE = 1 << 26, 4
# Weights that are packed shrink by a tenth, or by half.
UNPACKED, UNPACKED_PER_BYTE = 1 << 26, 16
# Some checkpoints are packed, or store one number for many equal ones.
OUTPUT, OUTPUT_PER_BYTE = 1 << 26, 16


class Budget:
    """What is left to spend on one file of `size` bytes."""

    def __init__(self, size: int):
        self.size = size
        self.steps = STEPS + STEPS_PER_BYTE * size
        self.memory = MEMORY + MEMORY_PER_BYTE * size
        self.unpacked = UNPACKED + UNPACKED_PER_BYTE * size

    def step(self, count: int = 1) -> None:
        """Spends `count` steps of work; a step is one opcode, or one item copied."""
        self.steps -= count
        if self.steps < 0:
            self.refuse("takes more work")

    def hold(self, size: int) -> None:
        """Spends `size` bytes of memory for objects that are made while the file is read."""
        self.memory -= size
        if self.memory < 0:
            self.refuse("takes more memory")

    def unpack(self, size: int) -> None:
        """Spends `size` bytes of unpacked data."""
        self.check_unpacked(size)
        self.unpacked -= size

    def check_unpacked(self, size: int) -> None:
        """Fails where `size` bytes of unpacked data would be too many; spends nothing."""
        if size > self.unpacked:
            self.refuse("unpacks to more data")

    def refuse(self, what: str) -> None:
        """Ends the reading of the file."""
        raise ConvertError("refused: reading it %s than weights in a file of %d bytes can need" %
                           (what, self.size))


def check_output(size: int, read: int) -> None:
    """Fails where the result would be much larger than the `read` bytes of all inputs: a hostile
    file can name the same numbers a million times."""
    if size > OUTPUT + OUTPUT_PER_BYTE * read:
        raise ConvertError("refused: the result would take %d bytes, the input has only %d" % (size, read))
