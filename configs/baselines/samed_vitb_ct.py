# SAMed (arXiv:2304.13785), which adapts queries and values by LoRA and tunes
# prompt encoder and mask decoder.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=dict(_delete_=True, type='LoRA', rank=4),
        stem=None, neck=None, fusion=None, norm=None))
