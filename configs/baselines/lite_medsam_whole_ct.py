# LiteMedSAM, tuned whole.
_base_ = './lite_medsam_decoder_ct.py'
model = dict(image_encoder=dict(vit=dict(frozen=False)))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={'image_encoder.vit.layers': dict(lr_mult=0.2)}))
