"""Explorers: the frames of the static page and the live view of a notebook."""

import base64
import io
import json
import re
import sys

import ipywidgets
import lxml.html
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from replication.explore import explore


def draw(keep, rule="noise"):
    figure = Figure(figsize=(4, 3))
    figure.subplots().bar(["kept", "pruned"], [keep, 1 - keep], color=["#0072B2", "#D55E00"])
    return figure, f"{rule}: <{keep:g}> of the synapses are kept."


def page(explorer):
    return lxml.html.fromstring(explorer._repr_mimebundle_()["text/html"])


def data(explorer):
    return json.loads(page(explorer).find("script").text)


def picture(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_page_shows_the_starting_frame_without_script():
    explorer = explore(draw, keep=[0.1, 0.2, 0.5], rule=["noise", "weight"], start={"keep": 0.2})
    (image,) = page(explorer).findall("img")
    assert image.get("alt") == "noise: <0.2> of the synapses are kept."
    assert page(explorer).find("p").text == image.get("alt")
    assert page(explorer).find("p").get("aria-live") == "polite"
    assert (image.get("width"), image.get("height")) == ("640", "480")


def test_texts_are_set_as_those_of_the_page():
    explorer = explore(lambda keep: (draw(keep)[0], f"{keep:.0%}: -2, the rule's"), keep=[0.1])
    assert data(explorer)["frames"][0]["text"] == "10\u00a0%: −2, the rule’s"


def test_page_has_a_frame_for_each_combination_last_control_fastest():
    frames = data(explore(draw, keep=[0.1, 0.2, 0.5], rule=["noise", "weight"]))["frames"]
    texts = [
        f"{rule}: <{keep}> of the synapses are kept."
        for keep in (0.1, 0.2, 0.5)
        for rule in ("noise", "weight")
    ]
    assert [frame["text"] for frame in frames] == texts


def test_numbers_are_a_slider_and_names_are_buttons():
    controls = data(
        explore(draw, labels={"keep": "fraction kept"}, keep=[0.1, 0.5], rule=["noise", "weight"])
    )["controls"]
    assert controls == [
        {"label": "fraction kept", "kind": "slider", "options": ["0.1", "0.5"], "start": 0},
        {"label": "rule", "kind": "choice", "options": ["noise", "weight"], "start": 0},
    ]


def test_truth_values_are_buttons_that_say_yes_or_no():
    explorer = explore(lambda on: draw(0.5, str(on)), on=[False, True])
    (control,) = data(explorer)["controls"]
    assert (control["kind"], control["options"]) == ("choice", ["no", "yes"])


def test_frames_restrict_the_page_but_not_the_notebook():
    explorer = explore(draw, keep=[0.1, 0.2, 0.5], rule=["a", "b"], frames={"keep": [0.1, 0.5]})
    assert data(explorer)["controls"][0]["options"] == ["0.1", "0.5"]
    assert len(data(explorer)["frames"]) == 4
    assert len(explorer._live().children[0].options) == 3
    assert repr(explorer) == "Explorer: keep 0.1, 0.5; rule a, b; 4 frames"


def test_start_outside_the_frames_of_the_page_falls_back_to_the_first_frame():
    explorer = explore(draw, keep=[0.1, 0.2], start={"keep": 0.2}, frames={"keep": [0.1]})
    assert "0.1" in page(explorer).find("img").get("alt")
    assert "0.2" in explorer._live().children[-1].value


def test_frames_are_small_sharp_and_keep_the_colours():
    (frame,) = data(explore(draw, keep=[0.3]))["frames"]
    image = picture(frame["src"])
    assert image.size == (960, 720)
    assert image.format == "WEBP"
    assert len(frame["src"]) < 25_000
    colours = {colour for _, colour in image.convert("RGB").getcolors(2**16)}
    for wanted in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0)):
        assert min(np.abs(np.subtract(wanted, colour)).max() for colour in colours) <= 2


def test_frames_are_the_same_bytes_each_time():
    assert data(explore(draw, keep=[0.3, 0.4])) == data(explore(draw, keep=[0.3, 0.4]))


def test_live_view_draws_anew_when_a_control_moves():
    keep, rule, view = explore(draw, keep=[0.1, 0.5], rule=["noise", "weight"])._live().children
    assert isinstance(keep, ipywidgets.SelectionSlider)
    assert isinstance(rule, ipywidgets.ToggleButtons)
    assert "noise: &lt;0.1&gt; of the synapses" in view.value
    before = view.value
    keep.value = 0.5
    rule.value = "weight"
    assert "weight: &lt;0.5&gt; of the synapses" in view.value
    assert re.search('src="[^"]+"', view.value)[0] != re.search('src="[^"]+"', before)[0]


def test_live_view_shows_the_error_of_a_callback():
    def fails_later(keep):
        if keep == 0.3:
            raise RuntimeError("<no> spectrum")
        return draw(keep)

    keep, view = explore(fails_later, keep=[0.1, 0.3], frames={"keep": [0.1]})._live().children
    keep.value = 0.3
    assert 'role="alert"' in view.value
    assert "RuntimeError: &lt;no&gt; spectrum" in view.value
    keep.value = 0.1
    assert "alert" not in view.value


def test_bundle_is_live_and_static_and_names_itself():
    bundle = explore(draw, keep=[0.1])._repr_mimebundle_()
    assert "model_id" in bundle["application/vnd.jupyter.widget-view+json"]
    assert bundle["text/html"].startswith('<div class="explorer">')
    assert bundle["text/plain"] == "Explorer: keep 0.1; 1 frames"


def test_page_needs_no_ipywidgets(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert set(explore(draw, keep=[0.1])._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_an_error_in_a_frame_of_the_page_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        explore(lambda keep: draw(1 / keep), keep=[1, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "at least one control"),
        ({"keep": []}, "'keep' must have at least one option"),
        ({"keep": [1], "labels": {"kept": "x"}}, r"labels names 'kept'.*\['keep'\]"),
        ({"keep": [1], "start": {"rule": 1}}, "start names 'rule'"),
        ({"keep": [1], "start": {"keep": 2}}, "2 is no option of 'keep'"),
        ({"keep": [1], "frames": {"keep": [1, 3]}}, "3 is no option of 'keep'"),
    ],
)
def test_settings_that_make_no_explorer(arguments, message):
    with pytest.raises(ValueError, match=message):
        explore(draw, **arguments)


def test_frames_with_the_same_text_are_refused():
    with pytest.raises(ValueError, match="text of its own, got twice: 'same'"):
        explore(lambda keep: (draw(keep)[0], "same"), keep=[0.1, 0.2])


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (Figure(), "a figure and a text, got Figure"),
        (("text", "text"), "a figure and a text"),
        ((Figure(), " "), "a text that describes the frame, got ' '"),
        ((Figure(), None), "a text that describes the frame, got None"),
    ],
)
def test_draw_must_return_a_figure_and_a_text(result, message):
    with pytest.raises(TypeError, match=message):
        explore(lambda keep: result, keep=[0.1])
