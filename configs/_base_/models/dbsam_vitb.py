model = dict(
    type='PromptSegmentor',
    pretrained='checkpoints/sam_vit_b_01ec64.pth',
    data_preprocessor=dict(type='SAMDataPreProcessor'),
    image_encoder=dict(
        type='DualBranchEncoder',
        vit=dict(type='SAMViT', arch='base'),
        # The blocks are those of the authors' release, and so are their
        # initialisations. docs/reproduce.md says where the paper differs, and
        # what zero_init=True changes.
        adapter=dict(type='ChannelAttention', placement='stage'),
        stem=dict(type='ConvStem', channels=768),
        neck=dict(type='BilateralCrossAttention'),
        fusion=dict(type='GatedFusion'),
        norm=dict(type='OutputNorm')),
    prompt_encoder=dict(type='SAMPromptEncoder'),
    mask_head=dict(
        type='SAMMaskHead',
        loss=[dict(type='DiceLoss'), dict(type='BinaryCrossEntropyLoss')]))
