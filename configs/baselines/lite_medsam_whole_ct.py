# LiteMedSAM, all of which is tuned.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        vit=dict(frozen=False),
        adapter=None, stem=None, neck=None, fusion=None))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'image_encoder.vit.layers': dict(lr_mult=0.2)}))
