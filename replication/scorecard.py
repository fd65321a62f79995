"""The scorecard: claims, and questions that they leave open, judged against stated criteria.

Nothing here is typed in: measured values, seeds, verdicts and run times come from ``results/``.
The book's scorecard prints the rows; ``python -m replication scorecard`` writes the short table and
the figure of the README.
"""

from __future__ import annotations

import dataclasses
import html
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from noiseprune import theory
from noiseprune.covariance import stationary_covariance
from noiseprune.networks import add_leak, clustered
from noiseprune.pruning import RULES, keep_probabilities, synapse_scores
from replication.experiments import load
from replication.figures.headline import headline
from replication.recorded import LAB_OUTPUT, LAB_SECONDS_MATRIX, LAB_SECONDS_SIMULATIONS
from replication.registry import RESULTS
from replication.result import write_atomically
from replication.tables import curly

# By kind of row: all parts of its criterion held, some, none, nothing to test.
VERDICTS = {
    "claim": ("replicated", "partly replicated", "not replicated", "not testable from the record"),
    "question": ("yes", "partly", "no", "open"),
    "record": ("consistent", "partly consistent", "not consistent", "nothing to compare with"),
}
CLAIMS = {}  # judge of every claim and question by its key: stored results in, row out
HIGH_CHANCE = 0.9  # to outscore an ordinary synapse
SMALL_ERROR = 0.1  # of a trajectory, relative
LITTLE = 1.5  # factor, either way, that is a little difference
GAIN = 1.1  # of noise over leak: its errors are by this factor smaller
GAIN_BOTTLENECK = 1.5
BOTTLENECKS = (("clusters", 1), ("clusters", 3), ("clusters", 10), ("small world", 0.01))
REAL = {"wiring": "real", "excess": 0.1, "keep": 0.2}  # connectomes that are judged
ROUNDING = 1e-9  # errors below it are none
LOSS = 0.1  # of accuracy, absolute, that still counts as keeping a task
TASK_KEEP = (0.5, 0.2)  # fractions kept of trained networks
UNSEEN = "before its results were looked at"
START, END = "<!-- scorecard: start -->", "<!-- scorecard: end -->"


@dataclass(frozen=True)
class Row:
    """One claim and what became of it.

    Attributes
    ----------
    key : str
        Number of the claim.
    claim, source : str
        What the original says, and where.
    criterion : str
        What would count as replicated, or as yes.
    measured : str
        Median over seeds with the least and the greatest value in brackets.
    passed : tuple of bool
        Whether each part of the criterion held; empty where nothing can be tested.
    scope : str
        The networks and seeds behind it.
    experiments : tuple of str
        Stored results that were read.
    seconds : float
        Time these took.
    chapter : str
        Chapter that shows it.
    kind : str
        One of `VERDICTS`: a claim of the original, a question, or a number on record.
    fixed : str
        When the criterion was written down.
    """

    key: str
    claim: str
    source: str
    criterion: str
    measured: str
    passed: tuple
    scope: str
    experiments: tuple
    seconds: float
    chapter: str
    kind: str = "claim"
    fixed: str = ""

    @property
    def verdict(self):
        """Return one of `VERDICTS`, as all parts of the criterion held, some, none, or no test."""
        every, some, none, untested = VERDICTS[self.kind]
        if not self.passed:
            return untested
        if all(self.passed):
            return every
        return some if any(self.passed) else none

    @property
    def command(self):
        """Return the command that runs one seed again and compares it with what is stored."""
        if not self.experiments:
            return ""
        return f"python -m replication check {' '.join(self.experiments)}"


def spread(values, digits=2):
    """Median of values with the least and the greatest in brackets, to significant digits.

    Parameters
    ----------
    values : (n,) array_like
        One value per seed.
    digits : int
        Significant digits.

    Returns
    -------
    str
        Such as ``0.34 [0.30, 0.37]``.

    Examples
    --------
    >>> from replication.scorecard import spread
    >>> spread([0.1234, 0.2, 0.3])
    '0.20 [0.12, 0.30]'
    """
    low, middle, high = (
        _rounded(v, digits) for v in (np.min(values), np.median(values), np.max(values))
    )
    return f"{middle} [{low}, {high}]"


