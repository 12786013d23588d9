# The same method as samed_vitb_ct.py, on LiteMedSAM.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        adapter=dict(_delete_=True, type='LoRA', rank=4),
        stem=None, neck=None, fusion=None))
optim_wrapper = dict(
    # At the same rate, a product of two small matrices moves an order of
    # magnitude less than one matrix, and there is no other added block.
    paramwise_cfg=dict(
        custom_keys={'image_encoder.adapters': dict(lr_mult=1.)}))
