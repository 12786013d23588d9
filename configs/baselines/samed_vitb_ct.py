# SAMed (arXiv:2304.13785): LoRA on q and v; prompt encoder and decoder tuned.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=dict(_delete_=True, type='LoRA', rank=4),
        stem=None, neck=None, fusion=None))
