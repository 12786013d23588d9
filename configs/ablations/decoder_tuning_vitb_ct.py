# Row 1 of the paper's ablation: SAM's channel reduction and mask decoder are
# tuned, the rest of its encoder is frozen.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
