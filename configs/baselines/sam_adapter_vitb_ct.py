# Med-SA (arXiv:2304.12620), which puts bottleneck adapters into the frozen
# blocks and tunes the mask decoder.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=dict(_delete_=True, type='BottleneckAdapter',
                     zero_init=True),
        stem=None, neck=None, fusion=None, norm=None),
    prompt_encoder=dict(trained_prompts=[]))
