# This study varies how far the sides of the training's boxes are moved
# outwards at random. The boxes of the test are tight.
_base_ = './_base_/tinyvit_ct.py'
title = "Jitter of the training's boxes"
variants = [
    dict(name='0 to 2 px', options={}),
    dict(name='none',
         options={'train_dataloader.dataset.pipeline.4.jitter': 0}),
    dict(name='0 to 5 px',
         options={'train_dataloader.dataset.pipeline.4.jitter': 5}),
    dict(name='0 to 10 px',
         options={'train_dataloader.dataset.pipeline.4.jitter': 10}),
    dict(name='0 to 20 px',
         options={'train_dataloader.dataset.pipeline.4.jitter': 20}),
]
