# DB-SAM+, the release's db_sam_plus: both branches are one pyramid.
_base_ = './dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=None,
        neck=dict(type='PyramidSelfAttention'),
        fusion=dict(type='SoftmaxFusion')))
