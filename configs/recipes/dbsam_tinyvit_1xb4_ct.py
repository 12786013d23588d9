# Each step takes four slices, and the learning rate is four times as high. On
# the command line, --cfg-options batch_size=4 --auto-scale-lr does the same.
_base_ = '../dbsam_tinyvit_ct.py'
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(enable=True)
