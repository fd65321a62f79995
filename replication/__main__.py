"""Command line: list, run and check the experiments, compare their results, write the scorecard."""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import sys
from pathlib import Path

from replication import experiments, registry, scorecard  # noqa: F401 - experiments register themselves
from replication.result import one_thread


def main(arguments=None):
    """Run the command line; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return _dispatch(parser, options)
    except FileNotFoundError as error:
        print(f"{error.filename} is not there: run the experiment first", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m replication", description="Run the experiments of the book."
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
        help="processes that share the seeds, one BLAS thread each (default: 1, with all threads)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the experiments and what is stored of them")
    for command, help_text in (
        ("run", "run experiments and store their results; skip those that are stored"),
        ("check", "run the first seed of experiments again and compare with what is stored"),
    ):
        sub = commands.add_parser(command, help=help_text)
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
    if options.command == "list":
        return _list(options.results)
    if options.command == "scorecard":
        return scorecard.main()
    if options.command == "compare":
        return _compare(options.results, options.folder)
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    quick = options.command == "check" and options.quick
    names = list(registry.STORED) if options.all else options.names + list(registry.QUICK) * quick
    if not names:
        parser.error("name at least one experiment, or --all")
    if options.command == "check":
        return _check(names, options.results)
    return _run(names, options)


def _list(folder):
    for name, (experiment, settings) in registry.STORED.items():
        path = folder / f"{name}.json"
        state = "not stored"
        if path.exists():
            result = registry.load(name, folder)
            state = f"{result.provenance['seconds']:.0f} s on {result.provenance['date']}"
            if not registry.is_current(result):
                state += ", with other settings"
        print(f"{name:26} {len(settings.seeds):3} seeds  {state:32} {_summary(experiment)}")
    return 0


def _run(names, options):
    for name in names:
        path = options.results / f"{name}.json"
        if (
            path.exists()
            and not options.again
            and registry.is_current(registry.load(name, options.results))
        ):
            print(f"{name}: stored already in {path.name}; --again runs it anew")
            continue
        if options.workers == 1:
            result = registry.run(name)
        else:
            with concurrent.futures.ProcessPoolExecutor(
                options.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=one_thread,
            ) as pool:
                result = registry.run(name, executor=pool)
        result.save(path)
        print(f"{name}: {len(result.rows)} rows in {result.provenance['seconds']:.0f} s")
    return 0


def _check(names, folder):
    failed = False
    for name in names:
        before = registry.load(name, folder)
        again = registry.run(name, seeds=before.settings["seeds"][:1])
        failed |= _report(before, again, f"seed {before.settings['seeds'][0]}")
    return int(failed)


def _compare(folder, other):
    failed = False
    for name in registry.STORED:
        before, again = registry.load(name, folder), registry.load(name, other)
        failed |= _report(before, again, f"{len(again.settings['seeds'])} seeds")
    return int(failed)


def _report(before, again, what):
    """Print whether a rerun agrees with what is stored, and the first numbers that do not."""
    lines = registry.disagreements(before, again)
    print(f"{before.experiment}: {what}: {'differs' if lines else 'agrees'}")
    for line in lines[:10]:
        print("  " + line)
    return bool(lines)


def _summary(function):
    return function.__doc__.strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
