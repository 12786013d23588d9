# DB-SAM's and LiteMedSAM's features with the same head, and mmsegmentation's
# U-Net, on the same samples. docs/semantic.md has the commands for OpenKBP.
_base_ = './_base_/tinyvit_ct.py'
title = 'Models without prompts'
config = 'configs/semantic/dbsam_tinyvit_uper_ct.py'
seeds = [0, 1, 2]
options = {'max_epochs': 20}
variants = [
    dict(name='LiteMedSAM, UPerHead', options={
        'model.backbone.encoder': dict(
            adapter=None, stem=None, neck=None, fusion=None)}),
    dict(name='DB-SAM, UPerHead', options={}),
    # The model and the rate of configs/semantic/unet_ct.py.
    dict(name='U-Net', options={
        'model': dict(
            _delete_=True, type='mmseg.EncoderDecoder',
            data_preprocessor=dict(type='MinMaxDataPreProcessor', size=256,
                                   any_size=True),
            backbone=dict(
                type='mmseg.UNet', in_channels=3, base_channels=32,
                num_stages=5, norm_cfg=dict(type='GN', num_groups=8),
                upsample_cfg=dict(type='mmseg.InterpConv')),
            decode_head=dict(
                type='mmseg.FCNHead', in_channels=32, in_index=4, channels=32,
                num_convs=1, concat_input=False, dropout_ratio=0.1,
                num_classes=2, norm_cfg=dict(type='GN', num_groups=8),
                align_corners=False, loss_decode=[
                    dict(type='mmseg.CrossEntropyLoss',
                         avg_non_ignore=True),
                    dict(type='mmseg.DiceLoss', use_sigmoid=False,
                         ignore_index=0)]),
            train_cfg=dict(), test_cfg=dict(mode='whole')),
        'optim_wrapper.optimizer.lr': 1e-3}),
]
