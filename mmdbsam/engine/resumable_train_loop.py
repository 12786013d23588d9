"""A training by epochs that can go on within an epoch."""

from itertools import islice

from mmengine.runner import EpochBasedTrainLoop

from mmdbsam.registry import LOOPS


@LOOPS.register_module()
class ResumableTrainLoop(EpochBasedTrainLoop):
    """mmengine's loop, which can leave the first batches of an epoch out.

    With :class:`.EpochKeyedSampler` and :class:`.IterationSeedHook`, a
    training that :class:`.SignalCheckpointHook` has saved within an epoch goes
    on as the uninterrupted one. The arguments are those of
    ``EpochBasedTrainLoop``.

    Attributes:
        trained_batches: The number of batches that the next epoch reads but
            does not train with, as it was done before.
    """

    trained_batches = 0

    def run_epoch(self) -> None:
        """Train with what is left of an epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done, self.trained_batches = self.trained_batches, 0
        for number, batch in islice(enumerate(self.dataloader), done, None):
            self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
