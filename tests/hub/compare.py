#!/usr/bin/python3
"""Runs `dbt deps` on the projects beside this file and compares package-lock.yml and dbt_packages with `expected.json` in each folder.

  compare.py --program build/dev/bin/weir [NAME...]                what `weir dbt deps` does
  compare.py --oracle VENV/bin/dbt --accept [NAME...]              take dbt-core's own answers as the expectation
  compare.py --program WEIR --oracle DBT --random N [--seed S]     N made-up hubs and packages.yml: both, exit status and lock file

Each project holds packages.yml or dependencies.yml and perhaps folders of local packages; all use hub.json. The hub is served on loopback,
git repositories are made for the run, at https://git.example/. Only the oracle's answers are ever accepted.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import with_hub

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECTS = os.path.join(HERE, 'projects')


def serve(hub):
    server = with_hub.http.server.ThreadingHTTPServer(('127.0.0.1', 0), with_hub.Handler)
    base = f'http://127.0.0.1:{server.server_port}'
    server.pages = with_hub.pages(hub, base)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, base + '/'


def make_repository(home):
    """https://git.example/kit.git with a tag, two commits and a project below."""
    folder = os.path.join(home, 'kit.git')
    who = dict(os.environ, HOME=home, GIT_CONFIG_NOSYSTEM='1', GIT_AUTHOR_NAME='a', GIT_AUTHOR_EMAIL='a@b', GIT_COMMITTER_NAME='a',
               GIT_COMMITTER_EMAIL='a@b', GIT_AUTHOR_DATE='2026-01-01T00:00:00Z', GIT_COMMITTER_DATE='2026-01-01T00:00:00Z')

    def git(*arguments):
        subprocess.run(['git', '-C', folder, *arguments], env=who, check=True, stdout=subprocess.DEVNULL)

    os.makedirs(os.path.join(folder, 'nested', 'deep'))
    for path, text in (('dbt_project.yml', 'name: kit\n'), ('nested/deep/dbt_project.yml', 'name: deep\n')):
        with open(os.path.join(folder, path), 'w') as file:
            file.write(text)
    git('init', '-q', '-b', 'main')
    git('add', '-A')
    git('commit', '-q', '-m', 'one')
    git('tag', 'v1')
    git('commit', '-q', '--allow-empty', '-m', 'two')
    subprocess.run(['git', 'config', '--global', f'url.{home}/.insteadOf', 'https://git.example/'], env=who, check=True)


def installed(project):
    folder = os.path.join(project, 'dbt_packages')
    return sorted(n for n in os.listdir(folder) if not n.startswith('.')) if os.path.isdir(folder) else []


