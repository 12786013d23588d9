# The same method as sam_adapter_vitb_ct.py, on LiteMedSAM.
_base_ = '../dbsam_tinyvit_ct.py'
model = dict(
    image_encoder=dict(
        adapter=dict(_delete_=True, type='BottleneckAdapter',
                     zero_init=True),
        stem=None, neck=None, fusion=None),
    prompt_encoder=dict(trained_prompts=[]))
