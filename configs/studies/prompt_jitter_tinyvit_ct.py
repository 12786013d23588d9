# This study varies how far the sides of the training's boxes are moved
# outwards at random. The boxes of the test are tight.
_base_ = './_base_/tinyvit_ct.py'
title = "Jitter of the training's boxes"
jitter = 'train_dataloader.dataset.pipeline.BoxPromptsFromMask.jitter'
variants = [
    dict(name='0 to 2 px', options={}),
    dict(name='none', options={jitter: 0}),
    dict(name='0 to 5 px', options={jitter: 5}),
    dict(name='0 to 10 px', options={jitter: 10}),
    dict(name='0 to 20 px', options={jitter: 20}),
]
del jitter
