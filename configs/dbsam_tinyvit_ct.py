# DB-SAM on LiteMedSAM (python tools/fetch_weights.py lite_medsam), which
# trains in minutes. Its recipe was chosen on validation slices, see
# docs/model_zoo.md.
_base_ = [
    './_base_/models/dbsam_tinyvit.py', './_base_/datasets/ct.py',
    './_base_/schedules/adamw_20e.py', './_base_/default_runtime.py'
]
image_size = 256
model = dict(image_encoder=dict(vit=dict(img_size=image_size)))
train_pipeline = [
    dict(type='LoadSlice'),
    # These imitate scans of other patients, which are above all coarser.
    dict(type='RandomAffine', prob=0.3, scale=(0.8, 1.25), angle=10.,
         shift=0.05),
    dict(type='RandomCoarsen', prob=0.5, factor=(1.5, 4.5)),
    dict(type='RandomWindow', prob=0.3, level=0.1, width=(0.7, 1.4),
         gamma=(0.7, 1.4)),
    dict(type='BoxPromptsFromMask', prompts_per_image=8, min_area=60,
         jitter=2),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
test_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=1),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(
    optimizer=dict(lr=3e-4, fused=True), clip_grad=dict(max_norm=1.))
auto_scale_lr = dict(base_batch_size=1)
train_cfg = dict(max_epochs=4, val_interval=4)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=10, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0., begin=0, end=4, by_epoch=True,
         convert_to_iter_based=True),
]
