"""Before pruning: what a network is, what will matter, and what to expect of every rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from noiseprune import _checks, _matrix, _parts, report, theory
from noiseprune.large.solver import abscissa as spectral_abscissa
from noiseprune.pruning import RULES, keep_probabilities, synapse_scores

KEEPS = (0.5, 0.3, 0.2, 0.1, 0.05)
_BOTTLENECKS = 5  # synapses that are named
_MODES = 10  # slowest modes for which the gain is predicted
_SCALED = "noise, homeostatic"  # column of the predictions
_PAYS = 1.2  # predicted gain over leak above which there are bottlenecks that count
_SIMILAR = 1.25  # ratio of leaks below which they are called nearly the same
_LOST = 0.7  # neurons expected to lose all their synapses: half of all draws lose one
_BUDGET = 10**5  # synapses above which the fraction for a wanted epsilon is not searched for


@dataclass(frozen=True)
class Diagnosis:
    """A network in numbers, predictions for every rule, and advice; `print` shows all of it.

    Attributes
    ----------
    neurons, synapses : int
        Size; synapses are directed, a pair counts twice.
    density : float
        Synapses as a fraction of all that could be.
    symmetric, dominant, stable : bool
        Whether A is symmetric, diagonally dominant, and stable.
    excitatory, inhibitory, mixed : int
        Neurons whose outgoing synapses are all positive, all negative, or of both signs. Dale's law
        is kept where `mixed` is 0.
    components, isolated : int
        Connected parts, whatever the direction, and how many of them are single neurons.
    abscissa, time_constant : float
        Largest real part of an eigenvalue, and ``-1 / abscissa``, infinite where A is unstable.
    leak_share : float
        Median over neurons that have a synapse of excess leak over leak: 0 where the input balances
        the leak, negative where it exceeds it.
    input_spread : float
        Standard deviation over mean of the total input of neurons that have one.
    leak_ratio : float
        Largest over smallest leak of neurons that have a synapse: how far rule "leak" may differ
        from rule "weight".
    floor : float
        ``(N - components) / E``, E the number of pairs or of directed synapses: below this
        fraction no selection of synapses holds the parts together.
    score_ratio : float or None
        95 % quantile of the noise score over the leak score: 1 where noise says nothing new. None
        where A is unstable.
    bottlenecks : tuple of (source, target, ratio)
        The synapses of which noise says most beyond the leak score.
    measure : str
        What is predicted: "epsilon", the median worst relative error with the leak matched, for a
        symmetric, dominant network; else "input error", the standard deviation of a neuron's total
        input over its leak, its median over neurons.
    predictions : tuple of dict
        For each fraction kept, the measure under every rule, and for "epsilon" that of rule "noise"
        with diagonal "homeostatic". Infinite where nothing holds.
    keep_for : dict
        Smallest fraction for epsilon 0.5 and 0.3, for every rule; empty where it is not predicted.
    rough : dict
        For each column of the predictions, the fractions, those of `keep_for` included, at which
        epsilon is not reliable: above 1, or single synapses decide (`theory.PredictedEpsilon`). And
        for a gain above 1 that is not (`theory.PredictedGain`).
    gain : dict
        How many times smaller the errors of the ten slowest modes are by noise than by leak, and
        than by weight; empty where it is not predicted. Modes count as in `theory.predicted_gain`.
    advice : tuple of str
        What follows.
    """

    neurons: int
    synapses: int
    density: float
    symmetric: bool
    dominant: bool
    stable: bool
    excitatory: int
    inhibitory: int
    mixed: int
    components: int
    isolated: int
    abscissa: float
    time_constant: float
    leak_share: float
    input_spread: float
    leak_ratio: float
    floor: float
    score_ratio: float | None
    bottlenecks: tuple
    measure: str
    predictions: tuple
    keep_for: dict
    rough: dict
    gain: dict
    advice: tuple

    @property
    def facts(self):
        """What the network is, words for what is measured beside what was found."""
        kind = "symmetric" if self.symmetric else "directed"
        return {
            "neurons": self.neurons,
            "directed synapses": f"{self.synapses} ({self.density:.2%} of all possible), {kind}",
            "neurons by sign of output": f"{self.excitatory} excitatory, {self.inhibitory} "
            f"inhibitory, {self.mixed} both (Dale's law {'not ' * (self.mixed > 0)}kept)",
            "connected parts": f"{self.components}, of which {self.isolated} single neurons",
            "diagonally dominant": f"{'yes' if self.dominant else 'no'}; excess leak is "
            f"{self.leak_share:.1%} of the leak (median)",
            "stable": f"{'yes' if self.stable else 'NO'}; spectral abscissa "
            f"{self.abscissa:.4g}, slowest time constant {report.number(self.time_constant)}",
            "spread of total input": f"{self.input_spread:.2f} (standard deviation / mean)",
            "largest / smallest leak": f"{self.leak_ratio:.3g} (of neurons that have a synapse)",
            "floor": f"{self.floor:.4f}: below, no selection holds the network together",
            "noise score / leak score": f"{report.number(self.score_ratio)} (95 % quantile)",
        }

    def to_dict(self):
        """Return everything as a dictionary of numbers, texts and lists, fit for JSON."""
        return {**vars(self), "facts": self.facts}

    def __str__(self):
        width = max(map(len, self.facts))
        lines = [f"  {name.ljust(width)}  {value}" for name, value in self.facts.items()]
        if self.bottlenecks:
            named = ", ".join(f"{a} -> {b} ({r:.2g})" for a, b, r in self.bottlenecks)
            lines.append(report.wrapped(f"  noise says most about {named}"))
        if self.predictions:
            lines += ["", f"predicted {self.measure} at a fraction kept:"]
            lines.append(report.table(self.predictions))
        if self.keep_for:
            lines += ["", "smallest fraction for a wanted epsilon:"]
            rows = [{"epsilon": epsilon, **found} for epsilon, found in self.keep_for.items()]
            lines.append(report.table(rows))
        for rule, gain in self.gain.items():
            lines.append(f"predicted gain of noise over {rule}, slowest modes: {gain:.2f}")
        return "\n".join([*lines, "", *(report.wrapped(f"* {line}") for line in self.advice)])


def diagnose(A, *, keep=None, names=None):
    """Say what a network is, what will matter when it is pruned, and what to expect.

    Nothing is drawn: predictions come from the probabilities that each rule would use.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Dynamics matrix, diagonal included.
    keep : float or sequence of float, optional
        Fractions to predict for; by default 0.5, 0.3, 0.2, 0.1 and 0.05.
    names : sequence, optional
        Names of the neurons, for the synapses that are named.

    Returns
    -------
    Diagnosis
        Facts, predictions and advice.

    Raises
    ------
    ValueError
        If A has no synapse, a neuron that has one has no positive leak, keep is empty or has a
        fraction outside (0, 1], or the names are not one for each neuron.

    References
    ----------
    Book, "Prune your own network", "What does the noise add?", "Predictions without sampling".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=1), excess=0.01)
    >>> diagnosis = npr.diagnose(A, keep=0.5)
    >>> diagnosis.dominant, diagnosis.stable, diagnosis.components
    (True, True, 1)
    """
    A = _checks.matrix(A)
    keeps = np.atleast_1d(_checks.array(KEEPS if keep is None else keep, "keep", ndim=(0, 1)))
    if keeps.size == 0:
        raise ValueError("keep must hold at least one fraction")
    keeps = [_checks.number(k, "keep", low=0, low_open=True, high=1) for k in keeps.tolist()]
    names = range(A.shape[0]) if names is None else list(names)
    if len(names) != A.shape[0]:
        raise ValueError(f"names must be one for each of {A.shape[0]} neurons, got {len(names)}")
    scores = {rule: synapse_scores(A, rule=rule) for rule in RULES if rule != "noise"}
    facts, W = _facts(A)
    ratio, bottlenecks = None, ()
    if facts["abscissa"] <= 1e-12 * np.abs(A.diagonal()).max():  # where nothing decays, too
        scores = {"noise": synapse_scores(A, rng=0), **scores}
        ratio, bottlenecks = _beyond_leak(scores, facts["symmetric"], names)
    expected = _expected(A, W, facts, scores, keeps)
    found = {**facts, "score_ratio": ratio, "bottlenecks": bottlenecks, **expected}
    apart = [keep for keep in keeps if keep < facts["floor"] or _lost(W, keep, facts) > _LOST]
    return Diagnosis(**found, advice=tuple(_advice(found, apart)))


def _facts(A):
    """What can be read off A."""
    n, W, leak = A.shape[0], _matrix.synapses(A), -A.diagonal()
    total = np.asarray(abs(W).sum(axis=1))
    symmetric = _matrix.is_symmetric(A)
    abscissa = spectral_abscissa(A)
    parts, part = csgraph.connected_components(W, directed=False)
    positive, negative = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    positive[W.indices[W.data > 0]] = True
    negative[W.indices[W.data < 0]] = True
    stable = _matrix.decays(A, abscissa)
    input_of = total[total > 0] / total.max()
    linked = np.diff(W.indptr) > 0
    linked[W.indices] = True
    share = (leak[linked] - total[linked]) / leak[linked]
    return {
        "neurons": n,
        "synapses": int(W.nnz),
        "density": W.nnz / (n * max(n - 1, 1)),
        "symmetric": symmetric,
        "dominant": _matrix.is_dominant(A),
        "stable": stable,
        "excitatory": int((positive & ~negative).sum()),
        "inhibitory": int((negative & ~positive).sum()),
        "mixed": int((positive & negative).sum()),
        "components": int(parts),
        "isolated": int((np.bincount(part) == 1).sum()),
        "abscissa": abscissa,
        "time_constant": -1 / abscissa if stable else np.inf,
        "leak_share": float(np.median(share)),
        "input_spread": float(input_of.std() / input_of.mean()),
        "leak_ratio": float(leak[linked].max() / leak[linked].min()),
        "floor": (n - parts) / (W.nnz // 2 if symmetric else W.nnz),
    }, W


def _beyond_leak(scores, symmetric, names):
    """How far the noise score exceeds the leak score, and where most."""
    noise, leak = scores["noise"], scores["leak"]
    ratio = noise.data / leak.data
    i, j = noise.tocoo().coords
    once = np.flatnonzero((i < j) | ~np.full(i.size, symmetric))
    top = once[np.argsort(ratio[once], kind="stable")[: -_BOTTLENECKS - 1 : -1]]
    found = tuple((names[int(j[k])], names[int(i[k])], float(ratio[k])) for k in top)
    return float(np.quantile(ratio, 0.95)), found


def _expected(A, W, facts, scores, keeps):
    """Predictions for every rule that has scores."""
    epsilon = facts["symmetric"] and facts["dominant"]
    rows, rough = [], {}

    def predicted(column, P, keep, **diagonal):
        found = theory.predicted_epsilon(A, P, S=scores.get("noise"), **diagonal)
        if not found.reliable:
            rough.setdefault(column, []).append(keep)
        return found.epsilon

    for keep in keeps:
        row = {"keep": keep}
        chances = {rule: keep_probabilities(S, keep=keep) for rule, S in scores.items()}
        for rule, P in chances.items():
            row[rule] = predicted(rule, P, keep) if epsilon else _input_error(A, W, P)
        if epsilon and "noise" in chances:
            row[_SCALED] = predicted(_SCALED, chances["noise"], keep, diagonal="homeostatic")
        rows.append(row)
    keep_for, gain = {}, {}
    if epsilon and facts["synapses"] <= _BUDGET:
        for wanted in (0.5, 0.3):
            keep_for[wanted] = {}
            for rule, S in scores.items():
                enough = keep_for[wanted][rule] = theory.keep_for_epsilon(A, wanted, S=S)
                predicted(rule, keep_probabilities(S, keep=enough), enough)
    if epsilon and facts["stable"]:
        modes = _parts.slowest_beside(A, min(_MODES, facts["neurons"] - 1), _parts.fixed_modes(A))
        errors = {
            rule: theory.mode_errors(A, keep_probabilities(scores[rule], keep=keeps[0]), *modes)
            for rule in ("noise", "leak", "weight")
        }
        for rule in ("leak", "weight"):
            over = theory.gain_between(errors["noise"], errors[rule])
            gain[rule] = over.gain
            if over.gain > _PAYS and not over.reliable:
                rough[f"gain over {rule}"] = [keeps[0]]
    return {
        "measure": "epsilon" if epsilon else "input error",
        "predictions": tuple(rows),
        "keep_for": keep_for,
        "rough": rough,
        "gain": gain,
    }


def _input_error(A, W, P):
    """Standard deviation of a neuron's total input over draws, over its leak; the median."""
    largest = np.abs(W.data).max()
    variance = (W.data / largest) ** 2 * (1 / P.data - 1)
    variance = sparse.csr_array((variance, W.indices, W.indptr), shape=W.shape)
    some = np.diff(W.indptr) > 0
    error = np.sqrt(variance.sum(axis=1)[some]) / (-A.diagonal()[some] / largest)
    return float(np.median(error))