def _rounded(value, digits):
    """Text of a number to significant digits, zeros at its end included, and with a real minus."""
    value = float(f"{value:.{digits}g}")
    known = value and np.isfinite(value)
    places = digits - 1 - int(np.floor(np.log10(abs(value)))) if known else 0
    return f"{value:,.{max(places, 0)}f}".replace("-", "−")


def scorecard(folder=RESULTS):
    """Judge every claim and every recorded number by the stored results.

    Parameters
    ----------
    folder : path, optional
        Where results are stored; by default ``results/`` of the checkout.

    Returns
    -------
    list of Row
        The claims in the order of the record, then the recorded numbers.

    Raises
    ------
    FileNotFoundError
        If a result was never run.

    References
    ----------
    Book, "The claims".
    """
    results = _Results(folder)
    return claims(folder) + list(_recorded(results)) + list(_without_record(results))


def claims(folder=RESULTS):
    """Judge the claims alone, without the recorded numbers: the short scorecard.

    Parameters
    ----------
    folder : path, optional
        Where results are stored; by default ``results/`` of the checkout.

    Returns
    -------
    list of Row
        The claims in the order of the record.

    Raises
    ------
    FileNotFoundError
        If a result was never run.

    References
    ----------
    Book, "The claims"; landing page.
    """
    results = _Results(folder)
    return [judge(results) for judge in CLAIMS.values()]


def markdown(rows, *, measured=True):
    """Return the short table of the README and the landing page.

    Parameters
    ----------
    rows : list of Row
        As from `scorecard`.
    measured : bool
        Whether what was measured stands beside the verdict.

    Returns
    -------
    str
        A Markdown table.
    """
    heads = ["", "claim or question", "verdict"] + ["what we measured"] * measured
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for r in rows:
        cells = [r.key, r.claim, f"**{r.verdict}**"] + [r.measured] * measured
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cards(rows):
    """Return one card for each row, with its criterion, scope and command: readable on a phone.

    Parameters
    ----------
    rows : list of Row
        As from `scorecard`.

    Returns
    -------
    str
        HTML.
    """
    return "\n".join(_card(row) for row in rows)


def _card(row):
    minutes = f", {row.seconds / 60:.0f} min" if row.experiments else ""
    criterion = row.criterion + (f" (written {row.fixed})" if row.fixed else "")
    entries = {
        "measured": row.measured,
        "criterion": criterion,
        "networks": row.scope + minutes,
        "source": row.source,
        "shown in": f"chapter {int(row.chapter[:2])}",
    }
    lines = "".join(
        f"<dt>{name}</dt><dd>{html.escape(curly(text), quote=False)}</dd>"
        for name, text in entries.items()
        if text
    )
    if row.command:
        lines += f"<dt>again</dt><dd><code>{html.escape(row.command)}</code></dd>"
    claim = html.escape(curly(row.claim), quote=False)
    return (
        f'<div class="verdict" data-verdict="{row.verdict}"><p>{row.key} '
        f"<strong>{row.verdict}</strong></p><p>{claim}</p><dl>{lines}</dl></div>"
    )


class _Results:
    """Stored results by name, read once."""

    def __init__(self, folder):
        self.folder = folder
        self.read = {}

    def __getitem__(self, name):
        if name not in self.read:
            self.read[name] = load(name, self.folder)
        return self.read[name]

    def row(self, claim, source, criterion, measured, passed, chapter, *names, scope="", **how):
        results = [self[name] for name in names]
        if not scope:
            scope = "; ".join(map(_scope, results))
        seconds = sum(result.provenance["seconds"] for result in results)
        passed = tuple(bool(p) for p in passed)
        how = {"key": ""} | how
        return Row(
            claim=claim,
            source=source,
            criterion=criterion,
            measured=measured,
            passed=passed,
            scope=scope,
            experiments=names,
            seconds=seconds,
            chapter=chapter,
            **how,
        )


