image_size = 1024  # S, the side of the model's input in pixels
data_root = 'data/ct'  # written by tools/prepare_data.py
# Inference prepares a scan with these, as tools/prepare_data.py does with
# --modality and --window. Without a window, it takes the modality's own.
modality = 'CT'
window = None
train_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask',
         prompts_per_image=4,  # one encoder pass serves them all
         min_area=100,
         jitter=20),  # each side, in pixels of the original slice
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
test_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=1),  # every label's tight box
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='EpochKeyedSampler', shuffle=True),
    dataset=dict(type='PromptSliceDataset', data_root=data_root,
                 split='train', min_area=100, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PromptSliceDataset', data_root=data_root, split='val',
                 min_area=1, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PromptSliceDataset', data_root=data_root, split='test',
                 min_area=1, pipeline=test_pipeline))
val_evaluator = dict(type='VolumeMetric', data_root=data_root, split='val')
# The default protocol is 'mm': distances in mm, NSD at a tolerance of 2 mm,
# and only labels of at least 1000 voxels.
test_evaluator = dict(
    type='VolumeMetric', data_root=data_root, split='test',
    scores=['DSC', 'NSD', 'HD95', 'ASSD', 'IoU', 'RVD'])
