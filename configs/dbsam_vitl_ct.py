_base_ = './dbsam_vitb_ct.py'
model = dict(
    pretrained='checkpoints/sam_vit_l_0b3195.pth',
    image_encoder=dict(
        vit=dict(arch='large'),
        stem=dict(channels=1024),
        neck=dict(num_heads=16)))  # 12 does not divide 1024