def claim(key, *, kind="claim", fixed="before the run"):
    """Make the decorated function ``results -> row`` the judge of the claim with that key.

    `kind` is one of `VERDICTS`; `fixed` says when the criterion was written.
    """

    def register(judge):
        CLAIMS[key] = lambda results: dataclasses.replace(
            judge(results), key=key, kind=kind, fixed=fixed
        )
        return judge

    return register


def _scope(result):
    settings = result.settings
    sizes = settings.get("sizes")
    if sizes:
        neurons = f"N = {sum(sizes):,}"
    else:
        neurons = f"N from {min(settings['neurons']):,} to {max(settings['neurons']):,}"
    return f"{result.experiment.replace('_', ' ')}: {neurons}, {len(settings['seeds'])} seeds"


def _slow(result, **conditions):
    """Median over the slowest modes of the size of the relative eigenvalue error, per seed."""
    return np.median(np.abs(result.column("eigenvalue_error_slow", **conditions)), axis=1)


@claim("1", fixed="after a first look")
def _local(results):
    return results.row(
        "A local, unsupervised rule decides: only the weight and the covariance of the two neurons",
        "P, abstract",
        "a synapse's score, and its probability at a given K, are unchanged when the rest of C "
        "changes",
        "each synapse computes its score alone; only K is shared, one number for all, which sets "
        "how many are kept",
        _locality(),
        "04_the_rule",
        scope="any network (computed when this page was made)",
    )


def _locality():
    """Whether a score needs only its own entries of C, and the probability at a given K too."""
    A = add_leak(clustered([20, 20], long_range=20, rng=0))
    C = stationary_covariance(A)
    before = synapse_scores(A, C=C)
    i, j = (int(index[0]) for index in before.nonzero())
    others = np.ones(len(A))
    others[[i, j]] = 0  # the two neurons and their covariance stay
    after = synapse_scores(A, C=C + np.diag(others))
    p_before, p_after = (keep_probabilities(S, K=0.5 / before[i, j]) for S in (before, after))
    return before[i, j] == after[i, j], p_before[i, j] == p_after[i, j]


@claim("2", fixed="after a first look")
def _clusters(results):
    names = ("important_synapses", "important_synapses_paper")
    ratios = [
        results[n].column("correlation_inside", rule="noise")
        / results[n].column("correlation_across", rule="noise")
        for n in names
    ]
    return results.row(
        "Covariance under noise reflects higher-order structure: high inside clusters, low across",
        "P, Fig. 1a",
        "mean correlation inside a cluster above that across, in every seed",
        f"mean correlation inside over that across at N = 2,000: {spread(ratios[0], 3)}; "
        f"at N = 3,000: {spread(ratios[1], 3)}",
        [(r > 1).all() for r in ratios],
        "04_the_rule",
        *names,
    )


@claim("3", fixed="after a first look")
def _important(results):
    names = ("important_synapses", "important_synapses_paper")
    between = [results[n].column("auc_between", rule="noise") for n in names]
    by_weight = [results[n].column("auc_between", rule="weight") for n in names]
    strong = [results[n].column("auc_strong", rule="noise") for n in names]
    return results.row(
        "Sparse links between clusters and the few exceptionally strong ones inside get high "
        "probability",
        "P, Fig. 1b",
        f"chance that such a synapse outscores an ordinary one at least {HIGH_CHANCE:g} in every "
        "seed, and for links between clusters above that under the weight control",
        "chance to outscore an ordinary synapse: "
        + ". ".join(
            f"N = {n}: links between clusters {spread(a)} (by weight {spread(w)}), strong ones "
            f"{spread(b, 3)}"
            for n, a, w, b in zip(("2,000", "3,000"), between, by_weight, strong, strict=True)
        ),
        [
            *(
                (a.min() >= HIGH_CHANCE) and (a > w).all()
                for a, w in zip(between, by_weight, strict=True)
            ),
            *(a.min() >= HIGH_CHANCE for a in strong),
        ],
        "04_the_rule",
        *names,
    )


