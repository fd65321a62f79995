"""The page of the API, and the links from code to it: what is public, and where its source is."""

import ast
import importlib
import inspect
import pkgutil
from urllib.parse import urlsplit

import pytest
from test_site import ROOT, SITE, anchors, page

import noiseprune
import replication

API = SITE / "book" / "api.html"


def public():
    """Full names of what the package exports, directly or in a file whose name it exports."""
    found = set()
    for name in noiseprune.__all__:
        exported = getattr(noiseprune, name)
        inside = vars(exported) if inspect.ismodule(exported) else {name: exported}
        names = getattr(exported, "__all__", inside)
        found |= {full_name(inside[n], exported) for n in names if not n.startswith("_")}
    return found - {None}


def full_name(thing, owner):
    """Name of a function or class with its module; None for others, and for what is borrowed."""
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return None
    home = owner.__name__ if inspect.ismodule(owner) else "noiseprune"
    borrowed = not thing.__module__.startswith(home)
    return None if borrowed else f"{thing.__module__}.{thing.__qualname__}"


def listed(package):
    """Functions and classes that the page describes, by the names of their definitions."""
    found = set()
    for name in anchors(API):
        module, _, last = name.rpartition(".")
        if not name.startswith(f"{package}."):
            continue
        try:
            thing = getattr(importlib.import_module(module), last)
        except (ImportError, AttributeError):  # an attribute of a class
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            found.add(f"{thing.__module__}.{thing.__qualname__}")
    return found


def test_page_lists_what_the_package_exports_and_nothing_else():
    assert listed("noiseprune") == public()


def test_page_lists_what_needs_pytorch_though_it_is_not_installed():
    tree = ast.parse((ROOT / "noiseprune" / "torch.py").read_text(encoding="utf-8"))
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    expected = {f"noiseprune.torch.{name}" for name in defined if not name.startswith("_")}
    found = {name for name in anchors(API) if name.startswith("noiseprune.torch.")}
    assert {name for name in found if name.count(".") == 2} == expected  # deeper: attributes


def test_page_lists_every_module_of_the_replication():
    expected = set()
    for found in pkgutil.walk_packages(replication.__path__, "replication."):
        if found.ispkg or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        expected |= {
            f"{found.name}.{name}"
            for name, thing in vars(module).items()
            if not name.startswith("_")
            and (inspect.isfunction(thing) or inspect.isclass(thing))
            and thing.__module__ == found.name
        }
    assert listed("replication") == expected


def test_everything_described_has_a_link_to_its_source():
    for entry in page(API).xpath("//dl[contains(@class, 'py')]/dt[@id]"):
        if entry.getparent().get("class").split()[1] in {"function", "class"}:
            (address,) = entry.xpath("./a[span[@class='viewcode-link']]/@href")
            parts = urlsplit(address)
            assert parts.fragment in anchors((API.parent / parts.path).resolve()), address


@pytest.mark.parametrize(
    ("chapter", "code", "address"),
    [
        ("04_the_rule", "noise_prune", "api.html#noiseprune.pruning.noise_prune"),
        ("08_spectrum", "explore", "../_modules/replication/explore.html#explore"),
    ],
)
def test_code_of_a_chapter_leads_to_description_or_source(chapter, code, address):
    tree = page(SITE / "book" / f"{chapter}.html")
    links = tree.xpath(f"//div[contains(@class, 'highlight')]//a[text()='{code}' or span='{code}']")
    assert address in {link.get("href") for link in links}


def test_every_figure_function_that_a_chapter_calls_leads_to_its_source():
    for path in sorted((ROOT / "replication" / "figures").glob("[a-z]*.py")):
        source = f"../_modules/replication/figures/{path.stem}.html#"
        chapters = [page(p) for p in (SITE / "book").glob("*.html")]
        found = [a for c in chapters for a in c.xpath("//pre//a/@href") if a.startswith(source)]
        assert found or path.stem == "style", path.name


def test_no_description_of_a_property_is_read_as_its_type():
    properties = page(API).xpath("//dl[contains(@class, 'py property')]")
    assert len(properties) > 3
    fields = [dt for dl in properties for dt in dl.xpath(".//dt[starts-with(., 'Type')]")]
    assert [dt.getnext().text_content() for dt in fields] == []
