# LiteMedSAM, tuned whole.
_base_ = './lite_medsam_decoder_ct.py'
model = dict(image_encoder=dict(vit=dict(frozen=False)))
