"""Prune the recurrent weights of a PyTorch module, by noise or by a control.

``pip install 'noiseprune[torch]'``. A trained recurrent network runs in discrete time,
``h(t + 1) = f(W h(t) + input)``: its covariance solves ``C = J C J^T + sigma^2 I`` with the
Jacobian J of one step, or is measured by putting noise into the running module. `W[i, j]` is
the synapse from unit j to unit i, as in PyTorch's ``weight_hh``. Book, "Trained networks".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from noiseprune import _checks
from noiseprune._refit import refitted
from noiseprune.covariance import stationary_covariance
from noiseprune.pruning import keep_probabilities, sample_synapses, synapse_scores

COVARIANCES = ("linear", "measured")
MODES = ("sample", "top")
RULES = ("noise", "weight", "uniform")
GATES = {nn.LSTM: 4, nn.LSTMCell: 4, nn.GRU: 3, nn.GRUCell: 3}


@dataclass(frozen=True, eq=False)
class RecurrentPruning:
    """What was pruned, and by what.

    Attributes
    ----------
    name : str
        Parameter that was pruned.
    synapses, kept : int
        Nonzero weights between different units before, and how many of them are left.
    kept_fraction : float
        kept / synapses.
    covariance : (H, H) ndarray or None
        Covariance of the units that the scores were made from; None for the other rules.
    spectral_radius, spectral_radius_sparse : float
        Largest modulus of an eigenvalue of the weights, before and after; NaN for gates, which
        have no linear dynamics of their own.
    """

    name: str
    synapses: int
    kept: int
    kept_fraction: float
    covariance: np.ndarray | None
    spectral_radius: float
    spectral_radius_sparse: float


def prune_recurrent(
    module,
    keep,
    *,
    name="weight_hh_l0",
    rule="noise",
    covariance="linear",
    state=None,
    inputs=None,
    sigma=0.05,
    mode="sample",
    refit=None,
    rng=None,
):
    """Prune one recurrent weight matrix of a module, in place, and register its mask.

    The mask is registered with `torch.nn.utils.prune`: training goes on with the pruned weights at
    0, ``state_dict`` holds ``name_orig`` and ``name_mask``, and ``torch.nn.utils.prune.remove(
    module, name)`` makes the pruning permanent. Such a state loads into a module that has a mask,
    as after ``torch.nn.utils.prune.identity(module, name)``. The weight of a unit to itself is
    never pruned.

    Parameters
    ----------
    module : torch.nn.Module
        An `nn.RNN`, `nn.LSTM`, `nn.GRU`, one of their cells, or any module with a square parameter.
    keep : float in (0, 1]
        Fraction of the synapses kept (expected for mode "sample"); each gate of an LSTM or GRU
        keeps this fraction of its own.
    name : str
        Parameter, such as ``"weight_hh_l0"`` or, inside a larger module, ``"rnn.weight_hh_l0"``.
    rule : {"noise", "weight", "uniform"}
        As in `noiseprune.synapse_scores`. A network in discrete time has one leak for all units, so
        that rule "leak" would be rule "weight".
    covariance : {"linear", "measured"} or (H, H) array_like
        Where rule "noise" takes its covariance from. "linear": of the network linearised around
        `state`. "measured": of the deviation that noise of amplitude `sigma`, put into the units of
        the running module at every step, causes on the given `inputs`.
    state : (H,) array_like, optional
        Where "linear" linearises: activity of the units at a fixed point, under whatever constant
        input keeps it there. The slope of tanh is then ``1 - state**2``, that of relu 1 where the
        state is above 0. Without it the slope of every unit is 1, that of tanh at the origin.
    inputs : tensor, optional
        Input sequences in the layout that the module takes, for "measured" and `refit`.
    sigma : float
        Amplitude of the noise for "measured", in units of the activity; small against it.
    mode : {"sample", "top"}
        "sample" keeps each synapse with its probability and divides it by that; "top" keeps the
        synapses of the highest scores as they are.
    refit : float, optional
        Refit what is kept so that the recurrent input of every unit on `inputs` is as before:
        ridge regression towards the weights at hand, with this strength relative to the mean
        square activity.
    rng : numpy.random.Generator, int, SeedSequence, BitGenerator or None
        Source of randomness for the draw and the noise.

    Returns
    -------
    RecurrentPruning
        What was done.

    Raises
    ------
    TypeError
        If `module` is no module or `inputs` no tensor.
    ValueError
        If the module has no such weights of its own, they are not square or all 0, no stationary
        covariance exists (the message says what to do), or `inputs` are missing. The module is
        then unchanged.

    References
    ----------
    Book, "Trained networks".

    Examples
    --------
    >>> import torch
    >>> from noiseprune.torch import prune_recurrent
    >>> _ = torch.manual_seed(0)
    >>> rnn = torch.nn.RNN(3, 50)
    >>> report = prune_recurrent(rnn, 0.2, rng=0)
    >>> report.synapses, 0.15 < report.kept_fraction < 0.25
    (2450, True)
    """
    owner, leaf = _owner(module, name)
    parameter = getattr(owner, leaf + "_orig", None)  # pruned before
    parameter = getattr(owner, leaf) if parameter is None else parameter
    keep = _checks.number(keep, "keep", low=0, low_open=True, high=1)
    _checks.choice(rule, "rule", RULES)
    _checks.choice(mode, "mode", MODES)
    sigma = _checks.number(sigma, "sigma", low=0, low_open=True)
    if refit is not None:
        refit = _checks.number(refit, "refit", low=0)
    rng = _checks.generator(rng)

    weights = getattr(owner, leaf).detach().cpu().to(torch.float64, copy=True).numpy()  # masked
    gates = _gates(owner, weights, name)
    gram = None
    if refit is not None or (rule == "noise" and isinstance(covariance, str)):
        if refit is not None or covariance == "measured":
            _check_inputs(owner, inputs, name)
        if refit is not None:
            before = _run(owner, inputs, leaf)[0]
            gram = before.T @ before / len(before)
    C = (
        _covariance(owner, weights, name, covariance, state, inputs, sigma, rng)
        if (rule == "noise")
        else None
    )

    blocks, masks, synapses = [], [], 0
    for W in np.split(weights, gates):
        own = np.diag(W.diagonal())
        S = synapse_scores(W - own - np.eye(len(W)), rule=rule, C=C)
        synapses += S.nnz
        kept = _sampled(W - own, S, keep, rng) if mode == "sample" else _top(W, S, keep)
        block, mask = kept + own, (kept != 0) | np.eye(len(W), dtype=bool)
        blocks.append(block if gram is None else refitted(W, block, mask, gram, refit))
        masks.append(mask)
    pruned, mask = np.vstack(blocks), np.vstack(masks)

    like = {"dtype": parameter.dtype, "device": parameter.device}
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(pruned, **like))
        torch_prune.custom_from_mask(owner, leaf, torch.as_tensor(mask, **like))
    kept = int(mask.sum()) - gates * weights.shape[1]
    return RecurrentPruning(
        name, synapses, kept, kept / synapses, C, _radius(weights), _radius(pruned)
    )


def _owner(module, name):
    """Return the submodule that has the parameter, and the parameter's own name."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    path, _, leaf = name.rpartition(".")
    try:
        owner = module.get_submodule(path)
    except AttributeError:
        owner = None
    own = {} if owner is None else owner._parameters
    if not any(isinstance(own.get(key), torch.Tensor) for key in (leaf, leaf + "_orig")):
        if leaf in getattr(owner, "parametrizations", ()):
            raise ValueError(
                f"{name!r} is computed from other parameters; make it one of its own first, with "
                "torch.nn.utils.parametrize.remove_parametrizations"
            )
        found = [
            f"{path}.{key}".removeprefix(".").removesuffix("_orig")
            for path, part in module.named_modules()
            for key, value in part.named_parameters(recurse=False)
            if value.ndim == 2
            and value.shape[0] == _count(part) * value.shape[1]
            and not _is_input(part, key)
        ]
        raise ValueError(
            f"the module has no parameter {name!r}; parameters with recurrent shape: "
            f"{', '.join(found) or 'none'}"
        )
    if _is_input(owner, leaf):
        raise ValueError(
            f"{name} holds the weights of the inputs; only weights between the same units, "
            "weight_hh, are recurrent"
        )
    return owner, leaf


