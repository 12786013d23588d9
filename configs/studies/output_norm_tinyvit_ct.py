# This study puts the release's layer norm before SAM's neck, or blends it in
# by a factor per channel that starts at zero. It scores the validation slices,
# because it chooses what dbsam_tinyvit_ct.py has.
_base_ = './_base_/tinyvit_ct.py'
title = "Layer norm before SAM's neck"
options = {
    'test_dataloader.dataset.split': 'val',
    'test_evaluator.split': 'val',
}
variants = [
    dict(name='none', options={}),
    dict(name='blended in', options={'model.image_encoder.norm': dict(
        type='OutputNorm', zero_init=True)}),
    dict(name='as in the release', options={'model.image_encoder.norm': dict(
        type='OutputNorm')}),
]
