# Four slices a step, and the learning rate four times as high: as
# --cfg-options batch_size=4 --auto-scale-lr on the command line.
_base_ = '../dbsam_tinyvit_ct.py'
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(enable=True)
