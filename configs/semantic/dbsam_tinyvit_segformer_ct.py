# DB-SAM on LiteMedSAM, with SegFormer's head, without prompts.
_base_ = [
    '../_base_/models/semantic_dbsam_tinyvit.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
model = dict(
    decode_head=dict(
        _delete_=True, type='mmseg.SegformerHead',
        in_channels=[128, 256, 256, 256], in_index=[0, 1, 2, 3], channels=128,
        dropout_ratio=0.1, num_classes=2,
        norm_cfg=dict(type='GN', num_groups=8), align_corners=False,
        loss_decode=_base_.model.decode_head.loss_decode))
