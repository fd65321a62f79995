"""How long a synapse must listen: the experiment and its figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from replication import experiments
from replication.figures import listening as draw

SMALL = experiments.ListeningSettings(
    sizes=(40, 20), long_range=60, seeds=(0, 1), snapshots=(10, 2000), durations=(1, 50), slow=3
)


@pytest.fixture(scope="module")
def small():
    return experiments.estimated_covariance(SMALL, progress=False)


def test_a_longer_record_has_a_smaller_error(small):
    for record, short, long in (("snapshots", 10, 2000), ("trajectory", 1, 50)):
        before = small.column("variance_error_rms", record=record, length=short)
        after = small.column("variance_error_rms", record=record, length=long)
        assert np.all(after < 0.5 * before)


def test_independent_snapshots_have_the_error_of_chi_square(small):
    # The synapses of 60 neurons give at least 30 independent estimates: 40 % is three deviations.
    for T in (10, 2000):
        error = small.column("variance_error_rms", record="snapshots", length=T)
        assert np.allclose(error, np.sqrt(2 / T), rtol=0.4)


def test_the_rows_of_a_seed_do_not_depend_on_the_lengths_that_are_asked_for(small):
    fewer = experiments.ListeningSettings(
        sizes=(40, 20), long_range=60, seeds=(1,), snapshots=(2000,), durations=(50,), slow=3
    )
    again = experiments.estimated_covariance(fewer, progress=False)
    for record, length in (("exact", 0), ("snapshots", 2000), ("trajectory", 50)):
        row = small.select(seed=1, record=record, length=length)[0]
        other = again.select(record=record, length=length)[0]
        assert np.isclose(row["epsilon"], other["epsilon"], rtol=1e-6)


@pytest.mark.parametrize("bad", [{"snapshots": (0,)}, {"keep": 0.0}])
def test_impossible_settings_are_refused(bad):
    settings = experiments.ListeningSettings(
        **{"sizes": (10, 5), "long_range": 5, "seeds": (0,), "durations": ()} | bad
    )
    with pytest.raises(ValueError):
        experiments.estimated_covariance(settings, progress=False)


def test_the_figures_draw_what_they_are_given():
    rng = np.random.default_rng(0)
    p, seeds = rng.random(50), 0.1 + rng.random((3, 4))
    T = [3, 10, 100, 1000]
    measures = {"a": {"estimated": seeds, "noise": seeds[:, 0], "weight": seeds[:, 1]}}
    figures = [
        draw.estimate_errors({"N = 5": (T, np.sqrt(2 / np.array(T)))}),
        draw.estimated_probabilities(p, {"one": p, "two": p**2}),
        draw.correlation_times({"in": 1 + p, "out": 2 + p}, slowest=20),
        draw.running_estimates(np.arange(50), {"one": p}, spread=0.2),
        draw.quality(T, measures, xlabel="snapshots T"),
    ]
    assert np.allclose(figures[0].axes[0].lines[0].get_ydata(), np.sqrt(2 / np.array(T)))
    assert np.allclose(figures[1].axes[1].lines[0].get_ydata(), p**2)
    assert figures[4].axes[0].get_xlabel() == "snapshots T"
    for figure in figures:
        figure.canvas.draw()
        plt.close(figure)
