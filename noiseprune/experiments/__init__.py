"""Experiments of the replication: a frozen settings object in, a result that is stored as JSON out.

``python -m noiseprune.experiments --help`` lists and runs the stored ones.
"""

from noiseprune.experiments.asymmetric import AsymmetricSettings, asymmetric
from noiseprune.experiments.earlier import EarlierSettings, earlier_attempt
from noiseprune.experiments.large import LargeSettings, large_networks
from noiseprune.experiments.largest import TenThousandSettings, ten_thousand
from noiseprune.experiments.listening import ListeningSettings, listening
from noiseprune.experiments.record import Result
from noiseprune.experiments.rectified import RectifiedSettings, rectified
from noiseprune.experiments.spectrum import (
    ImportantSettings,
    LabRecordSettings,
    SpectrumSettings,
    important_synapses,
    lab_record,
    spectrum,
)
from noiseprune.experiments.stored import RESULTS, STORED, load, run
from noiseprune.experiments.theorem import (
    FailureSettings,
    PrunedFractionSettings,
    failure_rate,
    pruned_fraction,
)
from noiseprune.experiments.trajectories import TrajectorySettings, trajectories

__all__ = [
    "RESULTS",
    "STORED",
    "AsymmetricSettings",
    "EarlierSettings",
    "FailureSettings",
    "ImportantSettings",
    "LabRecordSettings",
    "LargeSettings",
    "ListeningSettings",
    "PrunedFractionSettings",
    "RectifiedSettings",
    "Result",
    "SpectrumSettings",
    "TenThousandSettings",
    "TrajectorySettings",
    "asymmetric",
    "earlier_attempt",
    "failure_rate",
    "important_synapses",
    "lab_record",
    "large_networks",
    "listening",
    "load",
    "pruned_fraction",
    "rectified",
    "run",
    "spectrum",
    "ten_thousand",
    "trajectories",
]