def _count(owner):
    """How many square matrices a recurrent weight of the module holds."""
    return next((count for kind, count in GATES.items() if isinstance(owner, kind)), 1)


def _is_input(owner, leaf):
    return isinstance(owner, (nn.RNNBase, nn.RNNCellBase)) and leaf.startswith("weight_ih")


def _gates(owner, weights, name):
    """Return how many square matrices, one above the other, the parameter holds."""
    gates = _count(owner)
    if weights.ndim != 2 or weights.shape[0] != gates * weights.shape[1]:
        wanted = "(H, H)" if gates == 1 else f"({gates} H, H)"
        raise ValueError(
            f"{name} must have shape {wanted}, got {tuple(weights.shape)}: only weights "
            "between the same units are recurrent"
        )
    if not np.isfinite(weights).all():
        raise ValueError(f"{name} must be finite; it holds NaN or infinity")
    n = weights.shape[1]
    if not (weights.reshape(gates, n, n) * ~np.eye(n, dtype=bool)).any(axis=(1, 2)).all():
        raise ValueError(f"{name} has no weight between different units: nothing to prune")
    return gates


def _covariance(owner, weights, name, covariance, state, inputs, sigma, rng):
    """Return the covariance of the units."""
    if not isinstance(covariance, str):
        return _checks.array(covariance, "covariance", ndim=2)
    _checks.choice(covariance, "covariance", COVARIANCES)
    leaf = name.rpartition(".")[2]
    if covariance == "measured":
        clean, noisy = _run(owner, inputs, leaf), _run(owner, inputs, leaf, sigma, rng)
        deviation = (noisy[1] - clean[1]) / sigma
        if not np.isfinite(deviation).all():
            raise ValueError("the activity of the module is not finite on these inputs")
        return deviation.T @ deviation / len(deviation)
    if len(weights) != weights.shape[1]:
        raise ValueError(
            f"covariance='linear' does not fit {type(owner).__name__}, whose gates have no linear "
            "dynamics of their own; use covariance='measured' with inputs"
        )
    J = _slopes(owner, len(weights), state)[:, None] * weights
    radius = _radius(J)
    if radius >= 1:
        where = "the origin" if state is None else "the given state"
        raise ValueError(
            f"the network linearised around {where} has spectral radius {radius:.4g}, so that no "
            "stationary covariance exists (it must be below 1); give the state of a stable fixed "
            "point, covariance='measured' with inputs, or a covariance of your own"
        )
    return stationary_covariance(J, time="discrete")


