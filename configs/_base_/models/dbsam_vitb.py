model = dict(
    type='PromptSegmentor',
    pretrained='checkpoints/sam_vit_b_01ec64.pth',
    data_preprocessor=dict(type='SAMDataPreProcessor'),
    image_encoder=dict(
        type='DualBranchEncoder',
        vit=dict(type='SAMViT', arch='base'),
        # With zero_init, training starts from SAM's accuracy; the paper's
        # blocks start at random, as with False.
        adapter=dict(type='ChannelAttention', placement='block',
                     zero_init=True),
        stem=dict(type='ConvStem', channels=768),
        neck=dict(type='BilateralCrossAttention', zero_init=True),
        fusion=dict(type='GatedFusion', zero_init=True)),
    prompt_encoder=dict(type='SAMPromptEncoder'),
    mask_head=dict(
        type='SAMMaskHead',
        loss=[dict(type='DiceLoss'), dict(type='BinaryCrossEntropyLoss')]))
