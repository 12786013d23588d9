# This study varies the sampling points of the exchange, per head and level,
# and the levels of the convolutional branch.
_base_ = './_base_/tinyvit_ct.py'
title = 'Points and levels of the exchange'
variants = [
    dict(name='4 points, 2 levels', options={}),
    dict(name='1 point, 2 levels',
         options={'model.image_encoder.neck.num_points': 1}),
    dict(name='2 points, 2 levels',
         options={'model.image_encoder.neck.num_points': 2}),
    dict(name='8 points, 2 levels',
         options={'model.image_encoder.neck.num_points': 8}),
    dict(name='4 points, 1 level',
         options={'model.image_encoder.stem.num_levels': 1}),
]
