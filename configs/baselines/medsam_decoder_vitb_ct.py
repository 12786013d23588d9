# MedSAM as first proposed (arXiv:2304.12306v1): SAM's mask decoder tuned.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        vit=dict(train_channel_reduction=False),
        adapter=None, stem=None, neck=None, fusion=None),
    prompt_encoder=dict(trained_prompts=[]))
