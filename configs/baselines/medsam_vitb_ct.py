# MedSAM (arXiv:2304.12306), which tunes image encoder and mask decoder.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        vit=dict(frozen=False),
        adapter=None, stem=None, neck=None, fusion=None, norm=None),
    prompt_encoder=dict(trained_prompts=[]))
