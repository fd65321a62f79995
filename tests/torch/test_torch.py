"""Pruning of PyTorch modules. `make test-torch` runs these; the book's environment has no torch."""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

import noiseprune as npr
from noiseprune.torch import prune_recurrent

H = 40


def rnn(kind=nn.RNN, *, gain=0.5, seed=0, **options):
    torch.manual_seed(seed)
    module = kind(3, H, **options)
    if kind is nn.RNN:
        with torch.no_grad():
            module.weight_hh_l0.mul_(gain * np.sqrt(3))  # uniform +-1/sqrt(H): radius near `gain`
    return module


def inputs(steps=60, batch=8, seed=1):
    return torch.randn(steps, batch, 3, generator=torch.Generator().manual_seed(seed))


def weights(module, name="weight_hh_l0"):
    return getattr(module, name).detach().double().numpy().copy()


def off_diagonal(W):
    return W[~np.eye(len(W), dtype=bool)]


@pytest.mark.parametrize("rule", ["noise", "weight", "uniform"])
def test_kept_weights_are_those_of_the_rule_divided_by_their_probability(rule):
    module = rnn()
    W = weights(module)
    report = prune_recurrent(module, 0.3, rule=rule, rng=5)
    own = np.diag(W.diagonal())
    C = npr.stationary_covariance(W, time="discrete") if rule == "noise" else None
    S = npr.synapse_scores(W - own - np.eye(H), rule=rule, C=C)
    P = npr.keep_probabilities(S, keep=0.3)
    expected = npr.sample_synapses(W - own, P, diagonal="original", rng=5).toarray() + own
    np.testing.assert_allclose(weights(module), expected, rtol=1e-6, atol=1e-9)
    assert report.kept == np.count_nonzero(off_diagonal(expected))
    assert report.synapses == H * (H - 1)
    assert report.kept_fraction == report.kept / report.synapses
    assert report.spectral_radius == pytest.approx(np.abs(np.linalg.eigvals(W)).max(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_precision_stays_and_the_report_speaks_of_before_and_after(dtype):
    module = rnn().to(dtype)
    before = weights(module)
    report = prune_recurrent(module, 0.3, rng=0)
    assert module.weight_hh_l0.dtype == module.weight_hh_l0_orig.dtype == dtype
    for W, radius in (
        (before, report.spectral_radius),
        (weights(module), report.spectral_radius_sparse),
    ):
        assert radius == pytest.approx(np.abs(np.linalg.eigvals(W)).max(), rel=1e-2)
    assert report.spectral_radius_sparse != report.spectral_radius


def test_mean_over_draws_is_the_original():
    W = weights(rnn())
    total = np.zeros_like(W)
    draws = 400
    for seed in range(draws):
        module = rnn()
        prune_recurrent(module, 0.5, rng=seed)
        total += weights(module)
    module = rnn()
    own = np.diag(W.diagonal())
    C = npr.stationary_covariance(W, time="discrete")
    P = npr.keep_probabilities(npr.synapse_scores(W - own - np.eye(H), C=C), keep=0.5).toarray()
    P[np.eye(H, dtype=bool)] = 1
    deviation = np.abs(W) * np.sqrt((1 / np.maximum(P, 1e-12) - 1) / draws)
    # 1,560 synapses at five standard errors: a false alarm in about 1e-3.
    assert np.all(np.abs(total / draws - W) <= 5 * deviation + 1e-6)


def test_top_keeps_the_highest_scores_as_they_are():
    module = rnn()
    W = weights(module)
    report = prune_recurrent(module, 0.25, rule="weight", mode="top")
    kept = weights(module)
    assert report.kept == round(0.25 * H * (H - 1))
    left, gone = (
        np.abs(off_diagonal(W))[off_diagonal(kept) != 0],
        off_diagonal(W)[off_diagonal(kept) == 0],
    )
    assert left.min() >= np.abs(gone).max()
    np.testing.assert_array_equal(kept[kept != 0], W[kept != 0])


@pytest.mark.parametrize("mode", ["sample", "top"])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_self_weights_stay(kind, mode):
    module = rnn(kind)
    before = weights(module)
    prune_recurrent(module, 0.1, covariance="measured", inputs=inputs(), mode=mode, rng=0)
    after = weights(module)
    for old, new in zip(before.reshape(-1, H, H), after.reshape(-1, H, H), strict=True):
        np.testing.assert_allclose(new.diagonal(), old.diagonal(), rtol=1e-6)


def test_every_gate_keeps_the_same_fraction():
    module = rnn(nn.LSTM)
    report = prune_recurrent(module, 0.2, rule="weight", mode="top")
    for gate in weights(module).reshape(-1, H, H):
        assert np.count_nonzero(off_diagonal(gate)) == round(0.2 * H * (H - 1))
    assert report.kept == 4 * round(0.2 * H * (H - 1))
    assert np.isnan(report.spectral_radius)


def test_measured_covariance_is_the_linear_one_of_a_network_near_the_origin():
    module = rnn(gain=0.7)
    with torch.no_grad():
        for bias in (module.bias_ih_l0, module.bias_hh_l0):
            bias.zero_()
    W = weights(module)
    report = prune_recurrent(
        module, 0.5, covariance="measured", inputs=torch.zeros(400, 200, 3), sigma=1e-3, rng=0
    )
    exact = npr.stationary_covariance(W, time="discrete")
    variance = np.sqrt(np.outer(exact.diagonal(), exact.diagonal()))
    # 80,000 moments, correlated over a few steps: the error of an entry is about 1 %.
    assert np.abs((report.covariance - exact) / variance).max() < 0.05


@pytest.mark.parametrize("kind", ["tanh", "relu"])
def test_linear_covariance_around_a_fixed_point_is_that_of_one_step_there(kind):
    """The oracle differentiates the running module, with the constant input that drives it."""
    torch.manual_seed(3)
    module = torch.nn.RNN(3, H, nonlinearity=kind, dtype=torch.float64)
    with torch.no_grad():
        module.weight_hh_l0.mul_(1.6 if kind == "tanh" else 0.7)
        module.weight_ih_l0.mul_(6)
    step = torch.ones(1, 1, 3, dtype=torch.float64)
    state = module(step.expand(500, 1, 3))[1].detach()
    np.testing.assert_allclose(module(step, state)[1].detach(), state, atol=1e-12)
    J = torch.autograd.functional.jacobian(
        lambda h: module(step, h[None, None])[1][0, 0], state[0, 0]
    )
    assert float(J.abs().sum()) > 0
    report = prune_recurrent(module, 0.5, state=state[0, 0].numpy(), rng=0)
    exact = npr.stationary_covariance(J.numpy(), time="discrete")
    np.testing.assert_allclose(report.covariance, exact, rtol=1e-9, atol=1e-12)


def test_a_state_makes_a_network_stable_that_is_not_at_the_origin():
    module = rnn(gain=1.6, seed=3)
    with pytest.raises(ValueError, match="spectral radius 1"):
        prune_recurrent(module, 0.5)
    for beyond in (1.5, -1.5):
        with pytest.raises(ValueError, match=r"state must lie in \[-1, 1\], where the units"):
            prune_recurrent(module, 0.5, state=np.full(H, beyond))
    assert prune_recurrent(module, 0.5, state=np.full(H, 0.9), rng=0).kept


def test_refit_restores_the_recurrent_input_better_than_the_mask_alone():
    x = inputs(200)
    errors = {}
    for refit in (None, 1e-4):
        module = rnn()
        W = weights(module)
        activity, _ = module(x)
        h = activity.detach().double().numpy().reshape(-1, H)
        prune_recurrent(module, 0.3, rule="weight", mode="top", refit=refit, inputs=x)
        errors[refit] = np.linalg.norm(h @ (weights(module) - W).T) / np.linalg.norm(h @ W.T)
    assert errors[1e-4] < 0.7 * errors[None]


def test_refit_is_the_least_squares_of_every_row():
    module = rnn()
    W, x = weights(module), inputs(100)
    prune_recurrent(module, 0.3, rule="weight", mode="top", refit=0, inputs=x)
    fitted = weights(module)
    before = rnn()
    states, _ = before(x)
    h = torch.cat([torch.zeros(1, 8, H), states[:-1]]).detach().double().numpy().reshape(-1, H)
    for i in (0, 17, 39):
        on = fitted[i] != 0
        on[i] = True
        expected = np.linalg.lstsq(h[:, on], h @ W[i], rcond=None)[0]
        np.testing.assert_allclose(fitted[i, on], expected, rtol=1e-3, atol=1e-4)


def test_a_strong_refit_changes_nothing():
    module, plain = rnn(), rnn()
    prune_recurrent(module, 0.3, rule="weight", mode="top", refit=1e9, inputs=inputs())
    prune_recurrent(plain, 0.3, rule="weight", mode="top")
    np.testing.assert_allclose(weights(module), weights(plain), atol=1e-6)


def test_training_goes_on_and_pruned_weights_stay_zero():
    module = rnn()
    prune_recurrent(module, 0.3, rng=0)
    gone = weights(module) == 0
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    before = weights(module)
    for _ in range(3):
        optimiser.zero_grad()
        module(inputs())[0].square().mean().backward()
        optimiser.step()
    module(inputs())
    after = weights(module)
    assert np.all(after[gone] == 0)
    assert np.abs(after - before)[~gone].max() > 0


def test_forward_uses_the_pruned_weights():
    module = rnn(bias=False)
    prune_recurrent(module, 0.3, rng=0)
    W, V, x = weights(module), weights(module, "weight_ih_l0"), inputs(5, 1).double().numpy()
    h = np.zeros(H)
    for step in x[:, 0]:
        h = np.tanh(W @ h + V @ step)
    np.testing.assert_allclose(module(inputs(5, 1))[0][-1, 0].detach().numpy(), h, atol=1e-5)
    assert module._flat_weights[1] is module.weight_hh_l0


def test_state_is_saved_loaded_copied_and_made_permanent():
    module = rnn()
    prune_recurrent(module, 0.3, rng=0)
    x = inputs()
    with torch.no_grad():
        expected = module(x)[0]
        np.testing.assert_array_equal(copy.deepcopy(module)(x)[0], expected)
        file = io.BytesIO()
        torch.save(module.state_dict(), file)
        file.seek(0)
        other = rnn(seed=9)
        prune_recurrent(other, 0.9, rule="uniform", rng=1)
        other.load_state_dict(torch.load(file))
        np.testing.assert_array_equal(other(x)[0], expected)
        fresh = torch_prune.identity(rnn(seed=9), "weight_hh_l0")
        fresh.load_state_dict(module.state_dict())
        np.testing.assert_array_equal(fresh(x)[0], expected)
        torch_prune.remove(module, "weight_hh_l0")
        np.testing.assert_array_equal(module(x)[0], expected)
    assert "weight_hh_l0" in dict(module.named_parameters())


def test_pruning_twice_keeps_a_fraction_of_what_was_left():
    module = rnn()
    first = prune_recurrent(module, 0.5, rule="weight", mode="top")
    second = prune_recurrent(module, 0.5, rule="weight", mode="top")
    assert second.synapses == first.kept
    assert second.kept == round(0.5 * first.kept)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_mask_that_was_there_stays_and_training_keeps_it(kind):
    module, x = rnn(kind), inputs()
    torch_prune.random_unstructured(module, "weight_hh_l0", amount=0.5)  # self-weights, too
    gone = weights(module) == 0
    report = prune_recurrent(module, 0.5, rule="weight", rng=0)
    left = weights(module) != 0
    blocks = np.split(left, len(left) // H)
    assert not (left & gone).any()
    assert report.kept == sum(np.count_nonzero(off_diagonal(block)) for block in blocks)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        module(x)[0].square().mean().backward()
        optimiser.step()
    module(x)
    np.testing.assert_array_equal(weights(module) != 0, left)


def test_layers_cells_square_parameters_and_dotted_names():
    deep = nn.ModuleDict({"core": nn.RNN(3, H, num_layers=2, batch_first=True)})
    x = inputs().transpose(0, 1)
    report = prune_recurrent(
        deep, 0.2, name="core.weight_hh_l1", covariance="measured", inputs=x, rng=0
    )
    assert report.name == "core.weight_hh_l1"
    assert np.count_nonzero(off_diagonal(weights(deep["core"], "weight_hh_l1"))) == report.kept
    cell = nn.GRUCell(3, H)
    prune_recurrent(cell, 0.2, name="weight_hh", covariance="measured", inputs=inputs(), rng=0)
    linear = nn.Linear(H, H)
    prune_recurrent(linear, 0.2, name="weight", rng=0)
    assert np.count_nonzero(off_diagonal(weights(linear, "weight"))) < 0.3 * H * H


def test_the_module_is_run_without_dropout_and_left_in_its_mode():
    module = nn.RNN(3, H, num_layers=2, dropout=0.5)
    options = {"name": "weight_hh_l1", "covariance": "measured", "inputs": inputs(), "rng": 0}
    first = prune_recurrent(copy.deepcopy(module), 0.2, **options)
    second = prune_recurrent(module, 0.2, **options)
    np.testing.assert_array_equal(first.covariance, second.covariance)
    assert module.training


@pytest.mark.parametrize(
    ("module", "options", "error", "message"),
    [
        (np.eye(3), {}, TypeError, "module must be a torch.nn.Module, got ndarray"),
        (nn.RNN(3, 4), {"name": "weight"}, ValueError, "weight_hh_l0"),
        (nn.RNN(3, 4), {"name": "bias_hh_l0"}, ValueError, r"shape \(H, H\), got \(4,\)"),
        (nn.RNN(4, 4), {"name": "weight_ih_l0"}, ValueError, "the weights of the inputs"),
        (nn.GRU(2, 6), {"name": "weight"}, ValueError, "recurrent shape: weight_hh_l0$"),
        (nn.RNN(3, 1), {}, ValueError, "weight_hh_l0 has no weight between different units"),
        (
            nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)),
            {"name": "weight"},
            ValueError,
            "'weight' is computed from other parameters",
        ),
        (nn.LSTM(3, 4, proj_size=2), {"rule": "weight"}, ValueError, r"\(4 H, H\)"),
        (nn.LSTM(3, 4), {}, ValueError, "use covariance='measured'"),
        (nn.RNN(3, 4), {"covariance": "measured"}, ValueError, "inputs are needed"),
        (nn.RNN(3, 4), {"refit": 0.1}, ValueError, "inputs are needed"),
        (nn.RNN(3, 4), {"refit": 0.1, "inputs": [1]}, TypeError, "must be a tensor, got list"),
        (
            nn.Linear(4, 4),
            {"name": "weight", "covariance": "measured"},
            ValueError,
            "can't be run step by step",
        ),
        (
            nn.RNN(3, 4, bidirectional=True),
            {"covariance": "measured", "inputs": torch.zeros(5, 1, 3)},
            ValueError,
            "bidirectional.*and no refit",
        ),
        (nn.Linear(4, 4), {"name": "weight", "state": np.zeros(4)}, ValueError, "nonlinearity"),
        (nn.RNN(3, 4), {"state": np.zeros(3)}, ValueError, "each of the 4 units, got 3"),
        (nn.RNN(3, 4), {"rule": "leak"}, ValueError, "rule must be one of"),
        (nn.RNN(3, 4), {"mode": "all"}, ValueError, "mode must be one of"),
        (nn.RNN(3, 4), {"covariance": np.eye(3)}, ValueError, "C must have shape"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(module, options, error, message):
    before = copy.deepcopy(module.state_dict()) if isinstance(module, nn.Module) else None
    with pytest.raises(error, match=message):
        prune_recurrent(module, 0.5, **options)
    if before:
        after = module.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)


def test_nan_in_the_weights_is_refused():
    module = rnn()
    with torch.no_grad():
        module.weight_hh_l0[1, 2] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        prune_recurrent(module, 0.5, rule="weight")
