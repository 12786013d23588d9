# dbsam_tinyvit_patients_ct.py, trained with every prompt that an annotator
# gives and with clicks that correct the first answer.
_base_ = './dbsam_tinyvit_patients_ct.py'
model = dict(
    prompt_encoder=dict(trained_prompts=('boxes', 'points', 'masks'),
                        click_radius=3),
    mask_head=dict(iou_loss=dict(type='PredictedIoULoss')),
    refinement=dict(rounds=2, edits=0.3, box_share=0.5))
# LiteMedSAM has forgotten what clicks and mask prompts are.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(prompt_encoder=dict(lr_mult=5.))))
train_pipeline = [
    dict(type='LoadSlice'),
    dict(type='RandomAffine', prob=0.7, scale=(0.75, 1.35), angle=15.,
         shift=0.08),
    dict(type='RandomCoarsen', prob=0.4, factor=(1.2, 4.5), min_side=96),
    dict(type='RandomNoise', prob=0.3, std=(2., 16.), grain=(0., 1.)),
    dict(type='RandomWindow', prob=0.6, level=0.12, width=(0.65, 1.5),
         gamma=(0.65, 1.5)),
    dict(type='AnnotatorPromptsFromMask', prompts_per_image=6, min_area=None,
         jitter=1, shares=dict(box=0.3, point=0.35, box_and_point=0.1,
                               mask=0.1, scribble=0.15)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size={{_base_.image_size}}),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
