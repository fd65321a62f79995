"""The living network: its settings, its still figure, and its live view in a notebook."""

import json
import sys

import lxml.html
import numpy as np
import pytest

import noiseprune as npr
from replication.living import SETTINGS, living_network


def page(living):
    return lxml.html.fromstring(living._repr_mimebundle_()["text/html"])


def data(living):
    return json.loads(page(living).find("script").text)


@pytest.mark.parametrize("name", SETTINGS)
def test_networks_of_the_book_are_small_and_stable(name):
    living = living_network(name)
    assert 4 <= len(living.W) <= 12
    np.testing.assert_array_equal(living.W, living.W.T)
    assert np.linalg.eigvalsh(living.A).max() < 0
    np.testing.assert_allclose(living.A, npr.add_leak(living.W, excess=living.excess))


@pytest.mark.parametrize("name", SETTINGS)
def test_tours_name_pairs_that_exist_and_links_that_can_be_cut(name):
    living, setting = living_network(name), data(living_network(name))
    n, pairs = len(living.W), [setting["pick"]]
    assert 3 <= len(setting["tour"]) <= 5
    for step in setting["tour"]:
        assert step["say"]
        assert step["button"]
        for changes in (step["at"], step["do"]):
            assert set(changes) <= {
                *("reset", "cut", "link", "pick", "rule", "keep", "toss", "prune", "balance"),
                "shake",
            }
            pairs += [changes[key][:2] for key in ("cut", "link", "pick") if key in changes]
            if "cut" in changes:
                assert living.W[tuple(changes["cut"])] != 0
    assert all(0 <= i < j < n for i, j in pairs)


def test_bridge_of_the_landing_page_decides_and_only_noise_sees_it():
    """The lesson of its tour, from the package."""
    living = living_network("bottleneck")
    cut = living.W.copy()
    cut[4, 5] = cut[5, 4] = 0
    rates = [np.linalg.eigvalsh(-npr.add_leak(W, excess=living.excess))[0] for W in (living.W, cut)]
    assert rates[0] > 4 * rates[1]
    chance, near = {}, {}
    for rule in ("noise", "leak", "weight", "uniform"):
        P = npr.keep_probabilities(npr.synapse_scores(living.A, rule=rule), keep=0.6)
        chance[rule] = P.toarray()[4, 5]
        lives = [
            1 / np.linalg.eigvalsh(-npr.sample_synapses(living.A, P, rng=k).toarray())[0]
            for k in range(200)
        ]
        near[rule] = np.mean(np.abs(np.log(np.multiply(lives, rates[0]))) < 0.2)
    assert chance["noise"] > 0.99
    assert max(chance["leak"], chance["weight"]) < 0.35
    # Standard error of a share of 200 draws: at most 0.036.
    assert near["noise"] > 0.5 > 4 * 0.036 + max(near["leak"], near["weight"])


def test_signs_of_the_two_pairs_covary_with_their_link():
    """What the tour of the chapter on noise and covariance shows: with the weak link inhibitory the
    covariances across it turn their signs and all else stays; without it they are 0.
    """
    living = living_network("two pairs")
    across = np.kron([[0, 1], [1, 0]], np.ones((2, 2))) == 1
    C = {}
    for w in (0.1, -0.1, 0):
        W = living.W.copy()
        W[1, 2] = W[2, 1] = w
        C[w] = npr.stationary_covariance(npr.add_leak(W, excess=living.excess))
    np.testing.assert_allclose(C[-0.1], np.where(across, -C[0.1], C[0.1]), rtol=1e-12)
    assert C[0.1][across].min() > 0.5
    np.testing.assert_allclose(C[0][across], 0, atol=1e-15)


