"""The living network: a few neurons that a reader changes, shakes and prunes by hand.

On the static page `book/_static/living.js` brings it to life; in a running notebook the same script
does, through anywidget. Its source, and how it is bundled, stand in `book/_living`.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np

import noiseprune as npr

SCRIPT = Path(__file__).resolve().parents[1] / "book" / "_static" / "living.js"
WIDTH = 360  # of the drawing; places of neurons are in these units
MOST_NEURONS = 12


def living_network(setting="bottleneck", *, excess=0.02, rule="noise", keep=0.6):
    """Show a small symmetric network that can be changed, shaken and pruned by hand.

    Links are cut, added and weighed, leaks are changed, noise runs, links are pruned with a coin
    each; decay rates, relaxation and covariance follow at once. Each neuron leaks as much as its
    links can feed it, plus its excess leak, so that no change makes the network unstable.

    Parameters
    ----------
    setting : str or (N, N) array_like
        A network of the book with a guided tour ("bottleneck", "ten neurons", "two pairs", "four
        neurons" or "two triangles"), or the symmetric weights of 2 to 12 neurons.
    excess : float or (N,) array_like
        Excess leak >= 0 of each neuron (1/time), for weights; a network of the book has its own.
    rule : {"noise", "leak", "weight", "uniform"}
        Rule of the probabilities at the start, for weights.
    keep : float in [0.1, 1]
        Expected fraction of links kept at the start, for weights.

    Returns
    -------
    LivingNetwork
        The last line of a cell displays it; ``W``, ``excess`` and ``A`` follow the reader's hand
        in a running notebook.

    Raises
    ------
    ValueError
        If the setting is unknown, or weights, leak, rule or fraction are not as described.

    References
    ----------
    Book, "The rule".

    Examples
    --------
    >>> living = living_network("four neurons")
    >>> living
    Living network: 4 neurons, 4 links
    >>> living.A
    array([[-5., -2.,  1.,  0.],
           [-2., -4.,  2.,  0.],
           [ 1.,  2., -6.,  1.],
           [ 0.,  0.,  1., -1.]])
    """
    if isinstance(setting, str):
        if setting not in SETTINGS:
            raise ValueError(f"setting must be one of {sorted(SETTINGS)} or weights: {setting!r}")
        return LivingNetwork(SETTINGS[setting]())
    W = np.array(setting, dtype=float)
    n = len(W)
    if W.shape != (n, n) or not 2 <= n <= MOST_NEURONS:
        raise ValueError(f"weights must be (N, N) with N from 2 to {MOST_NEURONS}, got {W.shape}")
    if not np.isfinite(W).all() or not np.array_equal(W, W.T) or W.diagonal().any():
        raise ValueError("weights must be finite and symmetric with a diagonal of 0")
    if not W.any():
        raise ValueError("weights hold no link: every entry is 0")
    excess = np.broadcast_to(np.asarray(excess, dtype=float), n)
    if not np.isfinite(excess).all() or excess.min() < 0:
        raise ValueError(f"excess must be finite and not negative, got {excess.min():g}")
    if np.linalg.eigvalsh(npr.add_leak(W, excess=excess)).max() > -1e-9:
        raise ValueError(f"give every part of the network some excess leak, got {excess}")
    if rule not in npr.pruning.RULES:
        raise ValueError(f"rule must be one of {npr.pruning.RULES}, got {rule!r}")
    if not 0.1 <= keep <= 1:
        raise ValueError(f"keep must lie in [0.1, 1], got {keep:g}")
    angles = 2 * np.pi * np.arange(n) / n - np.pi / 2
    places = np.column_stack([180 + 120 * np.cos(angles), 140 + 105 * np.sin(angles)])
    return LivingNetwork(_setting(W, excess, places, rule=rule, keep=keep))


class LivingNetwork:
    """What `living_network` returns: a still figure, alive on a page and in a notebook."""

    def __init__(self, setting):
        self._setting, self._view = setting, None

    @property
    def W(self):
        """Weights, shape (N, N)."""
        return np.array(self._view.W if self._view else self._setting["W"], dtype=float)

    @property
    def excess(self):
        """Excess leak, shape (N,)."""
        return np.array(self._view.excess if self._view else self._setting["excess"], dtype=float)

    @property
    def A(self):
        """Dynamics matrix, shape (N, N)."""
        return npr.add_leak(self.W, excess=self.excess)

    def __repr__(self):
        return f"Living network: {len(self.W)} neurons, {np.count_nonzero(np.triu(self.W))} links"

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": repr(self), "text/html": self._page()}
        try:
            view = self._live()
        except ImportError:  # without anywidget there is no live view
            return bundle
        return {**view._repr_mimebundle_()[0], **bundle}

    def _live(self):
        """One widget for each network, however often it is displayed."""
        import anywidget  # an extra: only a live view needs it
        import traitlets

        class View(anywidget.AnyWidget):
            _esm = SCRIPT.read_text(encoding="utf-8") + "\nexport default livingNetwork.widget;"
            setting = traitlets.Dict().tag(sync=True)
            W = traitlets.List().tag(sync=True)
            excess = traitlets.List().tag(sync=True)

        if self._view is None:
            setting = self._setting
            self._view = View(setting=setting, W=setting["W"], excess=setting["excess"])
        return self._view

    def _page(self):
        """HTML with a still figure and the data from which the page's living.js makes the rest."""
        data = json.dumps(self._setting, ensure_ascii=False).replace("<", "\\u003c")
        return (
            f'<div class="living">{_still(self._setting)}'
            f'<script type="application/json">{data}</script></div>'
        )


def _still(setting):
    """Drawing of the network: lines as thick as the probability that they are kept."""
    W, places = np.array(setting["W"]), setting["places"]
    A = npr.add_leak(W, excess=setting["excess"])
    P = npr.keep_probabilities(
        npr.synapse_scores(A, rule=setting["rule"]), keep=setting["keep"]
    ).toarray()
    lines, likely = [], []
    for i, j in zip(*np.nonzero(np.triu(W)), strict=True):
        (x1, y1), (x2, y2) = places[i], places[j]
        dashes = ' stroke-dasharray="9 7"' if W[i, j] < 0 else ""
        lines.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="currentColor" '
            f'stroke-width="{1 + 8 * P[i, j]:.1f}"{dashes}/>'
        )
        likely.append((P[i, j], setting["names"][i], setting["names"][j]))
    discs = "".join(
        f'<circle cx="{x}" cy="{y}" r="13" fill="#fff" stroke="#4d4d4d" stroke-width="1.5"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" font-size="12" fill="#222">{name}</text>'
        for (x, y), name in zip(places, setting["names"], strict=True)
    )
    p, first, second = max(likely)
    words = (
        f"A network of {len(W)} neurons and {len(lines)} links, drawn as thick as the probability "
        f"that rule {setting['rule']} keeps them; the link {first}–{second} has the largest, "
        f"{p:.2f}."
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {setting["height"]}" width="480" role="img" '
        f'aria-label="{html.escape(words)}">{"".join(lines)}{discs}</svg>'
    )


