# Exponential moving averages of the weights, over about the last 1 / momentum
# steps, are validated, tested and saved.
_base_ = '../dbsam_tinyvit_ct.py'
default_hooks = dict(ema=dict(type='EMAHook', momentum=0.02))
