# The same method as samed_vitb_ct.py, on LiteMedSAM.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        adapter=dict(_delete_=True, type='LoRA', rank=4),
        stem=None, neck=None, fusion=None))
