#!/usr/bin/python3
"""Serves a hub of dbt packages on loopback while a command runs.

  with_hub.py hub.json COMMAND...     exit status and output are the command's; DBT_PACKAGE_HUB_URL leads to the hub

hub.json describes it:
  {"packages": {"acme/tools": {"redirectname": "kit",
                               "versions": {"1.0.0": {"files": {"dbt_project.yml": "name: tools"},
                                                      "packages": [...], "require_dbt_version": [...],
                                                      "sha1": "said by the hub, wrong", "gone": true}}}},
   "archives": {"evil.tar.gz": [{"name": "x/a", "text": "..."}, {"name": "x/b", "link": "/etc/passwd"}]},
   "broken": {"acme/odd": "the answer's text"}}
Archives lie at $DBT_PACKAGE_HUB_URL/archives/NAME. With HUB_LOG in the environment, each path that was asked for is a line of that file.
"""
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading


def archive(members):
    """The bytes of a tar.gz, the same each time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w:gz', format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            info = tarfile.TarInfo(member['name'])
            if 'link' in member:
                info.type, info.linkname = tarfile.SYMTYPE, member['link']
                tar.addfile(info)
            elif 'hard' in member:
                info.type, info.linkname = tarfile.LNKTYPE, member['hard']
                tar.addfile(info)
            elif 'folder' in member:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            elif 'fifo' in member:
                info.type = tarfile.FIFOTYPE
                tar.addfile(info)
            else:
                text = (member['text'] * member.get('times', 1)).encode()
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text))
    data = out.getvalue()
    return data[:4] + b'\0\0\0\0' + data[8:]  # gzip's own time


def pages(hub, base):
    """Path to bytes, or to None for what is not there."""
    found = {}
    for name, members in hub.get('archives', {}).items():
        found[f'/archives/{name}'] = archive(members) if isinstance(members, list) else members.encode()
    for package, said in hub.get('packages', {}).items():
        namespace, name = package.split('/')
        versions = {}
        for version, one in said['versions'].items():
            data = archive([{'name': f'{name}-{version}', 'folder': True},
                            *({'name': f'{name}-{version}/{path}', 'text': text} for path, text in one.get('files', {}).items())])
            path = f'/codeload/{package}/{version}.tar.gz'
            found[path] = None if one.get('gone') else data
            versions[version] = {'id': f'{package}/{version}', 'name': one.get('name', name), 'version': version,
                                 'packages': one.get('packages', []), 'require_dbt_version': one.get('require_dbt_version', []),
                                 'description': 'quoted \\"text\\" and a smile \U0001F600',
                                 'downloads': {'tarball': base + path, 'format': 'tgz',
                                               'sha1': one.get('sha1', hashlib.sha1(data).hexdigest())}}
        page = {'name': name, 'namespace': namespace, 'versions': versions}
        page.update({key: said[key] for key in ('redirectname', 'redirectnamespace') if key in said})
        found[f'/api/v1/{package}.json'] = json.dumps(page).encode()
    for package, text in hub.get('broken', {}).items():
        found[f'/api/v1/{package}.json'] = text.encode()
    found['/api/v1/index.json'] = json.dumps(sorted(hub.get('packages', {}))).encode()
    return found


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.environ.get('HUB_LOG'):
            with open(os.environ['HUB_LOG'], 'a') as log:
                log.write(self.path + '\n')
        body = self.server.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header('Content-Length', str(len(body or b'')))
        self.end_headers()
        self.wfile.write(body or b'')

    def log_message(self, *_):
        pass


def main():
    with open(sys.argv[1]) as file:
        hub = json.load(file)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    base = f'http://127.0.0.1:{server.server_port}'
    server.pages = pages(hub, base)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = subprocess.run(sys.argv[2:], env=dict(os.environ, DBT_PACKAGE_HUB_URL=base + '/', no_proxy='127.0.0.1'))
    server.shutdown()
    return done.returncode


if __name__ == '__main__':
    sys.exit(main())
