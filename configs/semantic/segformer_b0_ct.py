# SegFormer-B0 of mmsegmentation, from nothing.
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
        type='mmseg.MixVisionTransformer', in_channels=3, embed_dims=32,
        num_stages=4, num_layers=[2, 2, 2, 2], num_heads=[1, 2, 5, 8],
        patch_sizes=[7, 3, 3, 3], sr_ratios=[8, 4, 2, 1],
        out_indices=(0, 1, 2, 3), mlp_ratio=4, drop_path_rate=0.1),
    decode_head=dict(
        type='mmseg.SegformerHead', in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3], channels=256, dropout_ratio=0.1, num_classes=2,
        norm_cfg=dict(type='GN', num_groups=8), align_corners=False,
        loss_decode=loss),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
