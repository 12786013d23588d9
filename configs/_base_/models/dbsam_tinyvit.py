model = dict(
    type='PromptSegmentor',
    pretrained='checkpoints/lite_medsam.pth',
    data_preprocessor=dict(type='MinMaxDataPreProcessor'),
    image_encoder=dict(
        type='DualBranchEncoder',
        vit=dict(type='SAMTinyViT'),
        # The training is too short to need regularisation.
        adapter=dict(type='ChannelAttention', placement='block',
                     drop_path=0., zero_init=True),
        stem=dict(type='ConvStem', channels=128, out_stride=4, num_levels=2,
                  widths=(32, 64, 128),
                  # Batches are too small for a batch norm.
                  norm_cfg=dict(type='GN', num_groups=8)),
        neck=dict(type='BilateralCrossAttention', num_heads=4, expansion=0.5,
                  dropout=0., drop_path=0., zero_init=True),
        fusion=dict(type='GatedFusion', drop_path=0., zero_init=True)),
    prompt_encoder=dict(type='SAMPromptEncoder'),
    mask_head=dict(
        type='SAMMaskHead',
        loss=[dict(type='DiceLoss'), dict(type='BinaryCrossEntropyLoss')]))
