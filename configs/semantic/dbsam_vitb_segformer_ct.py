# DB-SAM on SAM's ViT-B, with SegFormer's head, without prompts.
_base_ = [
    '../_base_/models/semantic_dbsam_vitb.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
image_size = 1024
refiner = 'dbsam_vitb_ct'
train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(type='ResizeLongestSide', size=image_size),
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
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=slice_pipeline))
test_dataloader = dict(dataset=dict(pipeline=slice_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
auto_scale_lr = dict(base_batch_size=2)
model = dict(
    decode_head=dict(
        _delete_=True, type='mmseg.SegformerHead',
        in_channels=[768, 768, 768, 256], in_index=[0, 1, 2, 3], channels=256,
        dropout_ratio=0.1, num_classes=2,
        norm_cfg=dict(type='GN', num_groups=32), align_corners=False,
        loss_decode=_base_.model.decode_head.loss_decode))
