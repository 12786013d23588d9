# DB-SAM on LiteMedSAM for every prompt that an annotator gives: boxes, points,
# rough masks and scribbles, and clicks that correct what they gave.
_base_ = './dbsam_tinyvit_ct.py'
model = dict(
    prompt_encoder=dict(trained_prompts=('boxes', 'points', 'masks'),
                        click_radius=3),
    mask_head=dict(iou_loss=dict(type='PredictedIoULoss')),
    refinement=dict(rounds=3, edits=0.3, box_share=0.5))
# LiteMedSAM has forgotten what clicks and mask prompts are.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(prompt_encoder=dict(lr_mult=5.))))
train_pipeline = [
    dict(type='LoadSlice'),
    dict(type='RandomAffine', prob=0.3, scale=(0.8, 1.25), angle=10.,
         shift=0.05),
    dict(type='RandomCoarsen', prob=0.5, factor=(1.5, 4.5)),
    dict(type='RandomWindow', prob=0.3, level=0.1, width=(0.7, 1.4),
         gamma=(0.7, 1.4)),
    dict(type='AnnotatorPromptsFromMask', prompts_per_image=8, min_area=60,
         jitter=2, shares=dict(box=0.3, point=0.35, box_and_point=0.1,
                               mask=0.1, scribble=0.15)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=_base_.image_size),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
