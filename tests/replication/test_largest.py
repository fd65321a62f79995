"""The experiment at N = 10,000, at a size where the others can check it."""

import numpy as np
import pytest

from replication import experiments

NETWORK = {"sizes": (60, 20, 20), "long_range": 150, "seeds": (0,)}


@pytest.fixture(scope="module")
def rows():
    settings = experiments.TenThousandSettings(**NETWORK, keep=0.4, steps=80, simulations=3, slow=5)
    return {row["rule"]: row for row in experiments.ten_thousand.one_seed(settings, 0)}


def test_spectrum_is_that_of_the_spectrum_experiment(rows):
    settings = experiments.SpectrumSettings(**NETWORK, keep=(0.4,), slow=5)
    for row in experiments.spectra.one_seed(settings, 0):
        mine = rows[row["rule"]]
        for key in ("synapses", "kept"):
            assert mine[key] == row[key]
        for key in (
            "epsilon",
            "largest_eigenvalue",
            "eigenvalue_error_slow",
            "eigenvalue_error_percentiles",
            "eigenvalue_error_median_size",
        ):
            np.testing.assert_allclose(mine[key], row[key], rtol=1e-7, atol=1e-10, err_msg=key)


def test_trajectories_are_those_of_the_trajectory_experiment(rows):
    settings = experiments.TrajectorySettings(
        **NETWORK,
        keep=(0.4,),
        rules=("noise", "weight"),
        diagonals=("matched",),
        dt=0.05,
        steps=80,
        every=10,
        simulations=3,
        exact=False,
    )
    for row in experiments.trajectory_errors.one_seed(settings, 0):
        for key in ("times", "mean", "std"):
            np.testing.assert_allclose(rows[row["rule"]][key], row[key], rtol=1e-10)


def test_one_simulation_has_no_spread():
    settings = experiments.TenThousandSettings(**NETWORK, simulations=1)
    with pytest.raises(ValueError, match="simulations must be at least 2"):
        experiments.ten_thousand(settings, progress=False)
