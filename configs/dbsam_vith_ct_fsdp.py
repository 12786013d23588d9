# ViT-H on several GPUs that divide its parameters, gradients and optimiser
# states among them: tools/dist_train.sh configs/dbsam_vith_ct_fsdp.py 8
_base_ = './dbsam_vitb_ct.py'
model = dict(
    pretrained='checkpoints/sam_vit_h_4b8939.pth',
    image_encoder=dict(
        vit=dict(arch='huge'),
        stem=dict(channels=1280),
        neck=dict(num_heads=16),
        with_cp=True))
# The parameters of a block are gathered when it is computed, all others once.
strategy = dict(
    type='mmdbsam.FSDP2Strategy',
    blocks=['image_encoder.vit.layers'])