def _setting(W, excess, places, *, names=None, rule="noise", keep=0.6, pick=None, **more):
    """Everything that the script needs, in plain numbers."""
    places = np.round(places).astype(int)
    W = np.asarray(W, dtype=float)
    if pick is None:
        pick = [int(k) for k in np.argwhere(np.triu(W))[0]]
    return {
        "names": names or [str(k) for k in range(len(W))],
        "places": places.tolist(),
        "height": int(places[:, 1].max()) + 50,
        "W": W.tolist(),
        "excess": np.asarray(excess, dtype=float).tolist(),
        "rule": rule,
        "keep": keep,
        "pick": pick,
        "pattern": None,
        "seed": 1,
        "tour": [],
        **more,
    }


def _weights(n, weights):
    """Symmetric matrix from {(i, j): w}."""
    W = np.zeros((n, n))
    for (i, j), w in weights.items():
        W[i, j] = W[j, i] = w
    return W


def _two_groups():
    """Places of two groups of five that face each other."""
    turn = 2 * np.pi * np.arange(1, 6) / 5
    left = np.column_stack([84 + 60 * np.cos(turn), 128 + 98 * np.sin(turn)])
    right = left[::-1] * [-1, 1] + [WIDTH, 0]
    return np.concatenate([left, right])


def _bottleneck():
    inside = {(b + i, b + j): 1.0 for b in (0, 5) for i in range(5) for j in range(i)}
    return _setting(
        _weights(10, {**inside, (4, 5): 0.5}),
        np.repeat([0.3, 0.02], 5),
        _two_groups(),
        names=[str(k) for k in range(1, 11)],
        pick=[4, 5],
        tour=[
            {
                "say": "Two groups of neurons and one weak bridge between them. The group on the "
                "right hardly leaks by itself. Cut the bridge: what happens to the slowest mode?",
                "at": {"reset": True},
                "button": "Cut the bridge",
                "do": {"cut": [4, 5]},
            },
            {
                "say": "How could a link know that it matters? Shake the network with noise. A "
                "line grows with the link's weight and with how far its two neurons drift apart.",
                "at": {"reset": True},
                "button": "Shake",
                "do": {"reset": True, "shake": True},
            },
            {
                "say": "Is noise needed? Weights and leaks alone rank the links inside a group as "
                "noise does. But they do not see that the bridge is the only way across.",
                "at": {"reset": True},
                "button": "Ask the leak",
                "do": {"rule": "leak"},
            },
            {
                "say": "Prune: a coin for each link, and what is kept grows by 1/p. Toss a few "
                "times by leak, then by noise. How often does the slowest mode stay what it was?",
                "at": {"reset": True, "rule": "leak"},
                "button": "Toss",
                "do": {"toss": True, "prune": True},
            },
            {
                "say": "Homeostasis: each neuron scales its links until its total input is back. "
                "With this few links it mostly bends the bridge. It pays where links are many.",
                "at": {"reset": True, "prune": True},
                "button": "Balance inputs",
                "do": {"prune": True, "balance": True},
            },
        ],
    )


