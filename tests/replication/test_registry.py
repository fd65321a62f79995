"""Experiments register themselves; a rerun is held against what is stored."""

import dataclasses
import importlib.util
import inspect
import pickle
import sys

import pytest

from replication import experiments, registry
from replication.result import Result


def test_every_stored_experiment_is_a_function_of_frozen_settings():
    for run, settings in registry.STORED.values():
        assert run is getattr(experiments, run.__name__)
        assert type(settings) is getattr(experiments, type(settings).__name__)
        assert settings.seeds
        assert settings.__dataclass_params__.frozen
        assert dataclasses.replace(settings) == settings


@pytest.mark.parametrize("name", registry.EXPERIMENTS)
def test_an_experiment_says_how_it_is_called_and_can_be_sent_to_a_process(name):
    run = registry.EXPERIMENTS[name]
    options = list(inspect.signature(run).parameters)
    assert options == ["settings", "executor", "progress", "name"]
    assert run.__doc__ == run.one_seed.__doc__
    assert pickle.loads(pickle.dumps(run)) is run


def test_no_experiment_hides_its_module():
    for run in registry.EXPERIMENTS.values():
        module = importlib.import_module(run.__module__)
        assert getattr(experiments, run.__module__.rpartition(".")[2]) is module


@pytest.fixture
def empty(monkeypatch):
    """The registry without an experiment."""
    for name in ("EXPERIMENTS", "STORED", "QUICK"):
        monkeypatch.setattr(registry, name, type(getattr(registry, name))())


def counting(settings, seed):
    """Count."""
    return [{"seed": seed, "count": k} for k in range(settings.count)]


@dataclasses.dataclass(frozen=True)
class Counting:
    count: int = 2
    seeds: tuple = (4, 3)


@pytest.mark.usefixtures("empty")
def test_the_decorator_alone_makes_an_experiment():
    run = registry.experiment(quick="few", few=Counting(), many=Counting(count=3))(counting)
    assert {"counting": run} == registry.EXPERIMENTS
    assert {"few": (run, Counting()), "many": (run, Counting(count=3))} == registry.STORED
    assert registry.QUICK == ["few"]
    result = run(Counting(), progress=False)
    assert result.experiment == "counting"
    assert [(row["seed"], row["count"]) for row in result.rows] == [(4, 0), (4, 1), (3, 0), (3, 1)]
    assert registry.run("many", seeds=[7], progress=False).settings == {"count": 3, "seeds": [7]}


def test_a_file_that_is_imported_once_more_takes_no_name_again():
    registered, stored = dict(registry.EXPERIMENTS), dict(registry.STORED)
    path = inspect.getsourcefile(experiments.theorem)
    spec = importlib.util.spec_from_file_location("theorem_by_its_path", path)
    again = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = again  # dataclasses look it up
    try:
        spec.loader.exec_module(again)
    finally:
        del sys.modules[spec.name]
    assert again.failure_rate is not experiments.failure_rate
    assert (registered, stored) == (registry.EXPERIMENTS, registry.STORED)


@pytest.mark.usefixtures("empty")
def test_names_are_taken_once():
    registry.experiment(few=Counting())(counting)
    with pytest.raises(ValueError, match="of that name already: counting"):
        registry.experiment(other=Counting())(counting)

    def another(settings, seed):
        """Count too."""

    with pytest.raises(ValueError, match="of that name already: few"):
        registry.experiment(few=Counting())(another)
    with pytest.raises(ValueError, match="quick must name one of the stored runs, got 'fast'"):
        registry.experiment(quick="fast", slow=Counting())(another)
    another.__module__ = "replication.experiments.another"
    with pytest.raises(ValueError, match="another must not be called as its module"):
        registry.experiment(slow=Counting())(another)
    assert list(registry.STORED) == ["few"]


def test_the_quick_ones_are_stored_ones():
    assert set(registry.QUICK) < set(registry.STORED)


def test_names_that_are_not_stored():
    for function in (registry.load, registry.run):
        with pytest.raises(
            ValueError, match="no stored experiment is called 'figure_7'; there are"
        ):
            function("figure_7")


def demo(*rows, seeds=(0,), **settings):
    return Result("demo", {"seeds": list(seeds), **settings}, list(rows), {})


@pytest.mark.parametrize(
    ("old", "new", "agree"),
    [
        ({"error": 1e-15}, {"error": -2e-15}, True),  # two zeros, rounded
        ({"error": 1e-6}, {"error": 2e-6}, False),
        ({"error": 1.0}, {"error": 1.0 + 1e-7}, True),
        ({"error": 1.0}, {"error": 1.0 + 1e-5}, False),
        ({"error": [1e-9, 1.0]}, {"error": [2e-9, 1.0]}, True),  # relative to the largest
        ({"error": [1.0, 2.0]}, {"error": [1.0, 2.0, 3.0]}, False),
        ({"error": [1.0, [2.0]]}, {"error": [1.0, [2.0]]}, True),
        ({"error": [1.0, [2.0]]}, {"error": [1.0, 2.0]}, False),
        ({"error": 0.0}, {"error": 0.0}, True),
        ({"error": 0.0}, {"error": 1e-6}, False),
        ({"error": 0.0}, {"error": float("nan")}, False),
        ({"rule": "noise"}, {"rule": "weight"}, False),
        ({"error": [None, 1.0]}, {"error": [None, 1.0]}, True),
        ({"error": [None, 1.0]}, {"error": [2.0, 1.0]}, False),
        ({"error": [2.0, 1.0]}, {"error": [None, 1.0]}, False),
        ({"names": ["a"]}, {"names": ["b"]}, False),
        ({"names": ["a"]}, {"names": ["a"]}, True),
        ({"error": 1.0}, {}, False),
        ({}, {"error": 1.0}, False),
    ],
)
def test_what_counts_as_agreement(old, new, agree):
    before, after = (demo({"seed": 0, **row}) for row in (old, new))
    assert (registry.disagreements(before, after) == []) == agree


def test_rows_that_are_missing_on_either_side_are_a_disagreement():
    before = demo({"seed": 0}, {"seed": 0}, {"seed": 1}, seeds=(0, 1))
    assert registry.disagreements(before, demo({"seed": 1}, seeds=(1,))) == []
    for again, line in (
        (demo({"seed": 0}), "demo (seed=0): 2 rows stored, 1 rows rerun"),
        (demo(), "demo (seed=0): 2 rows stored, 0 rows rerun"),
        (demo({"seed": 2}, seeds=(2,)), "demo (seed=2): 0 rows stored, 1 rows rerun"),
        (demo(seeds=(2,)), "demo (seed=2): 0 rows stored, 0 rows rerun"),
        (demo(seeds=()), "demo: nothing was compared, the rerun has no seeds"),
    ):
        assert registry.disagreements(before, again) == [line]


def test_other_settings_are_a_disagreement():
    before, again = demo({"seed": 0}, keep=0.2), demo({"seed": 0}, keep=0.3)
    assert registry.disagreements(before, again) == ["demo: setting keep stored 0.2, now 0.3"]
    assert registry.disagreements(before, demo({"seed": 0})) == [
        "demo: setting keep stored 0.2, now None"
    ]
