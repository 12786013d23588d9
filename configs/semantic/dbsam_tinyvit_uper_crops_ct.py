# Images of twice the side: the training sees crops, and the test slides a
# window over them.
_base_ = [
    '../_base_/models/semantic_dbsam_tinyvit.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
image_size = 512
model = dict(test_cfg=dict(mode='slide', crop_size=(256, 256),
                           stride=(170, 170)))
train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='RandomCropToClass', size=256),
    dict(type='PackSemanticSample'),
]
slice_pipeline = [
    dict(type='LoadSlice'),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackSemanticSample'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackSemanticSample'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=slice_pipeline))
test_dataloader = dict(dataset=dict(pipeline=slice_pipeline))
