# MedSAM's 21 3-D and 9 2-D tasks, which the paper reports, each scored by
# itself. DB-SAM's release keeps them as Test/<number>-<name>/*.npz and trains
# on Train/npy_images and Train/npy_gts; the files are not public in that form.
#   python tools/prepare_data.py Train data/medsam_train
#   python tools/prepare_data.py Test data/medsam30
_base_ = './ct.py'
data_root = 'data/medsam_train'
modality = None  # several: what an image's file says
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
val_evaluator = dict(data_root=data_root, per_slice=True)
test_dataloader = dict(dataset=dict(data_root='data/medsam30'))
test_evaluator = dict(
    _delete_=True,
    type='BenchmarkMetric',
    data_root='data/medsam30',
    split='test',
    planar_tasks=[f'{number}-*' for number in range(22, 31)],
    # As the release: in voxels, which the files do not give a size; every
    # label counts, however small.
    tolerance=1.,
    min_volume=1)
