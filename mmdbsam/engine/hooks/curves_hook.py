"""A picture of how a training went."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdbsam.registry import HOOKS


@HOOKS.register_module()
class CurvesHook(Hook):
    """Draw losses, learning rate and validation DSC when a training ends.

    The picture is ``curves.png`` beside the log of the run. It shows what
    mmengine's ``LocalVisBackend`` has written to the work directory, so that a
    training that was resumed is drawn from its beginning.
    """

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Draw the curves; a failure is logged and does not end the run."""
        path = Path(runner.log_dir, 'curves.png')
        try:
            # A training should not wait at its start for matplotlib to load.
            from mmdbsam.engine.run_scalars import (
                read_scalars,
                training_panels,
            )
            from mmdbsam.visualization.curves import draw_curves
            draw_curves(training_panels(read_scalars(runner.work_dir)),
                        Path(runner.work_dir).name, path)
        except Exception as error:
            # The weights are worth more than a picture of them.
            runner.logger.warning(f'{path} was not drawn: '
                                  f'{type(error).__name__}: {error}')
        else:
            runner.logger.info(f'Curves of the training: {path}')
