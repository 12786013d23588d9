# This study varies what prompts the training gives; each row adds to the one
# before.
_base_ = './_base_/tinyvit_ct.py'
title = "Prompts of the training"
config = 'configs/dbsam_tinyvit_interactive_ct.py'
shares = 'train_dataloader.dataset.pipeline.AnnotatorPromptsFromMask.shares'
clicked = dict(_delete_=True, box=0.5, point=0.35, box_and_point=0.15)
variants = [
    dict(name='boxes only', options={
        shares: dict(_delete_=True, box=1.),
        'model.prompt_encoder.trained_prompts': ('boxes', ),
        'model.refinement': None}),
    dict(name='+ points', options={
        shares: clicked,
        'model.prompt_encoder.trained_prompts': ('boxes', 'points'),
        'model.refinement': None}),
    dict(name='+ rounds', options={
        shares: clicked, 'model.prompt_encoder.click_radius': None,
        'model.refinement.edits': 0., 'model.refinement.box_share': 0.}),
    dict(name='+ clicks as discs', options={
        shares: clicked, 'model.refinement.edits': 0.,
        'model.refinement.box_share': 0.}),
    dict(name='+ edits', options={
        shares: clicked, 'model.refinement.box_share': 0.}),
    dict(name='+ share of boxes', options={shares: clicked}),
    dict(name='+ masks and scribbles', options={}),
]
del shares, clicked
