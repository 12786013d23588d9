# Row 3 of the paper's ablation adds the convolutional branch and its exchange.
_base_ = '../dbsam_vitb_ct.py'
model = dict(image_encoder=dict(fusion=None))