@claim("4", fixed="after a first look")
def _theorem(results):
    failures = results["failure_rate"]
    settings = failures.settings
    n = sum(settings["sizes"])
    misses, draws, bounds = [], [], []
    for rate in settings["rates"]:
        rows = failures.select(rate=rate)
        misses.append(np.sum([row["failures"] for row in rows], axis=0))
        draws.append(sum(row["draws"] for row in rows))
        bounds.append([theory.failure_probability(n, eps, rate) for eps in settings["epsilons"]])
    misses, draws, bounds = np.array(misses), np.array(draws), np.array(bounds)
    tests = bounds < 1  # elsewhere no draw can contradict the bound
    excess = (misses / draws[:, None] - bounds)[tests]
    return results.row(
        "For symmetric diagonally dominant linear networks the spectrum is provably preserved",
        "P; R",
        "a complete proof, and networks that miss epsilon no more often than its bound allows at "
        "any rate and epsilon tried",
        "the theorem is true, its sharp form is within a factor 2 of necessary, and, where single "
        "synapses do not decide, a formula without a fitted constant gives the errors; "
        f"where the bound is below 1 ({tests.sum()} of {tests.size} cases, "
        f"{draws[tests.any(axis=1)].sum():,} draws), {misses[tests].sum():,} draws missed",
        [np.max(excess) <= 0],
        "06_theorem",
        "failure_rate",
    )


@claim("5")
def _fraction(results):
    result = results["pruned_fraction"]
    neurons = result.settings["neurons"]
    kept = np.stack(
        [
            result.column("smallest_pairs", neurons=n) / result.column("pairs", neurons=n)
            for n in neurons
        ]
    )
    by_theorem = np.stack(
        [
            result.column("theorem_pairs", neurons=n) / result.column("pairs", neurons=n)
            for n in neurons
        ]
    )
    return results.row(
        "This holds while the pruned fraction of a dense network tends to 1",
        "P",
        f"at fixed epsilon = {result.settings['epsilon']:g} the fraction that must be kept falls "
        "with N in every seed, measured and by the theorem's rate",
        f"kept fraction needed at N = {neurons[0]:,}: {spread(kept[0])}, at N = {neurons[-1]:,}: "
        f"{spread(kept[-1])}; the theorem's rate keeps {spread(by_theorem[0])} and "
        f"{spread(by_theorem[-1])}",
        [(np.diff(kept, axis=0) < 0).all(), (by_theorem[-1] < by_theorem[0]).all()],
        "06_theorem",
        "pruned_fraction",
    )


@claim("6", fixed="for 0.2 kept before the run, for 0.05 after it")
def _dynamics(results):
    return _trajectories(
        "Network dynamics is preserved, with 0.2 and with 0.05 of the synapses kept",
        "P",
        "09_dynamics",
        results,
        "trajectories_lab",
        diagonal="matched",
    )


@claim("7", fixed="for 0.2 kept before the run, for 0.05 after it")
def _rectified(results):
    return _trajectories(
        "The same holds for a subset of rectified-linear networks (which one is not on record: "
        "the setting is ours)",
        "P; setting ours",
        "10_rectified_asymmetric",
        results,
        "rectified",
    )


def _trajectories(what, source, chapter, results, name, **chosen):
    """Judge the greatest trajectory errors: small, and below the controls on record."""
    result = results[name]
    measured, passed = [], []
    for keep in result.settings["keep"]:
        worst = {
            rule: result.column("mean", keep=keep, rule=rule, **chosen).max(axis=1)
            for rule in RULES
        }
        errors = ", ".join(f"{rule} {spread(values)}" for rule, values in worst.items())
        measured.append(f"kept {keep:g}: {errors}")
        noise = worst["noise"]
        passed += [
            noise.max() <= SMALL_ERROR,
            (noise < worst["weight"]).all(),
            (noise < worst["uniform"]).all(),
        ]
    return results.row(
        what,
        source,
        f"at each fraction kept the mean relative error of the trajectory stays at or below "
        f"{SMALL_ERROR:g} at all times, and its greatest value is below that under sampling by "
        "weight and uniformly, in every network",
        "greatest mean error, " + "; ".join(measured),
        passed,
        chapter,
        name,
    )


