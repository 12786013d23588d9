# The whole DB-SAM, tiny and from scratch, on the spine CT of this folder.
_base_ = [
    '../../configs/_base_/models/dbsam_vitb.py',
    '../../configs/_base_/datasets/ct.py',
    '../../configs/_base_/schedules/adamw_20e.py',
    '../../configs/_base_/default_runtime.py'
]
image_size = 128
model = dict(
    pretrained=None,
    image_encoder=dict(
        vit=dict(
            arch=dict(_delete_=True, embed_dims=48, num_layers=4, num_heads=4,
                      feedforward_channels=96,
                      global_attn_indexes=[0, 1, 2, 3]),
            img_size=image_size, patch_size=8, frozen=False,
            out_channels=64),
        adapter=dict(placement='block', drop_path=0., zero_init=True),
        stem=dict(channels=24, out_stride=8, num_levels=3,
                  widths=(8, 16, 16), norm_cfg=dict(type='GN', num_groups=4)),
        neck=dict(num_heads=4, expansion=1., dropout=0., drop_path=0.,
                  zero_init=True),
        fusion=dict(drop_path=0., zero_init=True),
        norm=dict(zero_init=True)),
    prompt_encoder=dict(embed_dims=64),
    mask_head=dict(embed_dims=64, num_heads=4, mlp_dims=128))
train_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', prompts_per_image=2, min_area=20,
         jitter=2),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
test_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=1),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=4,
                        dataset=dict(pipeline=train_pipeline, min_area=20))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(num_workers=0, dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(min_volume=10)
test_evaluator = dict(min_volume=10)
default_hooks = dict(logger=dict(interval=1))
