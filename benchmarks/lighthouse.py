"""Measure the built site with Lighthouse, as a phone and as a desktop computer would load it.

Pages are served by this machine, compressed as web hosts do. `make lighthouse` installs Lighthouse
and runs this; the scores and the figures behind them go to lighthouse.json with their date.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import gzip
import http.server
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from pathlib import Path

from replication.result import write_atomically

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SITE = ROOT / "_build" / "html"
GOALS = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
PRESETS = ("desktop", "mobile")
METRICS = {
    "first-contentful-paint": "ms",
    "largest-contentful-paint": "ms",
    "total-blocking-time": "ms",
    "cumulative-layout-shift": "",
    "total-byte-weight": "bytes",
}


class CompressedHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files as web hosts do: text compressed, and kept by the browser."""

    protocol_version = "HTTP/1.1"

    def send_head(self):
        """Answer with the compressed file if that pays and the browser takes it."""
        path = Path(self.translate_path(self.path))
        packs = path.suffix in {".html", ".css", ".js", ".json", ".svg"}
        if not (packs and path.is_file() and "gzip" in self.headers.get("Accept-Encoding", "")):
            return super().send_head()
        content = gzip.compress(path.read_bytes(), mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def end_headers(self):
        """Let the browser keep a file for a day."""
        self.send_header("Cache-Control", "max-age=86400")
        super().end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


def heaviest():
    """Chapters that are most bytes: with all figures and frames, and the page alone."""

    def page_alone(page):
        return page.stat().st_size

    def with_images(page):
        text = page.read_text(encoding="utf-8")
        images = {p for p in (SITE / "_images").iterdir() if p.name in text}
        return page.stat().st_size + sum(p.stat().st_size for p in images)

    chapters = sorted((SITE / "book").glob("[0-9]*.html"))
    return sorted({max(chapters, key=weight) for weight in (with_images, page_alone)})


def measure(lighthouse, chromium, address, preset):
    """Report of Lighthouse on one page."""
    command = [lighthouse, address, "--quiet", "--output=json", "--throttling-method=simulate"]
    command += ["--chrome-flags=--headless --no-sandbox --disable-gpu"]
    command += ["--preset=desktop"] if preset == "desktop" else []
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "CHROME_PATH": chromium}
    )
    if done.returncode:
        raise RuntimeError(f"Lighthouse failed on {address}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def summary(report):
    """Scores out of 100, and the figures behind them."""
    audits = report["audits"]
    figures = {
        f"{name} ({unit})" if unit else name: round(audits[name]["numericValue"], 0 if unit else 3)
        for name, unit in METRICS.items()
    }
    scores = {name: round(100 * part["score"]) for name, part in report["categories"].items()}
    return {"scores": scores, "figures": figures}


def failures(report):
    """Audits that cost points, with what they found."""
    for category in report["categories"].values():
        for ref in category["auditRefs"]:
            audit = report["audits"][ref["id"]]
            if ref["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                yield f"{category['id']}: {audit['title']} {audit.get('displayValue', '')}"


def main(arguments=None):
    """Command line; the exit status says whether every score reaches its goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lighthouse", default="lighthouse", help="the program")
    parser.add_argument(
        "--runs", type=int, default=5, help="measurements of which the median counts"
    )
    parser.add_argument("--output", type=Path, default=HERE / "lighthouse.json")
    parser.add_argument("--report", type=Path, help="folder for the full reports")
    options = parser.parse_args(arguments)
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("no Chromium")

    handler = functools.partial(CompressedHandler, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("localhost", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pages, machine, missed = {}, [], 0
    for page in (SITE / "book" / "intro.html", *heaviest()):
        name = page.relative_to(SITE).as_posix()
        for preset in PRESETS:
            address = f"http://localhost:{server.server_port}/{name}"
            runs = [
                measure(options.lighthouse, chromium, address, preset) for _ in range(options.runs)
            ]
            runs.sort(key=lambda report: report["categories"]["performance"]["score"])
            report = runs[len(runs) // 2]
            result = summary(report)
            speeds = [round(100 * run["categories"]["performance"]["score"]) for run in runs]
            result["performance of all runs"] = speeds
            machine += [run["environment"]["benchmarkIndex"] for run in runs]
            pages.setdefault(name, {})[preset] = result
            shown = ", ".join(f"{key} {score}" for key, score in result["scores"].items())
            print(f"{name}, {preset}: {shown}", flush=True)
            print("   ", ", ".join(f"{key} {value:g}" for key, value in result["figures"].items()))
            for failure in failures(report):
                print("   -", failure, flush=True)
            if options.report:
                options.report.mkdir(parents=True, exist_ok=True)
                (options.report / f"{page.stem}-{preset}.json").write_text(json.dumps(report))
            missed += any(result["scores"][key] < goal for key, goal in GOALS.items())
    server.shutdown()
    stored = {
        "date": datetime.date.today().isoformat(),
        "lighthouse": report["lighthouseVersion"],
        "machine's index (median)": statistics.median(machine),
        "pages": pages,
    }
    write_atomically(options.output, json.dumps(stored, indent=2) + "\n")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