def answer(program, is_oracle, project, hub_url, home, arguments=()):
    """Exit status, lock file and installed folders."""
    environment = dict(os.environ, DBT_PACKAGE_HUB_URL=hub_url, HOME=home, GIT_CONFIG_NOSYSTEM='1', DO_NOT_TRACK='1',
                       DBT_SEND_ANONYMOUS_USAGE_STATS='false', no_proxy='127.0.0.1')
    command = [program, 'deps', '--quiet', *arguments] if is_oracle else [program, 'dbt', 'deps', *arguments]
    done = subprocess.run(command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lock = os.path.join(project, 'package-lock.yml')
    text = None
    if os.path.exists(lock):
        with open(lock) as file:
            text = file.read()
    return {'exit': done.returncode, 'lock': text, 'installed': installed(project) if done.returncode == 0 else []}, done.stdout


def of_project(name, program, is_oracle):
    with open(os.path.join(HERE, 'hub.json')) as file:
        server, url = serve(json.load(file))
    world = tempfile.mkdtemp(prefix='weir-deps-')
    try:
        make_repository(world)
        project = os.path.join(world, 'project')
        shutil.copytree(os.path.join(PROJECTS, name), project, ignore=shutil.ignore_patterns('expected.json'))
        with open(os.path.join(project, 'dbt_project.yml'), 'w') as file:
            file.write('name: shop\nversion: "1.0"\nprofile: shop\n')
        found, output = answer(program, is_oracle, project, url, world)
        if found['lock'] is not None and 'sha1_hash' in found['lock']:
            with open(os.path.join(project, next(f for f in ('packages.yml', 'dependencies.yml') if os.path.exists(os.path.join(project, f))))) as file:
                if 'DBT_PACKAGE_HUB_URL' in file.read():  # its port is in the hash
                    found['lock'] = re.sub(r'sha1_hash: .*\n', '', found['lock'])
        return found, output
    finally:
        server.shutdown()
        shutil.rmtree(world, ignore_errors=True)


def compare(names, program, oracle, accept):
    failed = 0
    for name in names:
        expected = os.path.join(PROJECTS, name, 'expected.json')
        found, output = of_project(name, oracle or program, bool(oracle))
        if accept:
            with open(expected, 'w') as file:
                file.write(json.dumps(found, indent=1) + '\n')
            print(f'{name}: exit {found["exit"]}')
            continue
        with open(expected) as file:
            wanted = json.load(file)
        same = found == wanted
        print(f'{name}: {"equal" if same else "different"}')
        if not same:
            failed += 1
            print(f'--- dbt-core\n{json.dumps(wanted, indent=1)}\n--- weir\n{json.dumps(found, indent=1)}\n{output}')
    return 1 if failed else 0


def made_up_version(rng):
    text = f'{rng.randrange(3)}.{rng.randrange(4)}.{rng.randrange(3)}'
    if rng.random() < 0.25:
        text += '-' + rng.choice(['rc1', 'rc2', 'b1', 'alpha.1', 'alpha.2', 'alpha.beta', '1', 'rc.10', 'rc.9'])
    return text


def made_up_bounds(rng):
    if rng.random() < 0.3:
        return made_up_version(rng)
    return [rng.choice(['>', '>=', '<', '<=', '=', '']) + made_up_version(rng) for _ in range(rng.randrange(1, 4))]


def made_up_hub(rng):
    names = ['acme/one', 'acme/two', 'acme/three']
    packages = {}
    for name in names:
        versions = {}
        for _ in range(rng.randrange(2, 10)):
            short = name.split('/')[1]
            one = {'files': {'dbt_project.yml': f'name: {short}\n'}}
            if rng.random() < 0.3:
                one['packages'] = [{'package': other, 'version': made_up_bounds(rng)} for other in rng.sample(names, 1) if other != name]
            if rng.random() < 0.2:
                one['require_dbt_version'] = [rng.choice(['>=1.0.0', '<1.0.0', '>=1.3.0,<3.0.0', '>=99.0.0'])]
            versions[made_up_version(rng)] = one
        packages[name] = {'versions': versions}
    wanted = [{'package': name, 'version': made_up_bounds(rng), **({'install_prerelease': True} if rng.random() < 0.2 else {})}
              for name in rng.sample(names, rng.randrange(1, 3))]
    return {'packages': packages}, {'packages': wanted}


def compare_random(count, seed, program, oracle):
    differ, locked = 0, 0
    for number in range(count):
        rng = random.Random(f'{seed}/{number}')
        hub, wanted = made_up_hub(rng)
        server, url = serve(hub)
        world = tempfile.mkdtemp(prefix='weir-deps-')
        answers = []
        for which, is_oracle in ((program, False), (oracle, True)):
            project = os.path.join(world, 'oracle' if is_oracle else 'weir')
            os.makedirs(project)
            with open(os.path.join(project, 'dbt_project.yml'), 'w') as file:
                file.write('name: shop\nversion: "1.0"\nprofile: shop\n')
            with open(os.path.join(project, 'packages.yml'), 'w') as file:
                json.dump(wanted, file)
            answers.append(answer(which, is_oracle, project, url, world, ['--lock']))
        server.shutdown()
        shutil.rmtree(world, ignore_errors=True)
        (ours, our_output), (theirs, their_output) = answers
        locked += theirs['lock'] is not None
        if (ours['exit'] == 0, ours['lock']) != (theirs['exit'] == 0, theirs['lock']):
            differ += 1
            print(f'case {number}: {json.dumps(wanted)}\n--- weir {ours}\n{our_output}\n--- dbt {theirs}\n{their_output[-800:]}')
    print(f'{count - differ} of {count} equal, {locked} of them with a lock file (seed {seed})')
    return 1 if differ else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program')
    parser.add_argument('--oracle')
    parser.add_argument('--accept', action='store_true')
    parser.add_argument('--random', type=int)
    parser.add_argument('--seed', default='1')
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    program = os.path.abspath(args.program) if args.program else None
    oracle = os.path.abspath(args.oracle) if args.oracle else None
    if args.random:
        return compare_random(args.random, args.seed, program, oracle)
    if args.accept and not oracle:
        sys.exit('only the oracle\'s answers are accepted: --oracle VENV/bin/dbt')
    return compare(args.names or sorted(os.listdir(PROJECTS)), program, oracle, args.accept)


if __name__ == '__main__':
    sys.exit(main())
