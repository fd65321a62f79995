"""The command line: ``noiseprune diagnose FILE``, ``noiseprune prune FILE --keep 0.2 -o OUT``."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

import noiseprune as npr
from noiseprune import _checks, formats, report
from noiseprune.pruning import DIAGONALS, RULES

LEAKS = ("balanced", "fixed", "given")

OPTIONS = {  # how the words of Python are said at a terminal
    r"\b(direction|diagonal)='([\w-]+)'": r"--\1 \2",
    r"\b(weight|key)=\.\.\.": r"--\1 NAME",
    r"None for weight 1 everywhere": "--unweighted",
    r"add_leak\(W, excess=\.\.\.\)": "--leak balanced --excess X",
    r"\(add_leak\)": "(--excess X)",
    r"\(add_leak,\s+fixed_leak\s+or\s+stabilise\)": "(--leak balanced or fixed)",
}

DESCRIPTION = """\
Prune the synapses of a recurrent network by the noise that runs through it.

  noiseprune diagnose network.csv --direction source-target
  noiseprune prune network.csv --direction source-target --keep 0.2 -o pruned.csv

Diagnose first: it says what your network is, what will matter, and what to expect of each rule.
"""

FILES = f"""\
files: {" ".join(formats.SUFFIXES)}
  csv and tsv hold a matrix, with or without names, or a list of edges (source, target, weight);
  they need pandas, graphml and gml networkx: pip install 'noiseprune[networks]'.

exit status: 0 done; 1 the result is unstable, and nothing was written; 2 a mistake, in one line.
"""

PRUNE = """\
Each synapse is kept with a probability in proportion to its score, and strengthened by one over
that probability; the others are dropped. Weights, names, order, autapses and neurons without
synapses come back in the format that the suffix of OUT names.

example: noiseprune prune worm.graphml --direction source-target --keep 0.3 -o pruned.graphml \\
             --controls --seeds 7 --report report.html
