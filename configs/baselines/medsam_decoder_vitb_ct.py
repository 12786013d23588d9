# MedSAM as first proposed (arXiv:2304.12306v1), which tunes SAM's mask
# decoder.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        vit=dict(train_channel_reduction=False),
        adapter=None, stem=None, neck=None, fusion=None, norm=None),
    prompt_encoder=dict(trained_prompts=[]))
