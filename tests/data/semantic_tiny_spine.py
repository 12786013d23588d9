# A tiny DB-SAM from scratch that segments the spine CT of this folder without
# prompts.
_base_ = [
    '../../configs/_base_/models/semantic_dbsam_tinyvit.py',
    '../../configs/_base_/datasets/semantic_ct.py',
    '../../configs/_base_/schedules/semantic_20e.py',
    '../../configs/_base_/default_runtime.py'
]
image_size = 32
refiner = 'tests/data/dbsam_tiny_spine.py'
model = dict(
    data_preprocessor=dict(size=image_size),
    backbone=dict(
        pretrained=None,
        encoder=dict(
            vit=dict(img_size=image_size, widths=(8, 8, 12, 16),
                     depths=(1, 1, 1, 1), num_heads=(2, 2, 2),
                     window_sizes=(4, 4, 4), out_channels=16, frozen=False),
            stem=dict(channels=8, widths=(8, 8),
                      norm_cfg=dict(type='GN', num_groups=4)),
            neck=dict(num_heads=2))),
    decode_head=dict(in_channels=[8, 16, 16, 16], channels=16,
                     norm_cfg=dict(type='GN', num_groups=4)))
train_pipeline = [
    dict(type='LoadSlice'),
    dict(type='ClassMapFromLabels'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=48),
    dict(type='RandomCropToClass', size=image_size),
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
train_dataloader = dict(num_workers=0, persistent_workers=False,
                        dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(pipeline=slice_pipeline))
test_dataloader = dict(num_workers=0, dataset=dict(pipeline=slice_pipeline))
val_evaluator = dict(min_volume=10)
test_evaluator = dict(min_volume=10)
default_hooks = dict(logger=dict(interval=1))
tta_model = dict(type='mmseg.SegTTAModel')
tta_pipeline = [
    dict(type='LoadSlice'),
    dict(type='TestTimeAug', transforms=[
        [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
        [dict(type='ResizeLongestSide', size=image_size)],
        [dict(type='PackSemanticSample')],
    ]),
]
