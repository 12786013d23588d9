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
val_evaluator = dict(data_root=data_root, per_slice=True,
                     protocol='dbsam2024')
test_dataloader = dict(dataset=dict(data_root='data/medsam30'))
test_evaluator = dict(
    _delete_=True,
    type='BenchmarkMetric',
    data_root='data/medsam30',
    split='test',
    planar_tasks=[f'{number}-*' for number in range(22, 31)],
    # Voxels instead of mm, a tolerance of 1, labels of any size; the NSD of
    # 2-D tasks as the release has it, of their images as one volume.
    protocol='dbsam2024')