"""


def main(arguments=None):
    """Run the command line; return the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the name of the program, by default those that it was called with.

    Returns
    -------
    int
        0 done, 1 an unstable result that was not asked for, 2 a mistake, 130 stopped, 141 nobody
        reads on.

    Examples
    --------
    >>> from noiseprune.__main__ import main
    >>> main(["diagnose", "network.doc"])
    2
    """
    options = _parser().parse_args(arguments)
    if sys.stdout is None:  # closed, as by `>&-`
        sys.stdout = io.StringIO()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that a terminal cannot show
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
            warnings.simplefilter("always", UserWarning)
            status = _run(options)
            sys.stdout.flush()
            return status
    except BrokenPipeError:  # who read our text has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, TypeError, OSError, ImportError, MemoryError, RuntimeError) as error:
        _say(f"error: {' '.join(_terminal(str(error)).split()) or type(error).__name__}")
        return 2
    except KeyboardInterrupt:
        _say("stopped: nothing was written")
        return 130


def _run(options):
    """Run a command: a terminal sees each line at once, other readers all when files are written.

    They may leave early, as `head` does.
    """
    if sys.stdout.isatty():
        return options.run(options, print)
    said = []
    try:
        return options.run(options, said.append)
    finally:
        print("".join(f"{line}\n" for line in said), end="")


def _parser():
    parser = argparse.ArgumentParser(
        prog="noiseprune",
        description=DESCRIPTION,
        epilog=FILES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=npr.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, run, text, words, about in (
        ("diagnose", _diagnose, "", "", "say what a network is and what to expect of pruning"),
        ("prune", _prune, PRUNE, "--keep F -o OUT ", "prune a network and write it"),
    ):
        command = commands.add_parser(
            name,
            usage=f"noiseprune {name} FILE {words}[options]",
            help=about,
            description=f"{about[0].upper()}{about[1:]}.\n{text}",
            epilog=FILES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        _add_source(command)
        if name == "prune":
            _add_pruning(command)
        else:
            command.add_argument(
                "--keep", type=float, nargs="+", metavar="F", help="fractions to predict for"
            )
        command.add_argument(
            "--report", type=Path, metavar="FILE", help="write all of it to a .html or .json file"
        )
    return parser


def _add_source(command):
    source = command.add_argument_group("your network")
    source.add_argument("file", metavar="FILE", help="the network")
    source.add_argument(
        "--direction",
        choices=("source-target", "target-source", "undirected"),
        help="what the row of a matrix, or the first end of an edge, is: the neuron that sends "
        "(source-target) or receives (target-source); needed where the two differ",
    )
    weights = source.add_mutually_exclusive_group()
    weights.add_argument(
        "--weight",
        default="weight",
        metavar="NAME",
        help="column or attribute with the weights (default weight)",
    )
    weights.add_argument(
        "--unweighted",
        action="store_const",
        dest="weight",
        const=None,
        help="every synapse has weight 1, whatever columns there are",
    )
    source.add_argument("--key", metavar="NAME", help="which matrix of an npz or mat file")
    leak = command.add_argument_group("the leak, which no connectome holds")
    leak.add_argument(
        "--leak",
        choices=LEAKS,
        help="balanced: every neuron's total input plus an excess; fixed: the same for all, the "
        "weights scaled to a gain; given: the negative diagonal of the file (default: given "
        "where there is one, else balanced)",
    )
    leak.add_argument(
        "--excess",
        type=float,
        default=0.1,
        metavar="X",
        help="balanced: excess leak, as a fraction of the mean total input (default 0.1); the "
        "smaller, the slower the slowest mode, and the more pruning matters",
    )
    leak.add_argument(
        "--gain", type=float, default=0.9, metavar="G", help="fixed: gain below 1 (default 0.9)"
    )


def _add_pruning(command):
    pruning = command.add_argument_group("pruning")
    pruning.add_argument(
        "--keep", type=float, required=True, metavar="F", help="fraction of synapses to keep"
    )
    pruning.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    pruning.add_argument("--rule", choices=RULES, default="noise", help="default noise")
    pruning.add_argument(
        "--diagonal",
        choices=("auto", *DIAGONALS),
        default="auto",
        help="how leak and input are balanced afterwards (default auto)",
    )
    pruning.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (default 0)")
    pruning.add_argument(
        "--controls", action="store_true", help="print every rule beside the others"
    )
    pruning.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="draws a rule for --controls (default 5)"
    )
    pruning.add_argument(
        "--allow-unstable", action="store_true", help="write a network that is unstable, too"
    )


def _diagnose(options, say):
    _check(options, options.keep or ())
    network, A, about = _read(options, say)
    _progress("looking at scores and predictions")
    found = npr.diagnose(A, keep=options.keep, names=network.names)
    say(_terminal(str(found)))
    if options.report:
        found = found.to_dict() | {"advice": tuple(map(_terminal, found.advice))}
        report.write(options.report, {**about, "diagnosis": found})
        say(f"\nwrote {options.report}")
    return 0


def _prune(options, say):
    _checks.integer(options.seeds, "--seeds", low=1)
    _checks.integer(options.seed, "--seed", low=0)
    formats.suffix(options.output)
    formats.check_place(options.output)
    if options.output.exists() and os.path.samefile(options.file, options.output):
        raise ValueError(f"-o {options.output} would replace the network that is read; rename one")
    _check(options, [options.keep])
    network, A, about = _read(options, say)
    scale = _scale(network.W, A)
    pruned, measures = _draw(A, options, options.rule, options.seed)
    if pruned.kept.nnz == 0:
        raise ValueError("this draw kept no synapse; raise --keep or take another --seed")
    p = pruned.probabilities.multiply(pruned.kept).data
    how = (
        f"rule {options.rule}, diagonal {options.diagonal}, seed {options.seed}; kept "
        f"{pruned.kept.nnz} of {network.W.nnz} synapses ({pruned.kept_fraction:.1%}), each "
        f"strengthened by 1/p, {np.median(1 / p):.3g} in the median and {1 / p.min():.3g} at most"
        + (", then scaled to its neuron's total input" * (options.diagonal == "homeostatic"))
    )
    say(report.wrapped(f"pruned: {how}"))
    say("compared with the original:")
    say(report.table([measures]))
    whole = int(csgraph.connected_components(network.W, directed=False)[0])
    if measures["parts"] > whole:
        say(
            report.wrapped(
                f"the pruned network falls into {measures['parts']} connected parts, the original "
                f"has {whole}: keep more, and see what diagnose says of the floor"
            )
        )
    about |= {"how": how, "pruned": measures}
    if options.controls:
        about["controls"] = _controls(A, options)
        say(f"every rule, medians over {options.seeds} draws, the same diagonal:")
        say(report.table(about["controls"]))
    stable = measures["abscissa"] < 0
    if stable or options.allow_unstable:
        network.write(options.output, pruned.A / scale)
        about["output"] = os.fspath(options.output)
    if options.report:
        report.write(options.report, about)
        say(f"wrote {options.report}")
    if not stable:
        _say(
            f"the pruned network is unstable (its fastest pattern grows at the rate "
            f"{measures['abscissa']:.3g}): "
            + ("written all the same" if options.allow_unstable else "not written")
            + "; keep more, take another --seed, --diagonal or --leak"
        )
    if stable or options.allow_unstable:
        leak = "with its leak" if network.has_leak else "weights alone: the leak is not in the file"
        same = (
            "autapses"
            if formats.suffix(options.output) in formats.NAMELESS
            else "names and autapses"
        )
        say(report.wrapped(f"wrote {options.output} ({leak}; {same} as they were)"))
        return 0
    return 1


def _check(options, keeps):
    """Refuse, before anything is read, what would be refused in the end."""
    for keep in keeps:
        _checks.number(keep, "--keep", low=0, low_open=True, high=1)
    _checks.number(options.excess, "--excess", low=0)
    if options.report:
        report.suffix(options.report)
        formats.check_place(options.report)


def _read(options, say):
    """Read the network, give it the leak, and say what was done to it."""
    network = npr.read(
        options.file, direction=options.direction, weight=options.weight, key=options.key
    )
    say(f"read {options.file}: {network!r}")
    kind = options.leak or ("given" if network.has_leak else "balanced")
    if kind == "given":
        if not network.has_leak:
            raise ValueError(
                "--leak given needs a negative diagonal entry for every neuron, which this file "
                "does not have; use --leak balanced or fixed"
            )
        A = sparse.csr_array(network.W + sparse.diags_array(network.diagonal))
        leak = "given: the diagonal of the file"
    elif kind == "fixed":
        A = npr.fixed_leak(network.W, gain=options.gain)
        leak = f"fixed: 1 for all, weights scaled to a gain of {options.gain:g}"
    else:
        total = np.asarray(abs(network.W).sum(axis=1))
        A = npr.add_leak(network.W, excess=options.excess * total.mean())
        leak = (
            f"balanced: every neuron's total input plus {options.excess * total.mean():.4g}, "
            f"{options.excess:.0%} of the mean"
        )
    say(report.wrapped(f"leak {leak}"))
    return network, A, {"file": options.file, "network": repr(network).split("\n- "), "leak": leak}


def _scale(W, A):
    """By how much the leak scaled the weights: pruned ones go back into the units of the file."""
    k = int(np.argmax(np.abs(W.data)))
    i = int(np.searchsorted(W.indptr, k, side="right")) - 1
    return float(A[i, W.indices[k]] / W.data[k])


def _draw(A, options, rule, seed):
    """One pruned network and its measures."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the pruned network is unstable")  # said by main
        pruned = npr.noise_prune(A, options.keep, rule=rule, diagonal=options.diagonal, rng=seed)
    found = asdict(npr.compare(A, pruned.A))
    return pruned, {
        "kept": pruned.kept_fraction,
        "abscissa": found["abscissa_sparse"],
        "parts": found["components_sparse"],
        **{name: found[name] for name in report.ERRORS},
    }


def _controls(A, options):
    """Medians of the measures over seeds, for every rule."""
    rows = []
    for rule in RULES:
        draws = []
        for k in range(options.seeds):
            _progress(f"rule {rule}: draw {k + 1} of {options.seeds}")
            draws.append(_draw(A, options, rule, options.seed + k)[1])
        row = {"rule": rule, "unstable": sum(draw["abscissa"] >= 0 for draw in draws)}
        for name in draws[0]:
            values = [draw[name] for draw in draws]
            row[name] = None if None in values else float(np.median(values))
        rows.append(row)
    return rows


def _terminal(text):
    """Say what the package says with the options of the command line."""
    for python, option in OPTIONS.items():
        text = re.sub(python, option, text)
    return text


def _say(text):
    """Warnings and errors: one line on standard error."""
    print(f"noiseprune: {text}", file=sys.stderr, flush=True)


def _progress(text):
    """Say what takes long, to a person who waits at a terminal."""
    if sys.stderr.isatty():
        _say(text)


if __name__ == "__main__":
    sys.exit(main())
