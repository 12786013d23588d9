"""What a config does wrong is told apart from errors in the code."""

import traceback

import pytest

from mmdbsam.errors import InputError
from mmdbsam.registry import Registry

BLOCKS = Registry('block', scope='mmdbsam', locations=[])


@BLOCKS.register_module()
class Base:

    def __init__(self, width, depth=1):
        self.size = width * depth


@BLOCKS.register_module()
class Derived(Base):

    def __init__(self, name='', **kwargs):
        super().__init__(width=3, **kwargs)


@BLOCKS.register_module()
class Broken:

    def __init__(self, width):
        int(width, argument=1)


@BLOCKS.register_module()
class Outer:

    def __init__(self, inner):
        BLOCKS.build(inner)


@BLOCKS.register_module()
def double(width):
    return 2 * width


@pytest.mark.parametrize('cfg, message', [
    (dict(type='Base'), "block 'Base': missing a required argument: 'width'"),
    (dict(type='Base', width=1, widht=2),
     "block 'Base': got an unexpected keyword argument 'widht'"),
    (dict(type=Base, width=1, a=2), 'unexpected keyword argument'),
    (dict(type='double', width=1, depth=2),
     "block 'double': got an unexpected keyword argument 'depth'"),
    (dict(type='Derived', depht=2),
     "block 'Derived': got an unexpected keyword argument 'depht'"),
    (dict(type='Outer', inner=dict(type='Base')),
     "block 'Base': missing a required argument: 'width'"),
])
def test_arguments_that_do_not_fit_are_the_users(cfg, message):
    with pytest.raises(InputError) as caught:
        BLOCKS.build(cfg)
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)


def test_arguments_that_fit_are_passed_on():
    assert BLOCKS.build(dict(type='Derived', name='x', depth=2)).size == 6
    assert BLOCKS.build(dict(type='Base'), default_args=dict(width=4)
                        ).size == 4
    with pytest.raises(InputError, match="argument 'other'"):
        BLOCKS.build(dict(type='Base', width=4),
                     default_args=dict(other=4))


@pytest.mark.parametrize('cfg', [
    dict(type='Broken', width='3'),
    dict(type='Outer', inner=dict(type='Broken', width='3'))])
def test_an_error_within_a_constructor_keeps_its_traceback(cfg):
    """Though its message speaks of an argument, too."""
    with pytest.raises(TypeError, match='argument') as caught:
        BLOCKS.build(cfg)
    assert not isinstance(caught.value, InputError)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.line == 'int(width, argument=1)'
