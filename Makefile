# Each target says what it does; `make` alone lists them. PYTHON chooses the interpreter of .venv.
PYTHON = python3
BIN = .venv/bin
SOURCES = noiseprune replication tests book/_ext book/_tools book/_vendor benchmarks
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
       --custom-compile-command "make lock" --extra large --extra networks --extra book --extra test --group build -o requirements.lock pyproject.toml

# A build that did not finish starts clean: Sphinx warns about a page only when it reads it.
BUILD = { [ -e _build/finished ] || rm -rf _build/.doctrees _build/html; } && rm -f _build/finished && \
        $(BIN)/jupyter-book build . -W -n --keep-going && touch _build/finished

# Both threads, and the kernels that OpenBLAS itself chooses.
MEASURE = env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=2 $(BIN)/python -m

.DEFAULT_GOAL = help
.NOTPARALLEL:
.PHONY: help book check test pythons torch zip pdf lab run-notebooks serve reproduce reproduce-quick bench lighthouse lint living vendor lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

# Modules come from here, not from where a shell's PYTHONPATH leads.
unexport PYTHONPATH

# Chapters and tests run two at a time, so each gets one BLAS thread.
book check test run-notebooks: export OPENBLAS_NUM_THREADS = 1

book: .venv/ready  ## execute the chapters that changed and build the site: _build/html/index.html
	$(BIN)/python book/_tools/execute.py --stale -j 2
	$(BUILD)

check: lint  ## check style and test the package, in about a minute
	$(BIN)/pytest -q -n 2 tests/package noiseprune

test: .venv/ready  ## test the package, execute every chapter and compare, check the built site
	$(BUILD)
	$(BIN)/pytest -n 2 --cov
	$(BIN)/pytest -n 2 --dist loadfile --nbval --nbval-current-env book

pythons: .venv/ready  ## test the package on every Python from 3.11 that is installed, and with the oldest libraries
	.ci/pythons

torch: .venv/ready  ## test what needs PyTorch, in an environment of its own
	.ci/torch

zip: book  ## pack the site for reading without a network: _build/noiseprune-book.zip
	rm -rf _build/noiseprune-book && cp -r _build/html _build/noiseprune-book
	cd _build && ../$(BIN)/python -m zipfile -c noiseprune-book.zip noiseprune-book && rm -r noiseprune-book

pdf: book  ## print the book, with Chromium: _build/noiseprune.pdf
	$(BIN)/python book/_tools/printed.py _build/noiseprune.pdf

lab: export JUPYTER_CONFIG_PATH = $(CURDIR)/book/_tools/lab
lab: .venv/ready  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab book

run-notebooks: .venv/ready  ## execute every chapter and store its outputs
	$(BIN)/python book/_tools/execute.py -j 2

serve: book  ## build the site and serve it on this machine, port 8000
	$(BIN)/python -m http.server --bind localhost --directory _build/html 8000

reproduce: .venv/ready  ## compute every stored result from nothing (resumable) and compare
	$(BIN)/python -m replication --results _build/results --workers 2 run --all
	$(BIN)/python -m replication compare _build/results

reproduce-quick: .venv/ready  ## compute one seed of the essential results and compare
	$(BIN)/python -m replication check --quick

bench: .venv/ready  ## measure speed and memory, of large networks and against a plain baseline and LAPACK (30 min)
	$(MEASURE) benchmarks.large
	$(MEASURE) benchmarks

lighthouse: book  ## measure how fast and how accessible the pages are (needs npm and Chromium)
	npm ci --prefix benchmarks --ignore-scripts --no-audit --no-fund
	$(BIN)/python benchmarks/lighthouse.py --lighthouse benchmarks/node_modules/.bin/lighthouse

living:  ## bundle the living network anew from its source in book/_living (needs npm)
	npm ci --prefix book/_living --ignore-scripts --no-audit --no-fund
	npm run --prefix book/_living --silent build

# On a laptop a longer line of a chapter's code fades out.
lint: .venv/ready  ## check style, formatting and workflows
	$(BIN)/ruff check $(SOURCES) && $(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check --line-length 96 book/*.ipynb
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

vendor:  ## make the files of others that the book is built with anew, from npm
	$(PYTHON) book/_vendor/make.py

lock: .venv/synced  ## refresh requirements.lock from pyproject.toml
	$(BIN)/$(LOCK) --upgrade

clean:  ## remove what was built; .venv stays
	rm -rf _build .coverage .pytest_cache .ruff_cache .hypothesis

# The environment, made anew when the lock changes; the project in it, when its settings change.
.venv/ready: .venv/synced pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

.venv/synced: requirements.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[0-9.]*\).*/\1/p' requirements.lock)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	touch $@
