# DB-SAM on SAM's ViT-B as a backbone of mmsegmentation, with UPerHead.
_base_ = './dbsam_vitb.py'
model = dict(
    _delete_=True,
    type='mmseg.EncoderDecoder',
    data_preprocessor=dict(type='SAMDataPreProcessor', size=1024,
                           any_size=True),
    backbone=dict(
        type='DualBranchBackbone',
        encoder=_base_.model.image_encoder,
        pretrained=_base_.model.pretrained,
        # All stages of a ViT have the same stride of 16.
        out_indices=(0, 1, 2, 3),
        strides=(4, 8, 16, 32)),
    decode_head=dict(
        type='mmseg.UPerHead',
        in_channels=[768, 768, 768, 256],
        in_index=[0, 1, 2, 3],
        channels=256,
        dropout_ratio=0.1,
        num_classes=2,  # filled in from the classes
        norm_cfg=dict(type='GN', num_groups=32),
        align_corners=False,
        loss_decode=[dict(type='mmseg.CrossEntropyLoss',
                          avg_non_ignore=True),
                     dict(type='mmseg.DiceLoss', use_sigmoid=False,
                          ignore_index=0)]),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
