default_scope = 'mmdbsam'
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Two checkpoints are kept, so that one remains if the training is killed
    # while it writes the other.
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2,
                    save_best='DSC', rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    curves=dict(type='CurvesHook'),
    # default_hooks.visualization.draw=True draws validation slices.
    visualization=dict(type='PromptVisualizationHook', draw=False,
                       interval=50))
custom_hooks = [
    dict(type='IterationSeedHook'),
    # USR1 saves and ends a training, which --resume goes on with.
    dict(type='SignalCheckpointHook'),
]
visualizer = dict(type='PromptVisualizer',
                  vis_backends=[dict(type='LocalVisBackend')])
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
sync_bn = 'torch'  # BN becomes SyncBN in distributed runs, as in the release
randomness = dict(seed=0)
log_level = 'INFO'
load_from = None
resume = False
