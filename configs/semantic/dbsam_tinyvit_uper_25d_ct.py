# 2.5-D: the slices before and after a slice are its first and last channel.
_base_ = [
    '../_base_/models/semantic_dbsam_tinyvit.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
train_pipeline = [
    dict(type='LoadSlice', neighbours=True),
    *_base_.train_pipeline[1:],
]
slice_pipeline = [
    dict(type='LoadSlice', neighbours=True),
    *_base_.slice_pipeline[1:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=slice_pipeline))
test_dataloader = dict(dataset=dict(pipeline=slice_pipeline))
