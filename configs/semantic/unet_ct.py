# The U-Net of mmsegmentation, from nothing.
_base_ = [
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
loss = [dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
        dict(type='mmseg.DiceLoss', use_sigmoid=False, ignore_index=0)]
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='MinMaxDataPreProcessor', size=256,
                           any_size=True),
    backbone=dict(
        type='mmseg.UNet', in_channels=3, base_channels=32, num_stages=5,
        norm_cfg=dict(type='GN', num_groups=8),
        upsample_cfg=dict(type='mmseg.InterpConv')),
    decode_head=dict(
        type='mmseg.FCNHead', in_channels=32, in_index=4, channels=32,
        num_convs=1, concat_input=False, dropout_ratio=0.1, num_classes=2,
        norm_cfg=dict(type='GN', num_groups=8), align_corners=False,
        loss_decode=loss),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
