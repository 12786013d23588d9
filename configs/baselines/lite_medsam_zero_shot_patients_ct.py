# lite_medsam_zero_shot_ct.py, tested on several sets, each by itself.
_base_ = '../dbsam_tinyvit_patients_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
train_cfg = None
train_dataloader = None
optim_wrapper = None
param_scheduler = None
