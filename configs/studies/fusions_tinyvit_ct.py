# This study compares the paper's selection, which makes one embedding of the
# two branches, with other fusions.
_base_ = './_base_/tinyvit_ct.py'
title = 'Fusions of the two branches'
variants = [
    dict(name='selection (the paper)', options={}),
    dict(name='ViT branch alone', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='SingleBranchFusion', branch='vit')}),
    dict(name='conv branch alone', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='SingleBranchFusion', branch='conv')}),
    dict(name='sum', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='SumFusion', zero_init=True)}),
    dict(name='concatenation', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='ConcatFusion', zero_init=True)}),
    dict(name='Hadamard gate', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='HadamardFusion', zero_init=True,
        norm_cfg=dict(type='GN', num_groups=8))}),
    dict(name='gate a pixel', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='PixelGatedFusion', zero_init=True,
        drop_path=0.)}),
    dict(name='softmax', options={'model.image_encoder.fusion': dict(
        _delete_=True, type='SoftmaxFusion', zero_init=True, drop_path=0.)}),
]
