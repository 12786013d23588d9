# LiteMedSAM's own encoder, whose channel reduction is tuned, with UPerHead.
_base_ = [
    '../_base_/models/semantic_dbsam_tinyvit.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
model = dict(
    backbone=dict(encoder=dict(adapter=None, stem=None, neck=None,
                               fusion=None)))
