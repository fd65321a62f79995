"""Tables and reports of the command line: plain text, JSON, and one HTML file without scripts."""

from __future__ import annotations

import json
import math
import textwrap
from html import escape
from pathlib import Path

from noiseprune import formats

ERRORS = ("slow_error", "covariance_error", "trajectory_error", "epsilon")
COLOURS = {"noise": "#0072b2", "leak": "#662500", "weight": "#d55e00", "uniform": "#009e73"}

_STYLE = """
html { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { line-height: 1.2; overflow-wrap: anywhere }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8886 }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
.facts td { text-align: left }
svg { max-width: 100%; height: auto } figure { margin: 1.5rem 0 } figcaption { opacity: .75 }
svg text { font: 13px system-ui, sans-serif; fill: currentColor }
@media (max-width: 30rem) {
  table { font-size: .75rem } th, td { padding: .25rem .2rem } svg text { font-size: 17px }
}
@media (prefers-color-scheme: dark) {
  [fill="#662500"] { fill: #c98f66 } [stroke="#662500"] { stroke: #c98f66 }
}
"""


def number(value):
    """Write a number with three digits, a whole one as it is, and what does not exist as a dash."""
    if value is None:
        return "-"
    if isinstance(value, (str, int)):
        return str(value)
    return f"{value:.3g}" if math.isfinite(value) else "inf"


def wrapped(text):
    """Break a long line into lines of at most 88 characters, indented from the second on."""
    return textwrap.fill(
        text, 88, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def table(rows):
    """Lay out rows, dictionaries with the same keys, as lines of plain text."""
    cells = [[name.removesuffix("_error").replace("_", " ") for name in rows[0]]]
    cells += [[number(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def suffix(path):
    """Return the suffix of a report, if it is one of a report."""
    ending = Path(path).suffix.lower()
    if ending not in (".html", ".json"):
        raise ValueError(f"{path}: a report is a .html or a .json file")
    return ending


def write(path, about):
    """Write a report whole or not at all, as the suffix says: .json, or .html with figures."""
    if suffix(path) == ".json":
        text = json.dumps(plain(about), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        text = _html(about)
    with formats.whole(path) as part:
        part.write_text(text, encoding="utf-8")


def plain(value):
    """Make fit for JSON, which knows no infinity: an error without bound is the text "inf"."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return "inf" if isinstance(value, float) and math.isinf(value) else value


def _html(about):
    title = f"noiseprune: {escape(Path(about['file']).name)}"
    first, *notes = about["network"]
    parts = [f"<h1>{title}</h1>", f"<p>{escape(first)}. Leak {escape(about['leak'])}.</p>"]
    parts.append(_items(notes))
    if "diagnosis" in about:
        parts += _diagnosis(about["diagnosis"])
    if "pruned" in about:
        where = about.get("output")
        end = f"Written to {where}." if where else "Unstable: not written."
        parts += [
            "<h2>The pruned network</h2>",
            f"<p>Pruned by {escape(about['how'])}. {escape(end)}</p>",
        ]
        parts.append(_table(_turned([{"measure": "value", **about["pruned"]}])))
    if "controls" in about:
        parts += ["<h2>Every rule beside the others</h2>", _table(_turned(about["controls"]))]
        parts += [_bars(about["controls"], name) for name in ERRORS]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _items(lines):
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def _table(rows):
    names = (name.replace("_", " ").replace("homeo", "homeo&shy;") for name in map(escape, rows[0]))
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(number(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _turned(rows):
    """Make a line of each column, headed by the first: few columns, which a phone has room for."""
    head, *names = rows[0]
    return [
        {head: name.replace("_", " "), **{row[head]: row[name] for row in rows}} for name in names
    ]


def _bars(rows, name):
    """Draw one measure of every rule as bars; nothing where it does not exist."""
    found = [(row["rule"], row[name]) for row in rows if row[name] is not None]
    longest = max((value for _, value in found if math.isfinite(value)), default=0.0)
    if not longest:
        return ""
    lines = []
    for k, (rule, value) in enumerate(found):
        y, length = 22 * k, 250 * min(value / longest, 1.0)
        lines.append(
            f'<text x="70" y="{y + 15}" text-anchor="end">{escape(rule)}</text>'
            f'<rect x="80" y="{y + 3}" width="{length:.1f}" height="16" '
            f'fill="{COLOURS.get(rule, "#444")}"/>'
            f'<text x="{86 + length:.1f}" y="{y + 15}">{number(value)}</text>'
        )
    words = name.replace("_", " ")
    said = ", ".join(f"{rule} {number(value)}" for rule, value in found)
    return (
        f'<figure><svg viewBox="0 0 400 {22 * len(found) + 4}" width="400" role="img" '
        f'aria-label="{words}: {said}">{"".join(lines)}</svg>'
        f"<figcaption>{words.capitalize()}, median over draws; 0 is perfect.</figcaption></figure>"
    )


def _diagnosis(found):
    facts = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>"
        for name, value in found["facts"].items()
    )
    parts = ["<h2>What the network is</h2>", f'<table class="facts"><tbody>{facts}</tbody></table>']
    if found["bottlenecks"]:
        parts.append("<p>Noise says most, beyond the leak score, about these synapses:</p>")
        parts.append(
            _table(
                [dict(zip(("from", "to", "ratio"), b, strict=True)) for b in found["bottlenecks"]]
            )
        )
    parts += ["<h2>What to expect</h2>", f"<p>Predicted {found['measure']}:</p>"]
    parts += [_table(found["predictions"]), _curves(found["predictions"], found["measure"])]
    if found["keep_for"]:
        parts.append("<p>Smallest fraction for a wanted epsilon:</p>")
        parts.append(_table([{"epsilon": e, **row} for e, row in found["keep_for"].items()]))
    return [*parts, "<h2>Advice</h2>", _items(found["advice"])]


def _curves(rows, measure):
    """Draw the prediction for every rule against the kept fraction, both axes logarithmic."""
    rules = [name for name in rows[0] if name in COLOURS]
    keeps = sorted({row["keep"] for row in rows})
    values = [row[rule] for row in rows for rule in rules if 0 < row[rule] < math.inf]
    if len(keeps) < 2 or not values or min(values) == max(values):
        return ""
    low, high = min(values), max(values)

    def place(keep, value):
        x = 50 + 330 * math.log(keep / keeps[0]) / math.log(keeps[-1] / keeps[0])
        return x, 30 + 200 * (1 - math.log(value / low) / math.log(high / low))

    marks = []
    for k, rule in enumerate(rules):
        points = sorted(place(r["keep"], r[rule]) for r in rows if 0 < r[rule] < math.inf)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        marks.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[rule]}" stroke-width="2"/>'
            f'<rect x="{10 + 95 * k}" y="5" width="14" height="4" fill="{COLOURS[rule]}"/>'
            f'<text x="{28 + 95 * k}" y="12">{rule}</text>'
        )
    marks += [
        f'<text x="{place(keep, low)[0]:.0f}" y="250" text-anchor="middle">{keep:g}</text>'
        for keep in keeps
    ]
    for value in (low, high):
        y = place(keeps[0], value)[1] + 4
        marks.append(f'<text x="42" y="{y:.0f}" text-anchor="end">{value:.2g}</text>')
    return (
        '<figure><svg viewBox="0 0 400 275" width="400" role="img" aria-label="predicted '
        f'{measure} of every rule against the fraction kept">{"".join(marks)}'
        '<text x="215" y="270" text-anchor="middle">fraction kept</text></svg>'
        f"<figcaption>Predicted {measure} against the fraction kept; both axes logarithmic."
        "</figcaption></figure>"
    )
