# DB-SAM on SAM's ViT-B, with the paper's recipe, for every prompt that an
# annotator gives and for clicks that correct what they gave.
_base_ = './dbsam_vitb_ct.py'
model = dict(
    prompt_encoder=dict(trained_prompts=('boxes', 'points', 'masks')),
    mask_head=dict(iou_loss=dict(type='PredictedIoULoss')),
    refinement=dict(rounds=3))
train_pipeline = [
    dict(type='LoadSlice'),
    dict(type='AnnotatorPromptsFromMask', prompts_per_image=4, min_area=100,
         jitter=20, shares=dict(box=0.4, point=0.25, box_and_point=0.1,
                                mask=0.1, scribble=0.15)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=_base_.image_size),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
