# DB-SAM+, the release's db_sam_plus, on LiteMedSAM.
_base_ = './dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        adapter=None,
        neck=dict(type='PyramidSelfAttention'),
        fusion=dict(type='SoftmaxFusion')))
