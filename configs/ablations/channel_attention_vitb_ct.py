# Row 2 of the paper's ablation adds channel attention in the ViT branch.
_base_ = '../dbsam_vitb_ct.py'
model = dict(image_encoder=dict(stem=None, neck=None, fusion=None))
