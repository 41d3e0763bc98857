"""What a peer hands to peer.py: a piece of work that can be run, checked and timed."""


class Work:
    """run() does the work once. results() also does it once and returns the arrays that are compared with ours, by name.
    `about` tells versions, threads and kernels; `note` tells the options in use."""

    def __init__(self, run, results, about, note=""):
        self.run, self.results, self.about, self.note = run, results, about, note
