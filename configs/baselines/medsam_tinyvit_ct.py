# The same method as medsam_vitb_ct.py, on LiteMedSAM.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        vit=dict(frozen=False),
        adapter=None, stem=None, neck=None, fusion=None),
    prompt_encoder=dict(trained_prompts=[]))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'image_encoder.vit.layers': dict(lr_mult=0.2)}))
