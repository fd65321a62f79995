"""Experiments of the replication: a frozen settings object in, a result that is stored as JSON out.

``python -m replication --help`` lists and runs the stored ones.
"""

from replication.experiments.asymmetric import AsymmetricSettings, asymmetric
from replication.experiments.earlier import EarlierSettings, earlier_attempt
from replication.experiments.large import LargeSettings, large_networks
from replication.experiments.largest import TenThousandSettings, ten_thousand
from replication.experiments.listening import ListeningSettings, listening
from replication.experiments.rectified import RectifiedSettings, rectified
from replication.experiments.spectrum import (
    ImportantSettings,
    LabRecordSettings,
    SpectrumSettings,
    important_synapses,
    lab_record,
    spectrum,
)
from replication.experiments.theorem import (
    FailureSettings,
    PrunedFractionSettings,
    failure_rate,
    pruned_fraction,
)
from replication.experiments.trajectories import TrajectorySettings, trajectories
from replication.registry import RESULTS, STORED, disagreements, load, run
from replication.result import Result, streams

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
    "disagreements",
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
    "streams",
    "ten_thousand",
    "trajectories",
]
