# The training ends once the validation DSC has not risen by 0.1 % in three
# epochs. --work-dir then has the best checkpoint as best_DSC_epoch_N.pth.
_base_ = '../dbsam_tinyvit_ct.py'
train_cfg = dict(max_epochs=20, val_interval=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=10, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0., begin=0, end=20, by_epoch=True,
         convert_to_iter_based=True),
]
default_hooks = dict(early_stopping=dict(
    type='EarlyStoppingHook', monitor='DSC', rule='greater', min_delta=0.001,
    patience=3))
