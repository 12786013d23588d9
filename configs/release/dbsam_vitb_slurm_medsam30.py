# DB-SAM by the release's slurm script and two_branch_cfg.py.
# docs/reproduce.md compares them with its yaml files and with the paper.
_base_ = [
    '../_base_/models/dbsam_vitb.py', '../_base_/datasets/medsam30.py',
    '../_base_/schedules/adamw_20e.py', '../_base_/default_runtime.py'
]
model = dict(
    image_encoder=dict(
        # SAM's own eps is 1e-6.
        vit=dict(img_size=_base_.image_size,
                 norm_cfg=dict(type='LN', eps=1e-5)),
        # 'antialias' from torchvision 0.17 on, of early 2024.
        stem=dict(resize='bilinear'),
        neck=dict(drop_path=0.4)),
    prompt_encoder=dict(trained_prompts=['boxes', 'points', 'masks']),
    # MONAI's DiceCELoss is Dice and cross-entropy from MONAI 1.3 on.
    mask_head=dict(train_all=True))
find_unused_parameters = True
train_dataloader = dict(batch_size=3)
# The sides of all boxes are moved by 9 px; --prompt tight tests without.
test_pipeline = [
    dict(step, shift=9, grid=256) if step['type'] == 'BoxPromptsFromMask'
    else step for step in _base_.test_pipeline]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
auto_scale_lr = dict(base_batch_size=3)
train_cfg = dict(max_epochs=12)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='PolyLR', power=0.9, eta_min=0., begin=1, end=12, by_epoch=True,
         convert_to_iter_based=True),
]
