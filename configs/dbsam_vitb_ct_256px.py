_base_ = './dbsam_vitb_ct.py'
model = dict(
    data_preprocessor=dict(size=256),
    # SAM's position embeddings are interpolated from 1024 on loading.
    image_encoder=dict(vit=dict(img_size=256)))
train_pipeline = _base_.train_pipeline
train_pipeline[3]['size'] = 256
test_pipeline = _base_.test_pipeline
test_pipeline[2]['size'] = 256
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
