# lite_medsam_decoder_ct.py, trained on what dbsam_tinyvit_patients_ct.py is.
_base_ = '../dbsam_tinyvit_patients_ct.py'
model = dict(
    image_encoder=dict(adapter=None, stem=None, neck=None, fusion=None))
# 296 steps take as long as the 113 of DB-SAM.
train_dataloader = dict(sampler=dict(samples=2368))