@claim("8a")
def _spectrum(results):
    return _below_weight(
        "Networks of N = 3,000 keep spectrum and dynamics better than a control of the same size "
        "that samples by weight",
        "S; L",
        results,
        "spectrum_paper",
        "trajectories_paper",
    )


def _below_weight(what, source, results, spectrum, path=None):
    """Judge spectrum and trajectories against the weight control; `path` is apart, or the same."""
    result = results[spectrum]
    fraction = result.settings["keep"]
    chosen = {"keep": 0.2} if path else {}
    by_rule = {
        "slowest twenty": lambda **rule: _slow(result, **chosen, **rule),
        "all modes": lambda **rule: result.column("eigenvalue_error_median_size", **chosen, **rule),
        "worst case": lambda **rule: result.column("epsilon", **chosen, **rule),
    }
    if path:
        by_rule["trajectory"] = lambda **rule: (
            results[path].column("mean", diagonal="matched", **chosen, **rule).max(axis=1)
        )
    else:
        by_rule["trajectory"] = lambda **rule: result.column("mean", **rule).max(axis=1)
    rules = [rule for rule in RULES if rule in result.settings["rules"] and rule != "uniform"]
    measured, passed = [], []
    for measure, errors in by_rule.items():
        values = {rule: errors(rule=rule) for rule in rules}
        measured.append(f"{measure}: " + ", ".join(f"{r} {spread(v)}" for r, v in values.items()))
        passed.append((values["noise"] < values["weight"]).all())
    return results.row(
        what,
        source,
        f"kept {chosen.get('keep', fraction):g}: median relative eigenvalue error of the slowest "
        "modes and of all, worst case epsilon, and greatest trajectory error, each lower than "
        "under the weight control in every seed",
        "; ".join(measured),
        passed,
        "08_spectrum",
        spectrum,
        *([path] if path else []),
    )


@claim("8b")
def _ten_thousand_paper(results):
    what = "The same at N = 10,000, clusters of 9,000 and ten of 100"
    return _below_weight(what, "S", results, "ten_thousand")


@claim("8c")
def _ten_thousand_lab(results):
    what = "The same at N = 10,000, clusters of 6,600, 1,000, 1,600 and eight of 100"
    return _below_weight(what, "L", results, "ten_thousand_lab")


@claim("8d", fixed="after the run")
def _lab(results):
    what = "The same at N = 2,000, the lab notebook's network"
    return _below_weight(what, "L", results, "spectrum_lab", "trajectories_lab")


@claim("9", fixed="for the trajectories before the run, for the other measures after it")
def _diagonal(results):
    changes = {
        f"trajectory from the start, {keep:g} kept": _original_over_matched(
            results["trajectories_lab"], lambda x: x.max(axis=1), "mean", keep
        )
        for keep in (0.2, 0.05)
    }
    for column, what in (
        ("epsilon", "worst error"),
        ("noise_error", "stationary error under noise"),
        ("relaxation_error", "relaxation error"),
    ):
        changes[f"{what}, 0.2 kept"] = _original_over_matched(
            results["coins_lab"], lambda x: x.reshape(len(x), -1).max(axis=1), column, 0.2
        )
    return results.row(
        "Keeping the original diagonal or adjusting it makes little difference",
        "P as read by S",
        f"an error changes by less than a factor {LITTLE:g} in every network, under the rule",
        "it depends on the measure. Error with the original over that with the matched diagonal: "
        + "; ".join(f"{what}: {spread(ratio)}" for what, ratio in changes.items())
        + ". Scaling each neuron's input back after the draw makes the two diagonals one",
        [(np.abs(np.log(ratio)) < np.log(LITTLE)).all() for ratio in changes.values()],
        "09_dynamics",
        "trajectories_lab",
        "coins_lab",
    )


