# LiteMedSAM, its image encoder frozen but for the neck, its decoder tuned.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
