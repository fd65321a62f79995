"""Every number of the original and of what followed it, once, with where it is on record.

Sources by letter: P the paper (NeurIPS 2020), L the authors' lab code and its notebooks, R the
NeurIPS reviews, S the 2021 reproduction report and its notebook, T the 2026 release for trained
networks, M Moore's thesis. Where the record is silent there is no number here.
"""

from __future__ import annotations

from dataclasses import dataclass

# L, first notebook: the network, how it is pruned, and how it is simulated (model units).
LAB_SIZES = (1000, 200, 800)
DENSITY = 0.6  # L and S: share of the pairs inside a cluster that are connected
LONG_RANGE = 5000  # L and S: directed synapses
SPECTRAL_MARGIN = 1.1  # L: W is divided by so many times its largest eigenvalue
LAB_KEEP = 0.2
LAB_DT = 0.005
LAB_STEPS = 8000
LAB_SIMULATIONS = 20
LAB_SIGMA = 0.01
INPUT = 0.0002  # L and S: constant, to every neuron

# S: the paper's networks. L, second notebook: another account of the larger one.
PAPER_SIZES = (2700, 100, 100, 100)
PAPER_SIZES_10_000 = (9000,) + 10 * (100,)
LAB_SIZES_10_000 = (6600, 1000, 1600) + 8 * (100,)
LAB_KEEP_10_000 = 0.03


@dataclass(frozen=True)
class Recorded:
    """A number that L stores as an output, at `LAB_SIZES` and `LAB_KEEP`.

    Attributes
    ----------
    what : str
        What it is, in words.
    value : float
        The number.
    column, rule : str
        Where the result `lab_record` has ours.
    digits : int
        How many significant digits are worth printing.
    """

    what: str
    value: float
    column: str
    rule: str
    digits: int


LAB_OUTPUT = (
    Recorded("least eigenvalue", -1.22738, "smallest_eigenvalue", "noise", 4),
    Recorded("greatest eigenvalue", -0.03183, "largest_eigenvalue", "noise", 4),
    Recorded("directed synapses before pruning", 1010600, "synapses", "noise", 7),
    Recorded("synapses kept by the rule", 197404, "kept", "noise", 6),
    Recorded("largest rescaling factor of the rule", 816.0, "largest_rescale", "noise", 3),
    Recorded("synapses kept by the weight control", 201664, "kept", "weight", 6),
    Recorded(
        "largest rescaling factor of the weight control", 704.0, "largest_rescale", "weight", 3
    ),
)
LAB_KEPT_FRACTION = {"noise": 0.1953, "weight": 0.1995}  # as L prints them
LAB_SECONDS_MATRIX = 10.9
LAB_SECONDS_SIMULATIONS = 347.5  # six simulations of three networks

# T: tanh networks of 512 units, eight tasks, three seeds; after pruning 50 % and 80 %. Retention is
# sequence accuracy as a share of the unpruned network's; accuracy is the share of sequences right.
# "mask" keeps the top k by score, "rescaled" divides them by their probability too; "noise" takes
# the covariance of the linearised network, "simulated" that of the running one.
TRAINED_RETENTION = {
    "random": (0.055, 0.063),
    "magnitude": (0.748, 0.087),
    "OBS": (0.930, 0.137),
    "noise, mask": (0.782, 0.096),
    "noise, rescaled": (0.913, 0.378),
    "simulated, mask": (0.875, 0.147),
    "simulated, rescaled": (0.917, 0.382),
}
TRAINED_ACCURACY = {
    "random": (0.036, 0.044),
    "magnitude": (0.501, 0.054),
    "OBS": (0.626, 0.085),
    "noise, mask": (0.528, 0.060),
    "noise, rescaled": (0.613, 0.238),
    "simulated, mask": (0.589, 0.091),
    "simulated, rescaled": (0.617, 0.242),
}