def _original_over_matched(result, greatest, column, keep):
    """Errors of the rule with the original diagonal over those with the matched one, by seed."""
    original, matched = (
        greatest(result.column(column, keep=keep, rule="noise", diagonal=diagonal))
        for diagonal in ("original", "matched")
    )
    return original / matched


@claim("10", fixed="")
def _plausible(results):
    return results.row(
        "The rule is biologically plausible",
        "P; argued about in R",
        "none can be fixed: the record has no experiment on it",
        "a synapse can estimate its score locally and online (chapter 15); in the lab's network, "
        "where noise knows no more than leak, two neurons' own variances are enough (chapter 11); "
        "symmetry, the strong leak and the global constant remain assumptions, which chapters 16 "
        "and 17 leave behind for real and for trained networks",
        (),
        "15_how_much_noise",
        scope="",
    )


# ---------------------------------------------------------------- what the claims leave open


@claim(
    "Q1", kind="question", fixed="before the run; at N = 10,000 after a prediction for one network"
)
def _gain_original(results):
    result, large = results["noise_gains_original"], results["noise_gains_ten_thousand"]
    gains = {f"N = {n:,}": result.column("gain", value=n, rule="leak") for n in (2000, 3000)}
    for family, account in (("original", "ten clusters of 100"), ("lab", "eight clusters of 100")):
        gains[f"N = 10,000, {account}"] = large.column("gain", family=family, rule="leak")
    return results.row(
        "Does noise do better than weight and leak alone at the original's settings?",
        "ours",
        f"kept {result.settings['keep']:g} ({large.settings['keep']:g} at N = 10,000): the errors "
        f"of the ten slowest modes under leak are at least {GAIN:g} times those under noise "
        "(median over modes and seeds), at each size",
        "errors under leak over those under noise at "
        + "; ".join(f"{network}: {spread(gain, 3)}" for network, gain in gains.items()),
        [np.median(gain) >= GAIN for gain in gains.values()],
        "11_what_noise_adds",
        "noise_gains_original",
        "noise_gains_ten_thousand",
        scope=f"N = 2,000 and 3,000, {len(result.settings['seeds'])} seeds; N = 10,000, two "
        f"accounts, {len(large.settings['seeds'])} seeds each",
    )


@claim("Q2", kind="question")
def _gain_bottlenecks(results):
    result = results["noise_gains"]
    gains = {
        f"{family} {value:g}": result.column("gain", family=family, value=value, rule="leak")
        for family, value in BOTTLENECKS
    }
    return results.row(
        "And at bottlenecks: clusters joined by at most 10 links, small worlds with at most 1 % "
        "rewired?",
        "ours",
        f"kept {result.settings['keep']:g}: that ratio is at least {GAIN_BOTTLENECK:g} (median "
        "over seeds) in every one of these networks, and above 1 in every seed",
        "errors under leak over those under noise: "
        + "; ".join(f"{name}: {spread(gain, 3)}" for name, gain in gains.items()),
        [
            min(np.median(gain) for gain in gains.values()) >= GAIN_BOTTLENECK,
            min(gain.min() for gain in gains.values()) > 1,
        ],
        "11_what_noise_adds",
        "noise_gains",
        scope=f"N = {result.settings['neurons']}, {len(result.settings['seeds'])} seeds",
    )


def _real_errors(result, measure):
    """Median over seeds of an error of independent draws: {(network, form): {rule: error}}."""
    samples = {}
    for row in result.select(**REAL):
        errors = [np.inf if e is None else e for e in row[measure][: len(RULES)]]
        errors = [0.0 if e < ROUNDING else e for e in errors]
        samples.setdefault((row["network"], row["form"]), []).append(errors)
    return {
        network: dict(zip(RULES, np.median(errors, axis=0), strict=True))
        for network, errors in samples.items()
    }


def _real_row(results, what, source, criterion, measured, passed):
    settings = results["connectomes"].settings
    return results.row(
        what,
        source,
        f"kept {REAL['keep']:g}, leak in balance and an excess of {REAL['excess']:g} of the mean "
        f"input, medians over seeds: {criterion}",
        measured,
        passed,
        "16_connectomes",
        "connectomes",
        scope=f"{len(settings['networks'])} connectomes, {len(settings['seeds'])} seeds",
    )


