"""Make the files of this folder anew from npm: versions and checksums stand in package-lock.json.

Which files the book needs is said by those that are here: each is replaced by that of its package,
unchanged. A file of a new name is first created empty.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Folder here, and the folder of the installed packages that it comes from.
FOLDERS = {
    "mathjax/es5": "mathjax/es5",
    "mathjax/node_modules/wicked-good-xpath": "wicked-good-xpath",
    "mathjax/node_modules/xmldom-sre": "xmldom-sre",
    "static/fonts/mathjax": "mathjax/es5/output/chtml/fonts/woff-v2",
}


def sources(installed):
    """Path of the original of every file of this folder that is somebody else's."""
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and path.name != "LICENSE":
                found[path] = installed / package / path.relative_to(HERE / folder)
    for path in HERE.rglob("LICENSE"):
        found[path] = installed / path.parent.name / "LICENSE"
    return found


def main():
    """Install the packages in a folder of their own and copy what is needed."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=folder, check=True)
        for target, source in sources(Path(folder, "node_modules")).items():
            shutil.copyfile(source, target)
            target.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
