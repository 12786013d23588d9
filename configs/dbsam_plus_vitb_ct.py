# DB-SAM+, in which both branches are one pyramid. The authors' release calls
# it db_sam_plus.
_base_ = './dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=None,
        neck=dict(type='PyramidSelfAttention'),
        fusion=dict(type='SoftmaxFusion')))
