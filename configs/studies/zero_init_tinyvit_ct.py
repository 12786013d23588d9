# This study compares added blocks that start as the identity on the ViT branch
# with blocks that start as in the authors' release.
_base_ = './_base_/tinyvit_ct.py'
title = 'Initialisation of the added blocks'
variants = [
    dict(name='zero_init', options={}),
    dict(name="the release's", options={'model.image_encoder': dict(
        adapter=dict(zero_init=False), neck=dict(zero_init=False),
        fusion=dict(zero_init=False))}),
    dict(name="the release's in the fusion",
         options={'model.image_encoder.fusion.zero_init': False}),
    dict(name="the release's in the exchange",
         options={'model.image_encoder.neck.zero_init': False}),
    dict(name="the release's in the adapters",
         options={'model.image_encoder.adapter.zero_init': False}),
]
