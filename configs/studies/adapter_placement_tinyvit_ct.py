# This study puts the channel attention after every frozen block, as in
# the paper's abstract, after every stage, as in the release, or nowhere.
_base_ = './_base_/tinyvit_ct.py'
title = 'Placement of the channel attention'
variants = [
    dict(name='every block', options={}),
    dict(name='every stage',
         options={'model.image_encoder.adapter.placement': 'stage'}),
    dict(name='none', options={'model.image_encoder.adapter': None}),
]
