"""Kills, and two processes at once, in short."""

import pytest

from campaign.commands import (
    SPINE,
    Command,
    fetching,
    files_of,
    prepare_words,
    write_source,
)
from campaign.kills import kill_and_repeat, run_twice
from campaign.server import serve


def test_a_killed_preparation_ends_as_if_it_had_not_been():
    command = Command('prepare', lambda to: prepare_words(to / 'out', SPINE),
                      files_of)
    killed, faults = kill_and_repeat(command, 2)
    assert killed and not faults


def test_processes_end_with_the_one_that_started_them(tmp_path):
    """The second kill spares them, as ``kill -9`` of one process does."""
    source = write_source(tmp_path / 'source')
    command = Command('prepare', lambda to: prepare_words(
        to / 'out', source, '--workers', '2'), files_of)
    killed, faults = kill_and_repeat(command, 2)
    assert killed and not faults


@pytest.mark.parametrize('name', ['some_weights', 'some_set', 'some_sample'])
def test_a_killed_download(tmp_path, name):
    with serve(tmp_path / 'offered') as offered:
        command = fetching('fetch', name, offered)
        killed, faults = kill_and_repeat(command, 2)
    assert killed and not faults


def test_what_differs_is_noticed(tmp_path):
    """A command whose results are never the same."""
    count = iter(range(9))
    command = Command('prepare', lambda to: prepare_words(to / 'out', SPINE),
                      lambda to: dict(a=str(next(count))))
    _, faults = kill_and_repeat(command, 1)
    assert len(faults) == 1 and "'a'] differ" in faults[0]


def test_what_is_left_is_noticed(tmp_path):
    """A command that makes a folder for good each time that it runs."""
    command = Command(
        'some', lambda to: [str(to)], files_of,
        ('-c', 'import sys, tempfile, time; tempfile.mkdtemp(); time.sleep(1)'
         ))
    _, faults = kill_and_repeat(command, 1)
    assert len(faults) == 1 and 'tmp/tmp' in faults[0]


def test_a_data_set_that_is_fetched_twice_at_once(tmp_path):
    with serve(tmp_path / 'offered') as offered:
        assert not run_twice(fetching('fetch', 'some_set', offered))


def test_what_two_processes_do_to_each_other_is_noticed(tmp_path):
    """A command that adds to a file."""
    command = Command('some', lambda to: [str(to)], files_of, (
        '-c', 'import sys; open(sys.argv[1] + "/a", "a").write("a")'))
    fault, = run_twice(command)
    assert "['a'] differ" in fault
