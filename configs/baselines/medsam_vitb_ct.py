# MedSAM (arXiv:2304.12306): image encoder and mask decoder tuned.
_base_ = './medsam_decoder_vitb_ct.py'
model = dict(image_encoder=dict(vit=dict(frozen=False)))
