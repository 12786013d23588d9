# Row 1 of the paper's ablation: SAM, its encoder frozen, its decoder tuned.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
