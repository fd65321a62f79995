"""Command line: list, run and check the experiments, compare their results, write the scorecard."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from replication import experiments, registry  # noqa: F401 - experiments register themselves
from replication.result import DamagedResult
from replication.runner import Partial, workers

INTERRUPTED = 130  # what a shell expects after Ctrl-C
NOT_READ = 141  # and where the reader of the output has ended

EXAMPLES = """\
examples (python -m replication ...):
  list                      what there is, how long it took, what is stored
  check --quick             one seed of the essential results again (minutes)
  check trajectories_lab    one seed of one result
  --workers 2 --results _build/results run --all
                            everything from nothing (hours); the same command after an
                            interruption goes on where it stopped
  compare _build/results    hold what was run there against what is stored
  scorecard                 judge the claims; write the table and the figure of the README

exit status: 0 done and agreed, 1 something differs, 2 it could not be done, 130 interrupted
"""


def main(arguments=None):
    """Run the command line; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        status = _dispatch(parser, options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # nobody reads on, as behind `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_READ
    except FileNotFoundError as error:
        message = f"{error.filename} is not there: run the experiment first"
    except (DamagedResult, OSError, BrokenProcessPool) as error:
        message = str(error)
    except KeyboardInterrupt as error:
        print(f"\ninterrupted{error}", file=sys.stderr)
        return INTERRUPTED
    print(message, file=sys.stderr)
    return 2


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m replication",
        description="Run the experiments of the book, and hold their results against the stored "
        "ones and against the claims of the original.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=registry.RESULTS,
        metavar="FOLDER",
        help="where results are stored (default: results/ of the checkout)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes that share the seeds, one BLAS thread each (default: 1, with all threads)",
    )
    parser.add_argument(
        "--device",
        help="where PyTorch does the linear algebra of N = 10,000, such as cuda (default: "
        "NOISEPRUNE_DEVICE, else NumPy and SciPy)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="list the experiments and what is stored of them")
    for command, help_text in (
        ("run", "run experiments and store their results; skip those that are stored"),
        ("check", "run the first seed of experiments again and compare with what is stored"),
    ):
        sub = commands.add_parser(command, help=help_text, description=help_text)
        sub.add_argument(
            "names",
            nargs="*",
            metavar="NAME",
            choices=[*registry.STORED, []],
            help=f"among {', '.join(registry.STORED)}",
        )
        sub.add_argument("--all", action="store_true", help="all of them")
        if command == "run":
            sub.add_argument("--again", action="store_true", help="run also what is stored")
        else:
            sub.add_argument(
                "--quick",
                action="store_true",
                help=f"those that take a minute or so: {', '.join(registry.QUICK)}",
            )
    compare = commands.add_parser(
        "compare", help="compare results that were run into another folder with the stored ones"
    )
    compare.add_argument("folder", type=Path, metavar="FOLDER", help="results run again")
    commands.add_parser("scorecard", help="write the table and the figure of the README")
    return parser


def _dispatch(parser, options):
    if options.device:
        os.environ["NOISEPRUNE_DEVICE"] = options.device  # worker processes inherit it
    if options.command == "list":
        return _list(options.results)
    if options.command == "scorecard":
        return _scorecard()
    if options.command == "compare":
        return _compare(options.results, options.folder)
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    quick = options.command == "check" and options.quick
    names = list(registry.STORED) if options.all else options.names + list(registry.QUICK) * quick
    if not names:
        parser.error("name at least one experiment, or --all")
    names = list(dict.fromkeys(names))
    if options.command == "check":
        return _check(names, options.results, options.workers)
    return _run(names, options)


def _list(folder):
    damaged = False
    for name, (experiment, settings) in registry.STORED.items():
        try:
            result = registry.load(name, folder)
            state = f"{result.provenance['seconds']:.0f} s on {result.provenance['date']}"
            if not registry.is_current(result):
                state += ", with other settings"
        except FileNotFoundError:
            state = "not stored"
        except DamagedResult as error:
            print(error, file=sys.stderr)
            damaged, state = True, "damaged"
        print(f"{name:26} {len(settings.seeds):3} seeds  {state:32} {_summary(experiment)}")
    return 2 if damaged else 0


def _run(names, options):
    for name in names:
        path = registry.stored_file(name, options.results)
        stored = None
        try:
            stored = registry.load(name, options.results)
        except FileNotFoundError:
            pass
        except DamagedResult as error:
            print(f"{error}; it is computed anew")
        how = {"folder": options.results}
        if stored and not options.again:
            if registry.is_current(stored):
                print(f"{name}: stored already in {path.name}; --again runs it anew")
                continue
            if added := registry.missing_rules(stored):
                print(f"{name}: {', '.join(added)} is added to the rules in {path.name}")
                how["add_to"] = stored
        result = _compute(name, options.workers, **how)
        print(f"{name}: {len(result.rows)} rows in {result.provenance['seconds']:.0f} s")
    return 0


def _compute(name, count, **how):
    """Run an experiment here or in so many processes; say how to go on if that ends too early."""
    try:
        with workers(count) if count > 1 else contextlib.nullcontext() as pool:
            return registry.run(name, executor=pool, **how)
    except (KeyboardInterrupt, BrokenProcessPool) as error:
        kept = ""
        if "folder" in how:
            path = registry.stored_file(name, how["folder"])
            seeds = Partial.count(path)
            kept = f"; {name}: {seeds} finished seeds are kept, the same command goes on from there"
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(kept) from None
        raise BrokenProcessPool(f"a worker process was killed (out of memory?){kept}") from None


def _check(names, folder, count):
    failed = False
    for name in names:
        before = registry.load(name, folder)
        first = before.settings["seeds"][:1]
        again = _compute(name, count, seeds=first)
        failed |= _report(name, registry.disagreements(before, again), f"seed {first[0]}")
    return int(failed)


def _compare(folder, other):
    if folder.resolve() == other.resolve():
        print(f"{other} is the folder of stored results itself", file=sys.stderr)
        return 2
    failed = False
    for name in registry.STORED:
        before, again = registry.load(name, folder), registry.load(name, other)
        lines = registry.disagreements(before, again)
        old, new = (result.settings["seeds"] for result in (before, again))
        if old != new:
            lines.insert(0, f"{name}: seeds stored {old}, now {new}")
        failed |= _report(name, lines, f"{len(new)} seeds")
    return int(failed)


def _report(name, lines, what):
    """Print whether a rerun agrees with what is stored, and the first numbers that do not."""
    print(f"{name}: {what}: {'differs' if lines else 'agrees'}")
    for line in lines[:10]:
        print("  " + line)
    return bool(lines)


def _scorecard():
    root = registry.RESULTS.parent
    if not (root / "README.md").is_file():
        print(f"the scorecard is written into a checkout, and {root} is none", file=sys.stderr)
        return 2
    from replication import scorecard  # draws: worker processes need not load that

    scorecard.main(root)
    return 0


def _summary(function):
    return function.__doc__.strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
