"""The rule on networks that fit no N x N matrix: 10^5 to 10^6 neurons on a laptop.

Everything here takes a sparse, symmetric, diagonally dominant A, signed weights included.
"""

from noiseprune.large.variances import VarianceEstimate, estimate_variances, synapse_variances

__all__ = ["VarianceEstimate", "estimate_variances", "synapse_variances"]
