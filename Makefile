# The same commands for a person and for CI. Without make: see "Without make" in README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test clients check gui screenshots clean

# An MDMR scan of the simulated lab: HDF5 file, picture and table of resonances in demo/.
# RIG=sim_visa: through the real drivers; RIG=sim_tcp: over the network, beside `labctl serve`.
RIG ?= sim
demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/labctl run mdmr --rig $(RIG) --out demo > demo/mdmr.txt || { cat demo/mdmr.txt; exit 1; }
	cat demo/mdmr.txt
	$(BIN)/labctl plot "$$(tail -n 1 demo/mdmr.txt)" --output demo/mdmr.png

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2

# Other people's released packages drive the served lab, each lot from an environment of its own.
clients: $(VENV)/.installed-test $(VENV)/clients/.installed $(VENV)/clients-qudi/.installed
	LABCTL_CLIENTS_PYTHON=$(CURDIR)/$(VENV)/clients/bin/python \
	LABCTL_CLIENTS_QUDI_PYTHON=$(CURDIR)/$(VENV)/clients-qudi/bin/python \
	$(BIN)/python -m pytest -m clients

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pyright --pythonplatform Windows
	$(BIN)/lint-imports

gui: $(VENV)/.installed-gui
	$(BIN)/labctl-gui

# The window's main states as the documentation shows them; look at each picture afterwards.
screenshots: $(VENV)/.installed-gui
	$(BIN)/python docs/make_screenshots.py docs/screenshots --small

clean:
	rm -rf $(VENV) demo build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an installation is repeated only when pyproject.toml changes.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-gui: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[gui]'
	touch $@ $(VENV)/.installed

$(VENV)/clients/.installed $(VENV)/clients-qudi/.installed: pyproject.toml | $(VENV)/bin/python
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --group $(notdir $(@D))
	touch $@
