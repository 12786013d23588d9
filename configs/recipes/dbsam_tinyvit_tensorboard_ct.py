# Curves, and pictures of validation slices, for `tensorboard --logdir DIR`
# with the work directory (pip install mmdbsam[tensorboard]).
_base_ = '../dbsam_tinyvit_ct.py'
visualizer = dict(vis_backends=[dict(type='LocalVisBackend'),
                                dict(type='TensorboardVisBackend')])
default_hooks = dict(visualization=dict(draw=True))
