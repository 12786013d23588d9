# DB-SAM on LiteMedSAM as a backbone of mmsegmentation, with UPerHead.
_base_ = './dbsam_tinyvit.py'
model = dict(
    _delete_=True,
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='MinMaxDataPreProcessor', size=256,
                           any_size=True),
    backbone=dict(
        type='DualBranchBackbone',
        encoder=_base_.model.image_encoder,
        pretrained=_base_.model.pretrained,
        # TinyViT's first stage has a stride of 2, and its embedding of 4.
        out_indices=(0, 2, 2, 2),
        strides=(2, 4, 8, 16)),
    decode_head=dict(
        type='mmseg.UPerHead',
        in_channels=[128, 256, 256, 256],
        in_index=[0, 1, 2, 3],
        channels=64,
        dropout_ratio=0.1,
        num_classes=2,  # filled in from the classes
        # Batches are too small for a batch norm.
        norm_cfg=dict(type='GN', num_groups=8),
        align_corners=False,
        # The Dice loss leaves the background out.
        loss_decode=[dict(type='mmseg.CrossEntropyLoss',
                          avg_non_ignore=True),
                     dict(type='mmseg.DiceLoss', use_sigmoid=False,
                          ignore_index=0)]),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
