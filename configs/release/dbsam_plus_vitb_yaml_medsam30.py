# DB-SAM+ by the release's yaml files, which train no other model.
# docs/reproduce.md compares them with its slurm script and with the paper.
_base_ = [
    '../_base_/models/dbsam_vitb.py', '../_base_/datasets/medsam30.py',
    '../_base_/schedules/adamw_20e.py', '../_base_/default_runtime.py'
]
model = dict(
    image_encoder=dict(
        # SAM's own eps is 1e-6.
        vit=dict(img_size=_base_.image_size,
                 norm_cfg=dict(type='LN', eps=1e-5)),
        adapter=None,
        # 'antialias' from torchvision 0.17 on, of early 2024.
        stem=dict(resize='bilinear'),
        neck=dict(type='PyramidSelfAttention'),
        fusion=dict(type='SoftmaxFusion')),
    prompt_encoder=dict(trained_prompts=['boxes', 'points', 'masks']),
    # MONAI's DiceCELoss is Dice and cross-entropy from MONAI 1.3 on.
    mask_head=dict(train_all=True))
find_unused_parameters = True
train_dataloader = dict(batch_size=1)
# The sides of all boxes are moved by 9 px; --prompt tight tests without.
test_pipeline = [
    dict(step, shift=9, grid=256) if step['type'] == 'BoxPromptsFromMask'
    else step for step in _base_.test_pipeline]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(type='AmpOptimWrapper')  # float16, which needs a GPU
auto_scale_lr = dict(base_batch_size=1)
param_scheduler = [
    # super-gradients warms up by epochs, so the only one has 5e-5.
    dict(type='ConstantLR', factor=0.5, begin=0, end=1, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='PolyLR', power=0.9, eta_min=0., begin=1, end=20, by_epoch=True,
         convert_to_iter_based=True),
]