def test_homeostasis_bends_the_bridge_of_a_small_network():
    """What the last step of the landing page's tour says: the slowest mode is worse for it."""
    living = living_network("bottleneck")
    P = npr.keep_probabilities(npr.synapse_scores(living.A), keep=0.6)
    slowest = np.linalg.eigvalsh(-living.A)[0]
    error = {}
    for diagonal in ("matched", "homeostatic"):
        draws = [npr.sample_synapses(living.A, P, diagonal=diagonal, rng=k) for k in range(200)]
        rates = [np.linalg.eigvalsh(-A.toarray())[0] for A in draws]
        error[diagonal] = np.median(np.abs(np.log(rates / slowest)))
    assert error["homeostatic"] > 2 * error["matched"]


def test_still_figure_draws_every_link_and_says_which_is_kept_most():
    living = living_network("four neurons")
    still = page(living).find("svg")
    lines = still.findall("line")
    assert len(lines) == 4
    assert sum("stroke-dasharray" in line.attrib for line in lines) == 1  # the inhibitory one
    assert [float(line.get("stroke-width")) for line in lines] == [7, 5, 7, 9]  # 1 + 8 p
    assert [text.text for text in still.findall("text")] == ["1", "2", "3", "4"]
    assert still.get("role") == "img"
    assert "link 3–4 has the largest, 1.00" in still.get("aria-label")


def test_any_small_symmetric_network_can_be_shown():
    W = np.array([[0, 1.5, 0], [1.5, 0, -1], [0, -1, 0]])
    living = living_network(W, excess=[0.1, 0, 0.2], rule="leak", keep=0.5)
    assert repr(living) == "Living network: 3 neurons, 2 links"
    setting = data(living)
    assert setting["W"] == W.tolist()
    assert (setting["excess"], setting["rule"], setting["keep"]) == ([0.1, 0, 0.2], "leak", 0.5)
    assert setting["tour"] == []


def test_what_is_given_is_not_changed():
    W = np.array([[0, 1.0], [1, 0]])
    living_network(W).W[0, 1] = 7
    assert W[0, 1] == 1


def test_live_view_brings_the_script_and_gives_back_what_the_hand_does():
    living = living_network("two triangles")
    bundle = living._repr_mimebundle_()
    assert "model_id" in bundle["application/vnd.jupyter.widget-view+json"]
    view = living._live()
    assert view is living._live()
    assert view.setting == data(living)
    assert "livingNetwork" in view._esm
    assert view._esm.endswith("export default livingNetwork.widget;")
    changed = living.W
    changed[2, 3] = changed[3, 2] = 0
    view.set_state({"W": changed.tolist(), "excess": [0.5] * 6})  # as the browser sends it
    np.testing.assert_array_equal(living.W, changed)
    np.testing.assert_array_equal(living.A, npr.add_leak(changed, excess=0.5))
    assert repr(living) == "Living network: 6 neurons, 6 links"


def test_page_needs_no_anywidget(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    assert set(living_network()._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.mark.parametrize(
    ("setting", "options", "message"),
    [
        ("bridge", {}, "setting must be one of .*'bottleneck'.*'bridge'"),
        (np.zeros((13, 13)), {}, "N from 2 to 12, got \\(13, 13\\)"),
        (np.ones((2, 3)), {}, "got \\(2, 3\\)"),
        ([1.0, 2.0], {}, "got \\(2,\\)"),
        ([[0, 1], [2, 0]], {}, "symmetric"),
        ([[1, 1], [1, 0]], {}, "diagonal of 0"),
        ([[0, np.nan], [np.nan, 0]], {}, "finite"),
        ([[0, 0], [0, 0]], {}, "no link"),
        ([[0, 1], [1, 0]], {"excess": -1}, "not negative, got -1"),
        ([[0, 1], [1, 0]], {"excess": np.inf}, "excess must be finite"),
        ([[0, 1], [1, 0]], {"excess": 0}, "some excess leak"),
        ([[0, 1], [1, 0]], {"rule": "magnitude"}, "rule must be one of"),
        ([[0, 1], [1, 0]], {"keep": 0.05}, "keep must lie in"),
    ],
)
def test_what_is_no_living_network(setting, options, message):
    with pytest.raises(ValueError, match=message):
        living_network(setting, **options)
