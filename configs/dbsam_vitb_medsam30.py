# The paper's model, data and recipe; configs/release/ has those of the
# release's yaml files and slurm script.
_base_ = [
    './_base_/models/dbsam_vitb.py', './_base_/datasets/medsam30.py',
    './_base_/schedules/adamw_20e.py', './_base_/default_runtime.py'
]
model = dict(image_encoder=dict(vit=dict(img_size=_base_.image_size)))
