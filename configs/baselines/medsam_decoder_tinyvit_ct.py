# The same method as medsam_decoder_vitb_ct.py, on LiteMedSAM.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        vit=dict(train_channel_reduction=False),
        adapter=None, stem=None, neck=None, fusion=None),
    prompt_encoder=dict(trained_prompts=[]))
