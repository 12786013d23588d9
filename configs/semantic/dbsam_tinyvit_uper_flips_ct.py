# For data sets without left and right structures: the training flips images,
# and tools/test.py --tta averages a slice and its mirror image.
_base_ = [
    '../_base_/models/semantic_dbsam_tinyvit.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(type='RandomFlip', prob=0.5),
    *_base_.train_pipeline[-2:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
tta_model = dict(type='mmseg.SegTTAModel')
tta_pipeline = [
    dict(type='LoadSlice'),
    dict(type='TestTimeAug', transforms=[
        [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
        [dict(type='ResizeLongestSide', size=_base_.image_size)],
        [dict(type='PackSemanticSample')],
    ]),
]
