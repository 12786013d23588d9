# LiteMedSAM: its channel reduction and its mask decoder are tuned, the rest of
# the image encoder is frozen.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
