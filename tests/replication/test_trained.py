"""Tasks, and the pruning of networks trained on them."""

import dataclasses

import numpy as np
import pytest

import noiseprune as npr
from noiseprune._refit import refitted
from replication.experiments import trained
from replication.tasks import TASKS, accuracy, context_integration, delayed_match, flip_flop


def test_flip_flop_wants_the_sign_of_the_last_pulse():
    trials = flip_flop(np.random.default_rng(0), 5)
    for trial in range(5):
        for bit in range(3):
            last = 0.0
            for t in range(60):
                pulse = trials.inputs[t, trial, bit]
                last = pulse or last
                assert trials.targets[t, trial, bit] == last
                assert trials.judged[t, trial, bit] == (pulse == 0)


def test_delayed_match_shows_the_same_or_another_stimulus():
    trials = delayed_match(np.random.default_rng(0), 200)
    first = trials.inputs[:4].mean(axis=0).argmax(axis=1)
    second = trials.inputs[24:28].mean(axis=0).argmax(axis=1)
    np.testing.assert_array_equal(trials.targets[-1, :, 0] > 0, first == second)
    assert 0.35 < np.mean(first == second) < 0.65  # 200 coins: four standard errors
    assert not trials.judged[:-4].any()


def test_context_says_which_stream_counts():
    trials = context_integration(np.random.default_rng(0), 4000, noise=0.0)
    stream = trials.inputs[0, :, :2]
    context = trials.inputs[0, :, 3].astype(int)
    np.testing.assert_array_equal(
        np.sign(stream[np.arange(4000), context]), trials.targets[-1, :, 0]
    )


@pytest.mark.parametrize("task", TASKS)
def test_accuracy_is_strict(task):
    trials = TASKS[task](np.random.default_rng(1), 50)
    assert accuracy(trials.targets, trials) == 1
    wrong = trials.targets.copy()
    t, trial, output = np.argwhere(trials.judged)[0]
    wrong[t, trial, output] *= -1
    assert accuracy(wrong, trials) == pytest.approx(1 - 1 / 50)
    assert accuracy(np.full(wrong.shape, np.nan), trials) == 0


def network(n=24, seed=0, radius=0.8):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(n, n))
    W *= radius / np.abs(np.linalg.eigvals(W)).max()
    return trained.Network(
        "demo",
        "flip-flop",
        "tanh",
        W,
        rng.normal(size=(n, 3)),
        np.zeros(n),
        rng.normal(size=(3, n)),
        np.zeros(3),
    )


def test_rows_hold_every_score_and_draw():
    settings = trained.TrainedSettings(seeds=(0,), keep=(0.5,), draws=2, trials=20)
    rows = trained.network_rows(settings, network(), 0)
    drawn = {(r["score"], r["how"]) for r in rows if r["how"] in trained.DRAWS}
    noise = {f"noise, {where}" for where in ("origin", "fixed points", "measured")}
    assert drawn == {(s, h) for s in noise | {"weight", "uniform"} for h in trained.DRAWS}
    assert {r["how"] for r in rows} >= {"unpruned", "without recurrence", "top", "top, refit"}
    assert all(0 <= r["accuracy"] <= 1 for r in rows)
    (random,) = {r["score"] for r in rows if r["how"] == "as they are, refit"}
    assert random == "uniform"
    full = 24 * 23
    for r in rows:
        if r["how"] == "top":
            assert r["kept"] == round(0.5 * full)


def test_without_fixed_points_their_rows_are_there_and_empty(monkeypatch):
    """Every seed of a stored result has the same rows."""
    settings = trained.TrainedSettings(seeds=(0,), keep=(0.5,), draws=2, trials=20)
    full = trained.network_rows(settings, network(), 0)
    monkeypatch.setattr(trained, "fixed_points", lambda net, activity: np.empty((0, len(net.W))))
    rows = trained.network_rows(settings, network(), 0)
    for row, before in zip(rows, full, strict=True):
        if row["score"] == "noise, fixed points":
            assert row["accuracy"] is row["kept"] is None
            row = {**row, "accuracy": before["accuracy"], "kept": before["kept"]}
        assert row == before


def test_draws_of_one_seed_keep_the_same_synapses():
    net = network()
    A = net.W - np.diag(net.W.diagonal()) - np.eye(24)
    P = npr.keep_probabilities(npr.synapse_scores(A, rule="weight"), keep=0.5)
    drawn = trained._drawn(A, P, [0, 0, 500])
    kept = drawn["as they are"] != 0
    for W in drawn.values():
        np.testing.assert_array_equal(W != 0, kept)
    np.testing.assert_allclose(
        drawn["divided by p"][kept], (A / np.where(kept, P.toarray(), 1))[kept]
    )
    assert np.all(np.abs(drawn["capped"]) <= np.abs(drawn["divided by p"]) + 1e-12)
    inputs = np.abs(A - np.diag(A.diagonal())).sum(axis=1)
    np.testing.assert_allclose(np.abs(drawn["homeostatic"]).sum(axis=1), inputs, rtol=1e-8)


def test_refit_is_least_squares():
    rng = np.random.default_rng(0)
    h, W = rng.normal(size=(500, 70)), rng.normal(size=(70, 70))  # more rows than one block
    mask = rng.random(W.shape) < 0.4
    fitted = refitted(W, W * mask, mask, h.T @ h / 500, 0.0)
    for i in (0, 65):
        expected = np.linalg.lstsq(h[:, mask[i]], h @ W[i], rcond=None)[0]
        np.testing.assert_allclose(fitted[i, mask[i]], expected, rtol=1e-6)
    assert np.all(fitted[~mask] == 0)


def test_surgeon_removes_the_weight_whose_loss_costs_least():
    """Brute force: every single removal with everything else refit."""
    rng = np.random.default_rng(0)
    h, W = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)), rng.normal(size=(6, 6))
    gram = h.T @ h / 300
    (found,) = trained.surgeon(W, gram, (0.8,), ridge=0.0)  # one of five synapses of every row
    for i in range(6):
        candidates = []
        for q in set(range(6)) - {i}:
            on = np.arange(6) != q
            w = np.zeros(6)
            w[on] = np.linalg.lstsq(h[:, on], h @ W[i], rcond=None)[0]
            candidates.append((np.square(h @ (w - W[i])).sum(), q, w))
        _, q, w = min(candidates)
        assert found[i, q] == 0
        np.testing.assert_allclose(found[i], w, atol=1e-8)


def test_surgeon_snapshots_nest():
    W = network(40).W
    half, tenth = trained.surgeon(W, np.eye(40), (0.5, 0.1))
    assert np.all(half[tenth != 0] != 0)
    assert np.count_nonzero(tenth) == 40 + 40 * round(0.1 * 39)
    np.testing.assert_allclose(tenth[tenth != 0], W[tenth != 0])  # white activity: nothing to refit


def test_fixed_points_are_fixed_and_stable():
    net = network()
    W = net.W @ net.W.T  # symmetric and positive: it comes to rest
    net = dataclasses.replace(net, W=1.5 * W / np.linalg.norm(W, 2))
    activity = net.run(flip_flop(np.random.default_rng(0), 64).inputs)
    points = trained.fixed_points(net, activity)
    assert len(points) > 0
    np.testing.assert_allclose(np.tanh(points @ net.W.T), points, atol=1e-7)
