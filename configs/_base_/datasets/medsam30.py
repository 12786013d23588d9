# The paper reports on MedSAM's 21 3-D and 9 2-D tasks, each scored by itself.
# DB-SAM's release keeps them as Test/<number>-<name>/*.npz and trains on
# Train/npy_images and Train/npy_gts. The files are not public in that form.
#   python tools/prepare_data.py Train data/medsam_train
#   python tools/prepare_data.py Test data/medsam30
image_size = 1024  # S, the side of the model's input in pixels
data_root = 'data/medsam_train'
modality = None  # There are several, and each image's file says which.
window = None
train_pipeline = [
    dict(type='LoadSlice'),
    # As in the release: one mask an image, no flip, and sides that are moved
    # by 0 to 19 px on a grid of 256 px, the size of its images.
    dict(type='BoxPromptsFromMask', prompts_per_image=1, min_area=1,
         jitter=19, grid=256),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
test_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=1),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='EpochKeyedSampler', shuffle=True),
    dataset=dict(type='PromptSliceDataset', data_root=data_root,
                 split='train', min_area=1, pipeline=train_pipeline))
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
    dataset=dict(type='PromptSliceDataset', data_root='data/medsam30',
                 split='test', min_area=1, pipeline=test_pipeline))
val_evaluator = dict(type='VolumeMetric', data_root=data_root, split='val',
                     per_slice=True, protocol='dbsam2024')
test_evaluator = dict(
    type='BenchmarkMetric',
    data_root='data/medsam30',
    split='test',
    planar_tasks=[f'{number}-*' for number in range(22, 31)],
    # This protocol measures in voxels instead of mm, with a tolerance of 1,
    # and scores labels of any size. As in the release, the NSD of a 2-D task
    # takes its images as one volume, and logits are thresholded on the images'
    # own grid.
    protocol='dbsam2024')
