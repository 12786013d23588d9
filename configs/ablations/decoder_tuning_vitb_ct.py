# Row 1 of the paper's ablation tunes SAM's channel reduction, prompt encoder
# and mask decoder. The rest of its image encoder is frozen.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=None, stem=None, neck=None, fusion=None, norm=None))
