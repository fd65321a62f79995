"""Training: what is stored runs in NumPy as it ran in PyTorch."""

import numpy as np
import pytest

from replication.experiments import trained
from replication.tasks import TASKS
from replication.train import Network, train


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_stored_weights_run_in_numpy_as_they_did_in_training(nonlinearity, rank):
    network = Network("demo", "delayed match", 16, nonlinearity, rank, steps=60)
    result = train(network, 3)
    score = result.pop("accuracy")
    arrays = {key: value.astype(float) for key, value in result.items()}
    assert np.linalg.matrix_rank(arrays["W"], tol=1e-4) == (rank or 16)
    again = trained.Network("demo", "delayed match", nonlinearity, **arrays)
    trials = TASKS["delayed match"](np.random.default_rng(0), 2000)
    # The same network on other trials: two proportions of 2,000, five standard errors.
    assert again.accuracy(trials) == pytest.approx(score, abs=5 * np.sqrt(0.5 / 2000))


def test_training_is_repeatable_and_learns():
    network = Network("demo", "delayed match", 32, "tanh", steps=200)
    first, second = train(network, 0), train(network, 0)
    np.testing.assert_array_equal(first["W"], second["W"])
    assert first["accuracy"] > 0.8  # chance is 0.5; 1.0 found
