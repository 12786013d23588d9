# This study varies the stem that the convolutional branch begins with.
_base_ = './_base_/tinyvit_ct.py'
title = 'Stems of the conv branch'
variants = [
    dict(name='image pyramid (LFIP0)', options={}),
    dict(name='large kernel (LFIP6)',
         options={'model.image_encoder.stem.type': 'LargeKernelStem'}),
    dict(name='no conv branch', options={'model.image_encoder': dict(
        stem=None, neck=None, fusion=None)}),
]
