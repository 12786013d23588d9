# DB-SAM on LiteMedSAM, trained with boxes on CT of many patients. The weights
# dbsam_tinyvit_ct, which come with the package, are of this recipe;
# docs/weights.md says how they were made.
_base_ = [
    './_base_/models/dbsam_tinyvit.py', './_base_/datasets/patients_ct.py',
    './_base_/default_runtime.py'
]
model = dict(image_encoder=dict(vit=dict(img_size=256)))
# In 113 steps, the added blocks gain most at the decoder's own rate.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999),
                   weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys={
        f'image_encoder.{block}': dict(lr_mult=1.)
        for block in ('adapters', 'stem', 'necks', 'fusion')
    }),
    clip_grad=dict(max_norm=1.))
auto_scale_lr = dict(enable=False, base_batch_size=8)
train_cfg = dict(type='ResumableTrainLoop', max_epochs=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=1 / 60, begin=0, end=60,
         by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0., begin=0, end=1, by_epoch=True,
         convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(save_best='3D_DSC'))