def _slopes(owner, n, state):
    """Slope of every unit's nonlinearity where its output is the state, whatever drives it."""
    if state is None:
        return np.ones(n)
    state = _checks.array(state, "state", ndim=1)
    if state.size != n:
        raise ValueError(f"state must have one entry for each of the {n} units, got {state.size}")
    kind = getattr(owner, "nonlinearity", None)
    if kind is None:
        raise ValueError(
            f"state needs a module with a known nonlinearity, nn.RNN or nn.RNNCell, got "
            f"{type(owner).__name__}; leave it out, or give the covariance yourself"
        )
    low, high = (-1, 1) if kind == "tanh" else (0, np.inf)
    if state.min() < low or state.max() > high:
        raise ValueError(
            f"state must lie in [{low}, {high}], where the units with {kind} are, got values from "
            f"{state.min():.6g} to {state.max():.6g}"
        )
    return 1 - state**2 if kind == "tanh" else (state > 0).astype(float)


def _check_inputs(owner, inputs, name):
    """Refuse what the module can't be run on step by step."""
    if not isinstance(owner, (nn.RNNBase, nn.RNNCellBase)):
        raise ValueError(
            f"{name} belongs to {type(owner).__name__}, which can't be run step by step here (only "
            "nn.RNN, nn.LSTM, nn.GRU and their cells can); give the covariance yourself, and no "
            "refit"
        )
    if getattr(owner, "bidirectional", False):
        raise ValueError(
            "a bidirectional module has no state that runs forward with its inputs; give the "
            "covariance yourself, or take another rule, and no refit"
        )
    if inputs is None:
        raise ValueError("inputs are needed for covariance='measured' and for refit")
    if not isinstance(inputs, torch.Tensor):
        raise TypeError(f"inputs must be a tensor, got {type(inputs).__name__}")
    if inputs.ndim not in (2, 3) or 0 in inputs.shape:
        raise ValueError(
            f"inputs must have the shape that the module takes, (time, batch, features), got "
            f"{tuple(inputs.shape)}"
        )


@torch.no_grad()
def _run(owner, inputs, leaf, sigma=0.0, rng=None):
    """Run the module one step at a time, with noise in the units that the weights join.

    Returns
    -------
    before, after : ndarray, shape (steps * batch, H)
        Activity of the units that enters each step, and that which leaves it, noise included.
    """
    cell = isinstance(owner, nn.RNNCellBase)
    x = inputs if inputs.ndim == 3 else inputs[:, None]
    if getattr(owner, "batch_first", False) and inputs.ndim == 3:
        x = x.transpose(0, 1)
    layer = 0 if cell else int(leaf.rpartition("_l")[2])
    hidden, before, after = None, [], []
    training, size = owner.training, owner.hidden_size
    owner.eval()  # no dropout between layers
    try:
        for step in x:
            if cell:
                hidden = owner(step, hidden)
                units = hidden[0] if isinstance(hidden, tuple) else hidden
            else:
                batch_first = getattr(owner, "batch_first", False)
                _, hidden = owner(step[:, None] if batch_first else step[None], hidden)
                units = (hidden[0] if isinstance(hidden, tuple) else hidden)[layer]
            if sigma:
                noise = sigma * rng.standard_normal(tuple(units.shape))
                units += torch.as_tensor(noise, dtype=units.dtype, device=units.device)
            before.append(after[-1] if after else np.zeros((step.shape[0], size)))
            after.append(units.double().cpu().numpy().copy())
    finally:
        owner.train(training)
    return np.concatenate(before), np.concatenate(after)


def _sampled(W, S, keep, rng):
    """Weights between different units after one draw, strengthened."""
    P = keep_probabilities(S, keep=keep)
    return sample_synapses(W, P, diagonal="original", rng=rng).toarray()


def _top(W, S, keep):
    """Weights between different units of the highest scores, as they are."""
    S = S.tocoo()
    best = np.argsort(-S.data, kind="stable")[: max(1, round(keep * S.data.size))]
    kept = np.zeros_like(W)
    i, j = S.coords[0][best], S.coords[1][best]
    kept[i, j] = W[i, j]
    return kept


def _radius(W):
    """Spectral radius of square weights."""
    if W.shape[0] != W.shape[1]:
        return float("nan")
    return float(np.abs(np.linalg.eigvals(W)).max())
