# DB-SAM on SAM's ViT-B at 256 px. The position embeddings, which SAM has for
# 1024 px, are interpolated when they are loaded.
_base_ = './dbsam_vitb_ct.py'
image_size = 256
model = dict(image_encoder=dict(vit=dict(img_size=image_size)))
train_pipeline, test_pipeline = [
    [dict(step, size=image_size) if step['type'] == 'ResizeLongestSide'
     else step for step in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.test_pipeline)]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