def _ratios(errors, rule):
    """Errors under a rule over those under noise, one for each network; 1 where both are 0."""
    pairs = [(by_rule[rule], by_rule["noise"]) for by_rule in errors.values()]
    return np.array(
        [1.0 if other == noise else other / noise if noise else np.inf for other, noise in pairs]
    )


def _slow_and_path(results):
    """Errors of the slow modes, and of the trajectory, on real networks."""
    result = results["connectomes"]
    return _real_errors(result, "slow_error"), _real_errors(result, "trajectory_error")


def _alike(errors):
    """Say in how many networks all four rules have the same error."""
    alike = sum(max(e.values()) <= (1 + ROUNDING) * min(e.values()) for e in errors.values())
    return f"all four rules alike in {alike} of {len(errors)}"


@claim("Q3", kind="question", fixed=UNSEEN)
def _real_networks(results):
    what = "Does the rule do better than sampling by weight on real networks?"
    slow, path = _slow_and_path(results)
    slow_ratio, path_ratio = _ratios(slow, "weight"), _ratios(path, "weight")
    return _real_row(
        results,
        what,
        "R, review 1",
        "errors of the slow modes, and of the trajectory, above those under noise in every network",
        f"errors under weight over those under noise: slow modes: {spread(slow_ratio, 3)} "
        f"({_alike(slow)}); trajectory: {spread(path_ratio, 3)}",
        [ratio.min() > 1 for ratio in (slow_ratio, path_ratio)],
    )


@claim("Q4", kind="question", fixed=UNSEEN)
def _real_gain(results):
    what = "And better than leak alone?"
    slow, path = _slow_and_path(results)
    ratio, path = _ratios(slow, "leak"), _ratios(path, "leak")
    return _real_row(
        results,
        what,
        "ours",
        f"errors of the slow modes under leak at least {GAIN:g} times those under noise in the "
        "median over networks, and above them in every network",
        f"errors under leak over those under noise: slow modes: {spread(ratio, 3)} "
        f"({_alike(slow)}, so that the criterion could hardly be met); trajectory "
        f"(not judged): {spread(path, 3)}",
        [np.median(ratio) >= GAIN, ratio.min() > 1],
    )


def _accuracies(result, keep):
    """Median accuracy by kind of trained network and way of pruning, drawn as in the paper last.

    The draws divide by p and use whichever of the three covariances serves best.
    """
    ways = {
        "magnitude": ("weight", "top"),
        "surgeon": ("surgeon", "top, refit"),
        "best by noise, refitted": ("noise, measured", "top, refit"),
    }
    found = {}
    for network in sorted({row["network"] for row in result.rows}):
        chosen = {"network": network, "keep": keep}
        found[network] = {
            way: _over_networks(result.select(score=score, how=how, **chosen))
            for way, (score, how) in ways.items()
        }
        found[network]["unpruned"] = _over_networks(result.select(network=network, how="unpruned"))
        drawn = {}
        for row in result.select(how="divided by p", **chosen):
            if row["score"].startswith("noise") and row["accuracy"] is not None:
                drawn.setdefault(row["score"], []).append(row)
        found[network]["rule"] = max(map(_over_networks, drawn.values()))
    return found


def _over_networks(rows):
    """Median over networks, one a seed, of the median accuracy over draws."""
    seeds = {row["seed"] for row in rows}
    draws = ([row["accuracy"] for row in rows if row["seed"] == seed] for seed in seeds)
    return np.median([np.median(accuracies) for accuracies in draws])


