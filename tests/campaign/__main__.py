"""Runs the campaign at length, and prints its figures."""

import argparse
import sys
import tempfile
from pathlib import Path

from campaign.bombs import all_bombs, explode
from campaign.commands import commands
from campaign.kills import kill_and_repeat, run_twice
from campaign.runs import Trial, table, trials
from campaign.subjects import all_subjects


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog='campaign', description=__doc__)
    parser.add_argument('--damages', type=int, default=40, metavar='N',
                        help='damaged inputs of each kind (default: '
                        '%(default)s)')
    parser.add_argument('--kills', type=int, default=20, metavar='N',
                        help='kills of each command (default: %(default)s)')
    parser.add_argument('--bombs', action='store_true', help='also try small '
                        'files that would fill memory')
    parser.add_argument('--first', type=int, default=0, metavar='SEED',
                        help='the number of the first damage, and the seed of '
                        'the kills (default: 0)')
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='the inputs and commands whose names have this '
                        'text')
    args = parser.parse_args()
    found = damage(args.only, range(args.first, args.first + args.damages))
    print(table(found), flush=True)
    faults = bombs(args.only) if args.bombs else []
    faults += kill(args.only, args.kills, args.first) if args.kills else []
    sys.exit(bool(faults) or any(not trial.verdict.is_clean
                                 for trial in found))


def damage(only: str, seeds: range) -> list[Trial]:
    """Damage inputs, and print what is not as it should be."""
    found = []
    for subject in all_subjects() if seeds else ():
        if only not in subject.name:
            continue
        for trial in trials(subject, seeds):
            found.append(trial)
            if not trial.verdict.is_clean:
                print(trial, flush=True)
    return found


def bombs(only: str) -> list[str]:
    """Try bombs, and print which are not refused."""
    faults, count = [], 0
    for bomb in all_bombs():
        if only in bomb.name:
            with tempfile.TemporaryDirectory(prefix='campaign') as folder:
                verdict = explode(bomb, Path(folder))
            count += 1
            if verdict.kind != 'line':
                faults.append(f'{bomb.name}: {verdict.kind}: '
                              f'{verdict.text.strip()[-300:]}')
    print(f'{count} bombs, {len(faults)} that are not refused', *faults,
          sep='\n', flush=True)
    return faults


def kill(only: str, count: int, seed: int) -> list[str]:
    """Kill commands, and print what was left different."""
    faults = []
    with (tempfile.TemporaryDirectory(prefix='campaign') as shared,
          commands(Path(shared)) as found):
        for command in found:
            if only in command.name:
                killed, wrong = kill_and_repeat(command, count, seed)
                faults += wrong
                print(f'{command.name}: {killed} kills, {len(wrong)} results '
                      'that differ', *wrong, sep='\n', flush=True)
                wrong = run_twice(command)
                faults += wrong
                print(f'{command.name}: twice at once, {len(wrong)} faults',
                      *wrong, sep='\n', flush=True)
    return faults


if __name__ == '__main__':
    main()
