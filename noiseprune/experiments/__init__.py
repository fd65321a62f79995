"""Experiments of the replication: a frozen settings object in, a result that is stored as JSON out.

``python -m noiseprune.experiments --help`` lists and runs the stored ones.
"""

from noiseprune.experiments.record import Result
from noiseprune.experiments.spectrum import (
    ImportantSettings,
    LabRecordSettings,
    SpectrumSettings,
    important_synapses,
    lab_record,
    spectrum,
)
from noiseprune.experiments.stored import STORED, load, run
from noiseprune.experiments.trajectories import TrajectorySettings, trajectories

__all__ = [
    "STORED",
    "ImportantSettings",
    "LabRecordSettings",
    "Result",
    "SpectrumSettings",
    "TrajectorySettings",
    "important_synapses",
    "lab_record",
    "load",
    "run",
    "spectrum",
    "trajectories",
]