def _trained_row(results, what, criterion, shown, passed):
    result = results["trained_networks"]
    found = {keep: list(_accuracies(result, keep).values()) for keep in TASK_KEEP}
    measured = "; ".join(
        f"kept {keep:g}: "
        + ", ".join(f"{way} {spread([kind[way] for kind in kinds])}" for way in shown)
        for keep, kinds in found.items()
    )
    kinds = {row["network"] for row in result.rows}
    return results.row(
        what,
        "R, review 1",
        "recurrent networks trained on tasks, medians over training seeds of those over draws, the "
        f"best of three covariances: {criterion}",
        f"accuracy over kinds of network, {measured}",
        [passed(kinds) for kinds in found.values()],
        "17_trained_networks",
        "trained_networks",
        scope=f"{len(kinds)} kinds of trained networks, {len(result.settings['seeds'])} seeds each",
    )


@claim("Q5", kind="question", fixed=UNSEEN)
def _real_task(results):
    return _trained_row(
        results,
        "Does a trained network still do its task?",
        f"the rule as the paper draws it costs at most {LOSS:g} of accuracy in every kind of "
        f"network, at {' and at '.join(f'{keep:g}' for keep in TASK_KEEP)} kept",
        ("unpruned", "rule"),
        lambda kinds: all(kind["rule"] >= kind["unpruned"] - LOSS for kind in kinds),
    )


@claim("Q6", kind="question", fixed=UNSEEN)
def _other_approaches(results):
    return _trained_row(
        results,
        "Does it serve a trained network better than magnitude and optimal-brain-surgeon pruning?",
        "in every kind of network the rule as the paper draws it is more accurate than the largest "
        "weights, and the largest noise scores, refitted, are than the surgeon's choice, refitted "
        "too",
        ("rule", "magnitude", "best by noise, refitted", "surgeon"),
        lambda kinds: all(
            kind["rule"] > kind["magnitude"] and kind["best by noise, refitted"] > kind["surgeon"]
            for kind in kinds
        ),
    )


# ---------------------------------------------------------------- what is on record


def _recorded(results):
    for number, recorded in enumerate(LAB_OUTPUT, start=1):
        ours = results["lab_record"].column(recorded.column, rule=recorded.rule)
        yield results.row(
            f"{recorded.what}: {recorded.value:,}".replace(": -", ": −"),
            "L, notebook output",
            "the recorded value lies between the least and the greatest of our seeds",
            spread(ours, recorded.digits),
            [ours.min() <= recorded.value <= ours.max()],
            "08_spectrum",
            "lab_record",
            key=f"L{number}",
            kind="record",
            fixed="after a first look",
        )


# What the original shows or states without numbers to compare with.
WITHOUT_RECORD = (
    (
        "L8",
        f"run times: {LAB_SECONDS_MATRIX} s for the matrix, {LAB_SECONDS_SIMULATIONS} s for six "
        "simulations of three networks",
        "L, notebook output",
        "the machine is not on record",
        "07_setup",
    ),
    (
        "F1",
        "figure: spectrum and dynamics at N = 2,000",
        "L, notebook",
        "no figure is stored; ours are the figures of chapters 8 and 9",
        "08_spectrum",
    ),
    (
        "F2",
        "figures at N = 10,000: eigenvalue scatter, box and violin plots, histograms, matrices",
        "L, second notebook",
        "no output is stored; ours are the figures and tables of chapter 8",
        "08_spectrum",
    ),
)


def _without_record(results):
    for key, what, source, why, chapter in WITHOUT_RECORD:
        yield results.row(
            what, source, "none can be fixed", why, (), chapter, key=key, kind="record"
        )


def write_table(path, rows):
    """Put the short table between its two marks in a text file; return whether it changed.

    Parameters
    ----------
    path : path
        A Markdown file with the marks `START` and `END`.
    rows : list of Row
        As from `scorecard`.

    Returns
    -------
    bool
        Whether the file was out of date.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise ValueError(f"{path.name} must hold the lines {START} and {END}")
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    fresh = f"{before}{START}\n\n{markdown(rows)}\n\n{END}{after}"
    if fresh != text:
        write_atomically(path, fresh)
    return fresh != text


def main(root=RESULTS.parent):
    """Write the table and the figure of the README from the stored results."""
    write_table(root / "README.md", claims())
    figure = headline(load("spectrum_lab"), load("noise_gains"))
    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    write_atomically(root / "book" / "_static" / "headline.png", png.getvalue())