def _ten_neurons():
    """The network of the chapter on why to prune."""
    n, rng = 5, np.random.default_rng(0)
    W = np.zeros((2 * n, 2 * n))
    for start in (0, n):
        weights = np.triu(rng.uniform(0.5, 1.5, (n, n)), 1)
        W[start : start + n, start : start + n] = weights + weights.T
    W[n - 1, n] = W[n, n - 1] = 0.1
    strongest = [int(k) for k in np.unravel_index(W.argmax(), W.shape)]
    return _setting(
        W,
        np.full(2 * n, 0.01),
        _two_groups(),
        pick=strongest,
        pattern={"name": "difference of the groups", "x": np.repeat([1, -1], n).tolist()},
        tour=[
            {
                "say": "Cut the strongest link, {}–{}.".format(*strongest),
                "at": {"reset": True},
                "button": "Cut it",
                "do": {"cut": strongest},
            },
            {
                "say": "Now the weakest, the bridge, in place of it.",
                "at": {"reset": True, "pick": [n - 1, n]},
                "button": "Cut it",
                "do": {"cut": [n - 1, n]},
            },
            {
                "say": "Prune by weight a few times, then by noise.",
                "at": {"reset": True, "rule": "weight"},
                "button": "Toss",
                "do": {"toss": True, "prune": True},
            },
        ],
    )


def _two_pairs():
    """The network of the chapter on noise and covariance."""
    return _setting(
        _weights(4, {(0, 1): 1.0, (1, 2): 0.1, (2, 3): 1.0}),
        np.full(4, 0.1),
        [(50, 45), (130, 115), (230, 115), (310, 45)],
        pick=[1, 2],
        tour=[
            {
                "say": "Shake the two pairs and compare the measured covariance with the exact "
                "one. Which entries come out soon, and which take long?",
                "at": {"reset": True},
                "button": "Shake",
                "do": {"reset": True, "shake": True},
            },
            {
                "say": "Turn the sign of the weak link. Which entries change theirs?",
                "at": {"reset": True},
                "button": "Turn the sign",
                "do": {"link": [1, 2, -0.1]},
            },
            {
                "say": "Cut the link and shake. Across the gap the exact covariance is 0 now; the "
                "measured one only comes closer and closer to it.",
                "at": {"reset": True},
                "button": "Cut and shake",
                "do": {"reset": True, "cut": [1, 2], "shake": True},
            },
        ],
    )


def _four_neurons():
    """The network of the chapter on the rule."""
    return _setting(
        _weights(4, {(0, 1): -2.0, (0, 2): 1.0, (1, 2): 2.0, (2, 3): 1.0}),
        [2, 0, 2, 0],
        [(60, 50), (60, 210), (180, 130), (310, 130)],
        names=["1", "2", "3", "4"],
        keep=0.75,
        pick=[2, 3],
        tour=[
            {
                "say": "Give 3–4 a detour, by way of 2. What becomes of its probability?",
                "at": {"reset": True},
                "button": "Link 2 to 4",
                "do": {"link": [1, 3, 1], "pick": [2, 3]},
            },
            {
                "say": "Turn the inhibitory link 1–2 into an excitatory one. Now all links of the "
                "triangle ask for the same, and each can replace another.",
                "at": {"reset": True, "pick": [0, 2]},
                "button": "Turn the sign",
                "do": {"link": [0, 1, 2], "pick": [0, 2]},
            },
            {
                "say": "Shake it: the probabilities come out of the noise.",
                "at": {"reset": True},
                "button": "Shake",
                "do": {"reset": True, "shake": True},
            },
        ],
    )


def _two_triangles():
    """The network of the chapter on effective resistance."""
    inside = {pair: 1.0 for pair in [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]}
    return _setting(
        _weights(6, {**inside, (2, 3): 0.5}),
        np.full(6, 0.02),
        [(45, 40), (45, 190), (130, 115), (230, 115), (315, 40), (315, 190)],
        pick=[2, 3],
        tour=[
            {
                "say": "Add a second road between the triangles: the bridge can be replaced.",
                "at": {"reset": True},
                "button": "Link 1 to 5",
                "do": {"link": [1, 5, 0.5], "pick": [2, 3]},
            },
            {
                "say": "Let the second road inhibit: it contradicts the bridge, and neither can "
                "replace the other.",
                "at": {"reset": True, "link": [1, 5, 0.5]},
                "button": "Turn the sign",
                "do": {"link": [1, 5, -0.5], "pick": [2, 3]},
            },
            {
                "say": "Leaks see two roads of equal weight, whatever their sign.",
                "at": {"reset": True, "link": [1, 5, -0.5]},
                "button": "Ask the leak",
                "do": {"rule": "leak"},
            },
        ],
    )


SETTINGS = {
    "bottleneck": _bottleneck,
    "ten neurons": _ten_neurons,
    "two pairs": _two_pairs,
    "four neurons": _four_neurons,
    "two triangles": _two_triangles,
}