def _lost(W, keep, facts):
    """How many neurons rule "uniform" is expected to leave without the synapses that they had."""
    synapses = np.diff(W.indptr)
    if not facts["symmetric"]:
        synapses = synapses + np.bincount(W.indices, minlength=W.shape[0])
    return ((1 - keep) ** synapses[synapses > 0]).sum()


def _advice(found, apart):
    """Yield what follows from the numbers, and from fractions that tear the network apart."""
    if not found["stable"] and found["score_ratio"] is not None:
        yield (
            "One pattern of activity never decays, so there is no stationary activity to compare "
            "with. Give every neuron some excess leak (add_leak)."
        )
    elif not found["stable"]:
        yield (
            "The network is unstable: it has no stationary activity under noise and no "
            "noise score. Give it more leak (add_leak, fixed_leak or stabilise), or prune by "
            "another rule."
        )
    if not found["dominant"]:
        yield (
            "The leak does not exceed the input of every neuron: theorem and predictions of "
            "epsilon do not cover this network. Compare with rule 'weight' before you trust "
            "rule 'noise'."
        )
    if not found["symmetric"]:
        yield (
            "The network is directed: the theorem is about symmetric ones. What pruning does is "
            "measured afterwards, by compare."
        )
    similar = found["leak_ratio"] < _SIMILAR
    if found["leak_share"] > 0.5:
        alike = ""
        if found["score_ratio"] is not None and found["score_ratio"] < 1.1:
            rules = "noise, leak and weight" if similar else "noise and leak"
            alike = f", and {rules} prune nearly alike"
        yield (
            "The leak is more than twice the input of a typical neuron: synapses hardly shape the "
            f"dynamics{alike}."
        )
    if similar:
        yield "All neurons have nearly the same leak: rule 'weight' is as good as rule 'leak'."
    over_leak = found["gain"].get("leak")
    pays = over_leak is not None and over_leak > _PAYS
    if pays:
        times = "many" if "gain over leak" in found["rough"] else f"{over_leak:.1f}"
        yield (
            f"Noise pays: it leaves the slowest modes {times} times less error than rule "
            "'leak', for there are bottlenecks."
        )
    elif over_leak is not None or (found["score_ratio"] is not None and found["score_ratio"] < 1.1):
        yield (
            "There are no bottlenecks that count: rule 'leak', which needs no covariance, is as "
            "good as rule 'noise'."
        )
    if found["components"] > found["isolated"] + 1:
        yield "The network falls into parts; each is pruned as if it were alone."
    floor, few = found["floor"], ""
    if apart:
        few = f": keeping {max(apart):g} is too little" + " for 'uniform'" * (max(apart) >= floor)
    yield (
        f"Below {floor:.1%} of the synapses every rule tears the network apart"
        + ", and rule 'uniform' well above" * (floor < 1)
        + f"{few}."
    )
    if found["rough"]:
        columns = "; ".join(
            f"{column} at " + ", ".join(f"{keep:.2g}" for keep in fractions)
            for column, fractions in found["rough"].items()
        )
        yield (
            "These predictions are above 1 or hang on single synapses, so read them as large, not "
            f"as numbers: {columns}."
        )
    noise = {epsilon: row.get("noise") for epsilon, row in found["keep_for"].items()}
    if noise and not set(noise.values()) & set(found["rough"].get("noise", ())):
        yield (
            f"For a worst error of 0.5, keep {noise[0.5]:.0%} by rule 'noise'; for 0.3, "
            f"{noise[0.3]:.0%}. diagonal='homeostatic' needs less"
            + (", but slow modes lose by it at bottlenecks." if pays else ".")
        )
