# LiteMedSAM, whose channel reduction, prompt encoder and mask decoder are
# tuned. The rest of its image encoder is frozen.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
