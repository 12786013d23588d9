# The paper's recipe is AdamW with one epoch of linear warm-up from 1e-7 and a
# polynomial decay after it.
optim_wrapper = dict(
    type='OptimWrapper',  # mixed precision with tools/train.py --amp
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999),
                   weight_decay=0.01))
# The learning rate is meant for this batch size of all processes together;
# tools/train.py --auto-scale-lr scales it to another.
auto_scale_lr = dict(enable=False, base_batch_size=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='PolyLR', power=0.9, eta_min=0., begin=1, end=20, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(type='ResumableTrainLoop', max_epochs=20, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
