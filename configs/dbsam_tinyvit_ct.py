# DB-SAM on LiteMedSAM (python tools/fetch_weights.py lite_medsam), briefly
# tuned: a step of 16 prompts for each slice of the training split.
_base_ = [
    './_base_/models/dbsam_tinyvit.py', './_base_/datasets/ct.py',
    './_base_/schedules/adamw_20e.py', './_base_/default_runtime.py'
]
train_pipeline = _base_.train_pipeline
train_pipeline[1].update(prompts_per_image=16, jitter=2)
train_pipeline[3]['size'] = 256
test_pipeline = _base_.test_pipeline
test_pipeline[2]['size'] = 256
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(optimizer=dict(lr=5e-4, fused=True),
                     clip_grad=dict(max_norm=1.))
train_cfg = dict(max_epochs=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=10, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=0, end=1,
         by_epoch=True, convert_to_iter_based=True),
]
