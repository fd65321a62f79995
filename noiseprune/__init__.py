"""noiseprune: prune the synapses of a network by the noise that runs through it.

A tested implementation of Moore & Chaudhuri, "Using noise to probe recurrent neural network
structure and prune synapses" (NeurIPS 2020), its controls and its theory.

Threads: the package uses the processors that the process may use, or as many as the environment
variable NOISEPRUNE_THREADS says if that is fewer. Results do not depend on it.
"""

from noiseprune import asymmetric, large, rectified, theory
from noiseprune.comparison import NetworkComparison, compare
from noiseprune.covariance import sample_covariance, stationary_covariance, synapse_variances
from noiseprune.diagnosis import Diagnosis, diagnose
from noiseprune.dynamics import relax, simulate, stationary_trajectory, trajectory_error
from noiseprune.networks import add_leak, clustered, fixed_leak, random_graph, spatial, stabilise
from noiseprune.pruning import (
    PrunedNetwork,
    keep_probabilities,
    noise_prune,
    sample_synapses,
    synapse_scores,
)
from noiseprune.reading import Network, read
from noiseprune.spectrum import SpectralComparison, compare_spectra, slowest_modes, spectral_epsilon

__version__ = "0.1.0"

__all__ = [
    "Diagnosis",
    "Network",
    "NetworkComparison",
    "PrunedNetwork",
    "SpectralComparison",
    "add_leak",
    "asymmetric",
    "clustered",
    "compare",
    "compare_spectra",
    "diagnose",
    "fixed_leak",
    "keep_probabilities",
    "large",
    "noise_prune",
    "random_graph",
    "read",
    "rectified",
    "relax",
    "sample_covariance",
    "sample_synapses",
    "simulate",
    "slowest_modes",
    "spatial",
    "spectral_epsilon",
    "stabilise",
    "stationary_covariance",
    "stationary_trajectory",
    "synapse_scores",
    "synapse_variances",
    "theory",
    "trajectory_error",
]
