# The paper's ablation, in which each row adds a block to the one before.
_base_ = './_base_/tinyvit_ct.py'
title = "The paper's components, TinyViT"
variants = [
    dict(name='decoder tuning', options={'model.image_encoder': dict(
        adapter=None, stem=None, neck=None, fusion=None, norm=None)}),
    dict(name='+ channel attention', options={'model.image_encoder': dict(
        stem=None, neck=None, fusion=None)}),
    dict(name='+ conv branch', options={'model.image_encoder.fusion': None}),
    dict(name='+ ViT-conv fusion (DB-SAM)', options={}),
]
