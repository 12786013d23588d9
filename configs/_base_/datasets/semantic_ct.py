# Slices of a prepared data set for models that segment without prompts.
image_size = 256  # S, the longest side of an image in pixels
data_root = 'data/ct'  # written by tools/prepare_data.py
# Inference prepares a scan with these, see ct.py.
modality = 'CT'
window = None
# The names of the labels that are the classes; None takes all of the data set.
# Where labels overlap, a pixel is of the one that comes last.
classes = None
# The promptable model that mmdbsam infer --then-refine gives the boxes to.
refiner = 'dbsam_tinyvit_ct'
train_pipeline = [
    dict(type='LoadSlice'),  # neighbours=True adds the slices beside it
    # These imitate scans of other patients. There is no flip, as it would turn
    # a left organ into a right one.
    dict(type='RandomAffine', prob=0.5, scale=(0.75, 1.3), angle=15.,
         shift=0.08),
    dict(type='RandomCoarsen', prob=0.3, factor=(1.2, 4.), min_side=96),
    dict(type='RandomNoise', prob=0.2, std=(2., 12.), grain=(0., 1.)),
    dict(type='RandomWindow', prob=0.3, level=0.1, width=(0.7, 1.4),
         gamma=(0.7, 1.4)),
    dict(type='ClassMapFromLabels'),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackSemanticSample'),
]
slice_pipeline = [
    dict(type='LoadSlice'),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackSemanticSample'),
]
# mmseg.apis.inference_model runs this one, on images of 8 bits.
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeLongestSide', size=image_size),
    dict(type='PackSemanticSample'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='EpochKeyedSampler', shuffle=True),
    # A fourth of the samples are drawn for a class, however rare it is.
    dataset=dict(type='SemanticSliceDataset', data_root=data_root,
                 split='train', classes=classes, modality=modality,
                 foreground=0.25, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SemanticSliceDataset', data_root=data_root,
                 split='val', classes=classes, modality=modality,
                 pipeline=slice_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SemanticSliceDataset', data_root=data_root,
                 split='test', classes=classes, modality=modality,
                 pipeline=slice_pipeline))
val_evaluator = dict(type='SemanticVolumeMetric', data_root=data_root,
                     split='val', classes=classes)
test_evaluator = dict(
    type='SemanticVolumeMetric', data_root=data_root, split='test',
    classes=classes, scores=['DSC', 'NSD', 'HD95', 'ASSD', 'IoU', 'RVD'])
