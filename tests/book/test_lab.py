"""Chapters in JupyterLab, as `make lab` opens it: all cells run, everything moves by keyboard.

The server works on copies, in a folder of its own, and neither it nor the page asks elsewhere.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from test_environment import ROOT

CHAPTERS = {"01_why_prune": (1, 0), "04_the_rule": (1, 1)}  # living networks, explorers
PATIENCE = 300  # seconds for one thing to happen on a busy machine
SETTINGS = {
    "jupyter_server_config.json": {
        "ServerApp": {"open_browser": False, "port": 0, "allow_root": True},
        "LabApp": {"extension_manager": "readonly"},
    },
    # What asks for newer extensions; `make lab` itself leaves out what asks for news.
    "labconfig/page_config.json": {
        "disabledExtensions": {"@jupyterlab/extensionmanager-extension": True}
    },
    # Every cell is drawn, not only those on the screen.
    "labconfig/default_setting_overrides.json": {
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}
    },
}
ASKS_ELSEWHERE = re.compile("/lab/api/(news|update|extensions)")


@pytest.fixture(params=CHAPTERS)
def lab(request, browser, tmp_path):
    """JupyterLab on a copy of a chapter without outputs; gives server and name of the chapter."""
    name, folder = request.param, tmp_path
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "book" / "_tools" / "lab", folder / "book" / "_tools" / "lab")
    chapter = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    for cell in chapter.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    nbformat.write(chapter, folder / "book" / f"{name}.ipynb")
    for file, settings in SETTINGS.items():
        path = folder / "config" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(settings))
    own = {"HOME": folder, "JUPYTER_CONFIG_DIR": folder / "config"}
    own |= {f"JUPYTER_{name}_DIR": folder / name.lower() for name in ("DATA", "RUNTIME")}
    kept_out = ("MAKEFLAGS", "MAKELEVEL", "MPLBACKEND", "JUPYTER_CONFIG_PATH", "JUPYTER_PATH")
    environment = {k: v for k, v in os.environ.items() if k not in kept_out}
    environment |= {name: str(path) for name, path in own.items()} | {"OPENBLAS_NUM_THREADS": "1"}
    # The environment that runs the tests is ready, wherever it stands.
    bin = f"BIN={Path(sys.executable).parent}"
    command = [shutil.which("make"), "--old-file=.venv/ready", bin, "lab"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until = time.monotonic() + PATIENCE
        while not (found := list((folder / "runtime").glob("jpserver-*.json"))):
            said = (folder / "log").read_text()
            assert server.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.1)
        yield json.loads(found[0].read_text()), name
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # the server ends its kernels before it goes
        try:
            server.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
    assert list((folder / "runtime").glob("kernel-*.json")) == [], "kernels that still run"


@pytest.fixture
def page(lab, browser):
    """Page of the chapter, all its cells run; what it complains about fails the test."""
    server, name = lab
    complaints = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(1000 * PATIENCE)

    def asked(url):
        elsewhere = not url.startswith((server["url"], "data:", "blob:"))
        if elsewhere or ASKS_ELSEWHERE.search(url):
            complaints.append(url)

    page = context.new_page()
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked(request.url))
    page.goto(f"{server['url']}lab/tree/{name}.ipynb?token={server['token']}")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputArea-prompt")].every(
            prompt => /\\[\\d+\\]/.test(prompt.textContent))"""
    )
    yield page
    context.close()
    assert complaints == []


def place(page):
    """How many cells there are, and which one is active: no key that moves a control moves them."""
    return page.evaluate(
        """() => {
            const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
            return [cells.length, cells.findIndex(cell => cell.matches(".jp-mod-active"))];
        }"""
    )


def press(control, keys, shown):
    """Press keys on a control, and wait until what it governs shows something else."""
    from playwright.sync_api import expect

    before = shown.inner_text()
    control.focus()
    where = place(control.page)
    for key in keys.split():
        control.press(key)
    expect(shown).not_to_have_text(before, use_inner_text=True, timeout=1000 * PATIENCE)
    assert place(control.page) == where


def printed(page, code):
    """What a new cell prints."""
    page.get_by_role("button", name="Insert a cell below").first.click()
    page.keyboard.press("Enter")  # to edit it
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    cell = page.locator(".jp-CodeCell", has_text=code)
    return cell.locator(".jp-OutputArea-output").inner_text().strip()


def test_chapter_runs_and_follows_the_keyboard(lab, page):
    page.locator(".living-on").first.wait_for()
    networks = page.locator(".living-on").all()
    explorers = page.locator(".jp-CodeCell", has=page.locator(".explorer-text")).all()
    assert (len(networks), len(explorers)) == CHAPTERS[lab[1]]

    for living in networks:
        life, said = living.locator(".living-life"), living.locator(".living-said")
        press(living.get_by_role("slider").first, "ArrowDown", life)
        press(living.get_by_role("button", name="Cut", exact=True), "Enter", life)
        press(living.get_by_role("button", name="Link", exact=True), "Space", life)
        press(living.get_by_role("radio", name="noise"), "ArrowRight", said)
        press(living.get_by_role("combobox"), "ArrowDown x b d d", said)
        controls = living.locator(".living-controls")
        press(controls.get_by_role("button", name="Shake"), "Enter", said)
        press(controls.get_by_role("button", name="Prune"), "Enter", said)
        press(living.locator(".living-tour button").last, "Enter", living.locator(".living-step"))

        press(living.get_by_role("button", name="Cut", exact=True), "Enter", life)
        links = living.locator(".living-link:not(.living-gone)").count()
        assert printed(page, "print(living)").endswith(f" {links} links")

    for explorer in explorers:
        text = explorer.locator(".explorer-text")
        for slider in explorer.get_by_role("slider").all():
            at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
            press(slider, "ArrowLeft" if at_end else "ArrowRight", text)
        for row in explorer.locator(".widget-toggle-buttons").all():
            press(row.locator("button:not(.mod-active)").first, "Enter", text)
        assert explorer.get_by_role("alert").count() == 0

    failed = page.locator("[data-mime-type='application/vnd.jupyter.error']")
    assert failed.all_inner_texts() == []
