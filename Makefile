PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.songnet-installed

.PHONY: setup demo test lint campaign bench clean

# Creates .venv once with exactly the versions of requirements.lock; nothing to do after that.
setup: $(STAMP)

$(STAMP): requirements.lock setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

# Composes a small music library and makes a library of codes from it.
demo: setup
	$(BIN)/songnet demo build/demo-music
	$(BIN)/songnet embed build/demo-music/music --library build/demo-library
	$(BIN)/songnet cluster --library build/demo-library --labels build/demo-music/truth.csv --label-column style
	$(BIN)/songnet playlists import build/demo-music/playlists/m3u8 --library build/demo-library
	$(BIN)/songnet communities --library build/demo-library
	$(BIN)/songnet compare-communities --library build/demo-library
	$(BIN)/songnet compare-neighbours --library build/demo-library
	$(BIN)/python benchmarks/first_answer.py build/demo-library
	@echo "music: build/demo-music   library: build/demo-library   ask: $(BIN)/songnet similar TRACK --library build/demo-library"

test: setup lint
	$(BIN)/python -m pytest -m "not slow"

lint: setup
	$(BIN)/ruff check songnet tests benchmarks
	$(BIN)/ruff format --check songnet tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# Kills, damaged files and scale, many minutes: their figures stand in docs/reliability.md.
campaign: setup
	$(BIN)/python -m pytest -m slow -n 0 -s

# Each script prints what it measured, side by side with its peer.
bench: setup
	$(BIN)/python benchmarks/embed.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/cooccurrence.py
	$(BIN)/python benchmarks/communities.py

clean:
	rm -rf $(VENV) build
