# SAM as it was released, with nothing to train. tools/test.py tests it with
# checkpoints/sam_vit_b_01ec64.pth.
_base_ = '../dbsam_vitb_ct.py'
model = dict(
    image_encoder=dict(
        adapter=None, stem=None, neck=None, fusion=None, norm=None))
train_cfg = None
train_dataloader = None
optim_wrapper = None
param_scheduler = None
