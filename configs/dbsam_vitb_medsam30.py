# The paper's model, data and recipe.
_base_ = [
    './_base_/models/dbsam_vitb.py', './_base_/datasets/medsam30.py',
    './_base_/schedules/adamw_20e.py', './_base_/default_runtime.py'
]
