_base_ = './dbsam_vitb_ct.py'
model = dict(
    pretrained='checkpoints/sam_vit_h_4b8939.pth',
    image_encoder=dict(
        vit=dict(arch='huge'),
        stem=dict(channels=1280),
        neck=dict(num_heads=16)))  # 12 does not divide 1280
