# Which of DB-SAM's blocks help a head that segments without prompts? Each
# variant adds one to the one before.
_base_ = './_base_/tinyvit_ct.py'
title = "The paper's components without prompts, TinyViT"
config = 'configs/semantic/dbsam_tinyvit_uper_ct.py'
options = {'max_epochs': 20}
variants = [
    dict(name='LiteMedSAM', options={'model.backbone.encoder': dict(
        adapter=None, stem=None, neck=None, fusion=None)}),
    dict(name='+ channel attention', options={'model.backbone.encoder': dict(
        stem=None, neck=None, fusion=None)}),
    dict(name='+ conv branch', options={
        'model.backbone.encoder.fusion': None}),
    dict(name='+ ViT-conv fusion (DB-SAM)', options={}),
]
