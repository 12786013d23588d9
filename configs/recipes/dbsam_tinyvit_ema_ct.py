# Validated, tested and saved are exponential moving averages of the weights,
# over about the last 1 / momentum steps.
_base_ = '../dbsam_tinyvit_ct.py'
default_hooks = dict(ema=dict(type='EMAHook', momentum=0.02))
