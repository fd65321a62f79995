"""The scorecard: every claim of the original, judged by stored results against a criterion.

Nothing here is typed in: measured values, seeds, verdicts and run times come from ``results/``.
Book section 12 prints the rows; ``python -m replication scorecard`` writes the short table and the
figure of the README.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from noiseprune import theory
from noiseprune.covariance import stationary_covariance
from noiseprune.networks import add_leak, clustered
from noiseprune.pruning import keep_probabilities, synapse_scores
from replication.experiments import load
from replication.figures.headline import headline
from replication.recorded import LAB_OUTPUT, LAB_SECONDS_MATRIX, LAB_SECONDS_SIMULATIONS
from replication.registry import RESULTS
from replication.result import write_atomically

VERDICTS = ("replicated", "partly replicated", "not replicated", "not testable from the record")
CLAIMS = {}  # judge of every claim by its number: stored results in, row out
HIGH_CHANCE = 0.9  # to outscore an ordinary synapse
SMALL_ERROR = 0.1  # of a trajectory, relative
LITTLE = 1.5  # factor, either way, that is a little difference
HEADLINE_KEEP = 0.05  # fraction kept whose trajectories the headline figure shows
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
        What would count as replicated; book section 12 says when it was fixed.
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

    @property
    def verdict(self):
        """Return one of `VERDICTS`: all parts of the criterion held, some, none, or no test."""
        if not self.passed:
            return VERDICTS[3]
        if all(self.passed):
            return VERDICTS[0]
        return VERDICTS[1] if any(self.passed) else VERDICTS[2]

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
    '0.2 [0.12, 0.3]'
    """
    low, middle, high = (
        f"{float(f'{v:.{digits}g}'):g}" for v in (np.min(values), np.median(values), np.max(values))
    )
    return f"{middle} [{low}, {high}]"


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
    Book section 12.
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
    Book section 12; landing page.
    """
    results = _Results(folder)
    return [judge(results) for judge in CLAIMS.values()]


def markdown(rows):
    """Return the short table of the README and the landing page: claim, verdict, measured.

    Parameters
    ----------
    rows : list of Row
        As from `scorecard`.

    Returns
    -------
    str
        A Markdown table.
    """
    lines = ["| | claim | verdict | what we measured |", "|---|---|---|---|"]
    lines += [f"| {r.key} | {r.claim} | **{r.verdict}** | {r.measured} |" for r in rows]
    return "\n".join(lines)


def details(rows):
    """Return the long table of the scorecard: source, criterion, scope, and the command.

    Parameters
    ----------
    rows : list of Row
        As from `scorecard`.

    Returns
    -------
    str
        A Markdown table.
    """
    lines = [
        "| | source | criterion | networks | run time | seed 0 again |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        minutes = f"{r.seconds / 60:.0f} min" if r.experiments else ""
        command = f"`{r.command}`" if r.command else ""
        lines.append(
            f"| {r.key} | {r.source} | {r.criterion} | {r.scope} | {minutes} | {command} |"
        )
    return "\n".join(lines)


class _Results:
    """Stored results by name, read once."""

    def __init__(self, folder):
        self.folder = folder
        self.read = {}

    def __getitem__(self, name):
        if name not in self.read:
            self.read[name] = load(name, self.folder)
        return self.read[name]

    def row(self, claim, source, criterion, measured, passed, chapter, *names, scope="", key=""):
        results = [self[name] for name in names]
        if not scope:
            scope = "; ".join(_scope(result) for result in results)
        seconds = sum(result.provenance["seconds"] for result in results)
        passed = tuple(bool(p) for p in passed)
        return Row(key, claim, source, criterion, measured, passed, scope, names, seconds, chapter)


def claim(key):
    """Make the decorated function ``results -> row`` the judge of the claim of that number."""

    def register(judge):
        CLAIMS[key] = lambda results: dataclasses.replace(judge(results), key=key)
        return judge

    return register


def _scope(result):
    settings = result.settings
    sizes = settings.get("sizes")
    if sizes:
        neurons = f"N = {sum(sizes):,}"
    else:
        neurons = f"N from {min(settings['neurons']):,} to {max(settings['neurons']):,}"
    return f"{neurons}, {len(settings['seeds'])} seeds"


def _slow(result, **conditions):
    """Median over the slowest modes of the size of the relative eigenvalue error, per seed."""
    return np.median(np.abs(result.column("eigenvalue_error_slow", **conditions)), axis=1)


@claim("1")
def _local(results):
    return results.row(
        "A local, unsupervised rule decides: only the weight and the covariance of the two neurons",
        "P, abstract",
        "a synapse's score, and its probability at a fixed fraction kept, are unchanged when the "
        "rest of C changes",
        "the score is unchanged; the probability is not, K being one number for all synapses",
        _locality(),
        "04_the_rule",
        scope="any network (computed when this page was made)",
    )


def _locality():
    """Whether a score needs only its own entries of C, and whether K does too."""
    A = add_leak(clustered([20, 20], long_range=20, rng=0))
    C = stationary_covariance(A)
    before = synapse_scores(A, C=C)
    i, j = (int(index[0]) for index in before.nonzero())
    others = np.ones(len(A))
    others[[i, j]] = 0  # the two neurons and their covariance stay
    after = synapse_scores(A, C=C + np.diag(others))
    same_score = before[i, j] == after[i, j]
    p_before, p_after = keep_probabilities(before, keep=0.2), keep_probabilities(after, keep=0.2)
    return same_score, p_before[i, j] == p_after[i, j]


@claim("2")
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
        f"mean correlation inside over that across: N = 2,000 {spread(ratios[0], 3)}, N = 3,000 "
        f"{spread(ratios[1], 3)}",
        [(r > 1).all() for r in ratios],
        "04_the_rule",
        *names,
    )


@claim("3")
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


@claim("4")
def _theorem(results):
    failures = results["failure_rate"]
    settings = failures.settings
    n = sum(settings["sizes"])
    excess = []
    for rate in settings["rates"]:
        rows = failures.select(rate=rate)
        observed = np.sum([row["failures"] for row in rows], axis=0)
        observed = observed / sum(row["draws"] for row in rows)
        bound = [theory.failure_probability(n, eps, rate) for eps in settings["epsilons"]]
        excess.append(observed - bound)
    draws = failures.column("draws").sum()
    return results.row(
        "For symmetric diagonally dominant linear networks the spectrum is provably preserved",
        "P; R",
        "a complete proof, and networks that miss epsilon no more often than its bound allows at "
        "any rate and epsilon tried",
        f"{draws:,} draws; frequency of a miss minus its bound at most {np.max(excess):.2g}",
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
        "This holds while the pruned fraction tends to 1",
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


@claim("6")
def _dynamics(results):
    result = results["trajectories_lab"]
    chosen = {"keep": 0.2, "diagonal": "matched"}
    worst = {
        rule: result.column("mean", rule=rule, **chosen).max(axis=1)
        for rule in result.settings["rules"]
    }
    return results.row(
        "Network dynamics is preserved",
        "P",
        "kept 0.20: the mean relative error of the trajectory stays at or below "
        f"{SMALL_ERROR:g} at all times, and its greatest value is below that of either control, "
        "in every network",
        *_worst_error(worst),
        "09_dynamics",
        "trajectories_lab",
    )


def _worst_error(worst):
    """What was measured of the greatest trajectory errors by rule, and whether each part held."""
    noise, weight, uniform = (worst[rule] for rule in ("noise", "weight", "uniform"))
    measured = (
        f"greatest mean error: noise-prune {spread(noise)}, weight {spread(weight)}, "
        f"uniform {spread(uniform)}"
    )
    return measured, [noise.max() <= SMALL_ERROR, (noise < weight).all(), (noise < uniform).all()]


@claim("7")
def _rectified(results):
    result = results["rectified"]
    worst = {
        rule: np.max(result.column("mean", keep=0.2, rule=rule), axis=1)
        for rule in result.settings["rules"]
    }
    return results.row(
        "The same holds for a subset of rectified-linear networks",
        "P",
        "kept 0.20: greatest mean relative error of the trajectory at or below "
        f"{SMALL_ERROR:g}, and below that of either control, in every network",
        *_worst_error(worst),
        "10_rectified_asymmetric",
        "rectified",
    )


@claim("8a")
def _spectrum(results):
    result = results["spectrum_paper"]
    pair = [{"keep": 0.2, "rule": rule} for rule in ("noise", "weight")]
    slow = [_slow(result, **chosen) for chosen in pair]
    every = [result.column("eigenvalue_error_median_size", **chosen) for chosen in pair]
    epsilon = [result.column("epsilon", **chosen) for chosen in pair]
    path = [
        results["trajectories_lab"].column("mean", diagonal="matched", **chosen).max(axis=1)
        for chosen in pair
    ]
    return results.row(
        "Networks of N = 3,000 keep spectrum and dynamics better than a control of the same size "
        "that samples by weight",
        "S; L",
        "kept 0.20: median relative eigenvalue error of the slowest modes and of all, and worst "
        "case epsilon, lower than under the control in every seed at N = 3,000; greatest "
        "trajectory error likewise at N = 2,000",
        *_below_weight(slow, every, epsilon, path),
        "08_spectrum",
        "spectrum_paper",
        "trajectories_lab",
    )


def _below_weight(slow, every, epsilon, path):
    """What was measured, each a pair (noise-prune, weight) over seeds, and whether it is lower."""
    pairs = {"slow modes": slow, "all modes": every, "worst case": epsilon, "trajectory": path}
    measured = "noise-prune against weight: " + "; ".join(
        f"{what} {spread(noise)} against {spread(weight)}"
        for what, (noise, weight) in pairs.items()
    )
    return measured, [(noise < weight).all() for noise, weight in pairs.values()]


def _ten_thousand(what, source, name, results):
    result = results[name]
    pair = [{"rule": rule} for rule in ("noise", "weight")]
    return results.row(
        f"The same at N = 10,000, {what}",
        source,
        f"kept {result.settings['keep']:g}: the four measures of 8a lower than under the "
        "control in every seed",
        *_below_weight(
            [_slow(result, **chosen) for chosen in pair],
            [result.column("eigenvalue_error_median_size", **chosen) for chosen in pair],
            [result.column("epsilon", **chosen) for chosen in pair],
            [result.column("mean", **chosen).max(axis=1) for chosen in pair],
        ),
        "08_spectrum",
        name,
    )


@claim("8b")
def _ten_thousand_paper(results):
    return _ten_thousand("clusters of 9,000 and ten of 100", "S", "ten_thousand", results)


@claim("8c")
def _ten_thousand_lab(results):
    what = "clusters of 6,600, 1,000, 1,600 and eight of 100"
    return _ten_thousand(what, "L", "ten_thousand_lab", results)


@claim("9")
def _diagonal(results):
    result = results["trajectories_lab"]
    last = {}
    for rule in result.settings["rules"]:
        for keep in result.settings["keep"]:
            matched, original = (
                result.column("mean", keep=keep, rule=rule, diagonal=d).max(axis=1)
                for d in ("matched", "original")
            )
            last[rule, keep] = original / matched
    measured = ", ".join(
        f"{spread(ratio)} at {keep:g} kept"
        for (rule, keep), ratio in last.items()
        if rule == "noise"
    )
    control = max(ratio.max() for (rule, _), ratio in last.items() if rule != "noise")
    return results.row(
        "Keeping the original diagonal or adjusting it makes little difference",
        "P as read by S",
        "greatest mean trajectory error changes by less than half, in every network, for the rule "
        "at either fraction kept",
        f"trajectory error with the original over that with the matched diagonal: {measured}; "
        f"controls up to {control:.2g}",
        [
            (np.abs(np.log(last["noise", keep])) < np.log(LITTLE)).all()
            for keep in result.settings["keep"]
        ],
        "09_dynamics",
        "trajectories_lab",
    )


@claim("10")
def _plausible(results):
    return results.row(
        "The rule is biologically plausible",
        "P; argued about in R",
        "none can be fixed: the record has no experiment on it",
        "the score can be estimated locally and online (chapter 15); symmetry, the strong leak and "
        "the global constant remain assumptions",
        (),
        "15_how_much_noise",
        scope="",
    )


def _recorded(results):
    for number, recorded in enumerate(LAB_OUTPUT, start=1):
        ours = results["lab_record"].column(recorded.column, rule=recorded.rule)
        low, middle, high = (
            f"{float(f'{v:.{recorded.digits}g}'):,g}" if recorded.digits < 6 else f"{v:,.0f}"
            for v in (ours.min(), np.median(ours), ours.max())
        )
        yield results.row(
            f"{recorded.what}: {recorded.value:,}",
            "L, notebook output",
            "the recorded value lies between the least and the greatest of our seeds",
            f"{middle} [{low}, {high}]",
            [ours.min() <= recorded.value <= ours.max()],
            "08_spectrum",
            "lab_record",
            key=f"L{number}",
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
        yield results.row(what, source, "none can be fixed", why, (), chapter, key=key)


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
    figure = headline(load("spectrum_lab"), load("trajectories_lab"), keep=HEADLINE_KEEP)
    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    write_atomically(root / "book" / "_static" / "headline.png", png.getvalue())
