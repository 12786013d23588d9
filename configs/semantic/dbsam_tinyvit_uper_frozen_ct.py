# The encoder stays that of the promptable DB-SAM, so that mmdbsam infer
# --then-refine encodes a slice once for both models. Only the head is trained.
_base_ = [
    '../_base_/models/semantic_dbsam_tinyvit.py',
    '../_base_/datasets/semantic_ct.py', '../_base_/schedules/semantic_20e.py',
    '../_base_/default_runtime.py'
]
model = dict(
    backbone=dict(
        frozen=True,
        # The second holds what was trained in place of the first.
        pretrained=['checkpoints/lite_medsam.pth', 'dbsam_tinyvit_ct']))
