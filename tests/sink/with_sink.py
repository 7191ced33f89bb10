#!/usr/bin/python3
"""Takes what weir tells: a webhook's and a mail server on loopback while a command runs; then prints what arrived.

  with_sink.py [OPTION...] COMMAND...     exit status and output are the command's, and behind them what came in

  --answer WHAT       the next answer to a POST; the last one stays. A status (200, the default), 429:7 (with Retry-After),
                      302:URL, "silent" (none, until the other side goes), "gone" (the connection ends)
  --tls               both servers speak TLS from the first byte, with a certificate that only $SINK_CA trusts
  --starttls          the mail server offers STARTTLS
  --login USER:PASSWORD   it wants this login (PLAIN or LOGIN), and takes it over TLS alone
  --refuse WHAT:CODE  it answers CODE to MAIL, DATA, END (of the message) or to a receiver's address
  --only-count        says how much arrived, not what

For the command: SINK_URL (http://127.0.0.1:PORT/PATH, or https), SINK_MAIL_PORT, SINK_CA. With SINK_SECRET, signatures of webhooks are
checked. What the path and environment variables that begin with canary- hold is printed as <path> and <NAME>: else it would be a leak. SIGTERM and SIGINT are passed on to the command.
What differs from run to run is printed as <n> or <time>: numbers of tests, ids of messages, boundaries, times.
"""
import argparse
import base64
import email
import email.policy
import email.utils
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time

arrived = []
lock = threading.Lock()


def keep(text):
    with lock:
        arrived.append(text)


def steady(text):
    text = text.replace('canary-path', '<path>')
    for name, value in os.environ.items():
        if value.startswith('canary-'):
            text = text.replace(value, f'<{name}>')
    text = re.sub(r'(-test-)\d+', r'\1<n>', text)
    return re.sub(r'<!date\^\d+\^', '<!date^<time>^', text)


# --------------------------------------------------------------------------------------------------------------- webhook

def signature_of(headers, body):
    """What the headers of Standard Webhooks say about the body."""
    if 'webhook-id' not in headers:
        return None
    seconds = abs(time.time() - int(headers['webhook-timestamp']))
    said = f'id {steady(headers["webhook-id"])}, timestamp {"of now" if seconds < 3600 else "of another day"}'
    if 'webhook-signature' not in headers:
        return said + ', not signed'
    secret = os.environ.get('SINK_SECRET', '')
    key = base64.b64decode(secret[6:]) if secret.startswith('whsec_') else secret.encode()
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.'.encode() + body
    right = 'v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return said + (', signed' if hmac.compare_digest(right, headers['webhook-signature']) else ', SIGNED BY SOMEBODY ELSE')


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        lines = [f'POST {self.path} {self.headers["Content-Type"]}']
        if said := signature_of(self.headers, body):
            lines.append(said)
        if body:
            lines.append(json.dumps(json.loads(body), indent=1, ensure_ascii=False))
        keep(steady('\n'.join(lines)))
        with lock:
            answer = self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        status, _, more = answer.partition(':')
        if status == 'silent':
            self.rfile.read(1)
        if not status.isdigit():
            self.close_connection = True
            return
        self.send_response(int(status))
        if more:
            self.send_header('Retry-After' if status in ('429', '503') else 'Location', more)
        said = b'what a server says is not to be shown: canary-answer'
        self.send_header('Content-Length', str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


# ------------------------------------------------------------------------------------------------------------------ mail

def mail_text(sender, receivers, raw):
    """A message as a reader's program understands it."""
    lines = [f'mail from {sender} to {", ".join(receivers)}']
    if re.search(rb'(?<!\r)\n|\r(?!\n)', raw):
        lines.append('LINES DO NOT END WITH CRLF')
    if longest := [line for line in raw.split(b'\r\n') if len(line) > 78]:
        lines.append(f'{len(longest)} LINES ARE LONGER THAN 78')
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for name, value in message.items():
        if name == 'Date':
            seconds = abs(time.time() - email.utils.parsedate_to_datetime(value).timestamp())
            value = 'of now' if seconds < 3600 else 'of another day'
        value = re.sub(r'<[0-9a-f]{32}@', '<<n>@', re.sub(r'weir-[0-9a-f]{32}', 'weir-<n>', str(value)))
        lines.append(f'{name}: {value}')
    for part in message.walk():
        lines += [f'DEFECT {defect}' for defect in part.defects]
        if not part.is_multipart():
            lines += [f'-- {part.get_content_type()}', part.get_content().rstrip('\n')]
    return steady('\n'.join(lines))


class Mail(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b'\r\n')

    def refused(self, what):
        code = self.server.refused.get(what)
        if code:
            self.say(f'{code} canary-answer')
        return code is not None

    def handle(self):
        self.encrypted, self.logged_in = self.server.tls, self.server.login is None
        self.sender, self.receivers = '', []
        self.say('220 sink')
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(' ')
            if word.upper() == 'QUIT':
                return self.say('221 bye')
            getattr(self, 'on_' + word.lower(), self.on_other)(rest)

    def on_other(self, _):
        self.say('500 what')

    def on_ehlo(self, _):
        self.say('250-sink')
        if self.server.starttls and not self.encrypted:
            self.say('250-STARTTLS')
        if self.server.login and self.encrypted:
            self.say('250-AUTH PLAIN LOGIN')
        self.say('250 8BITMIME')

    def on_starttls(self, _):
        self.say('220 go on')
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile('rb'), self.connection.makefile('wb', 0)
        self.encrypted = True

    def on_auth(self, rest):
        how, _, said = rest.partition(' ')
        if how == 'PLAIN':
            if not said:
                self.say('334 ')
                said = self.rfile.readline().decode().strip()
            _, user, password = base64.b64decode(said).decode().split('\0')
        else:
            self.say('334 VXNlcm5hbWU6')
            user = base64.b64decode(self.rfile.readline()).decode()
            self.say('334 UGFzc3dvcmQ6')
            password = base64.b64decode(self.rfile.readline()).decode()
        self.logged_in = f'{user}:{password}' == self.server.login
        self.say('235 welcome' if self.logged_in else '535 canary-answer')

    def on_mail(self, rest):
        if not self.logged_in:
            return self.say('530 log in first')
        if not self.refused('MAIL'):
            self.sender, self.receivers = re.search('<(.*?)>', rest)[1], []
            self.say('250 ok')

    def on_rcpt(self, rest):
        receiver = re.search('<(.*?)>', rest)[1]
        if not self.refused(receiver):
            self.receivers.append(receiver)
            self.say('250 ok')

    def on_data(self, _):
        if self.refused('DATA'):
            return
        self.say('354 go on')
        raw = b''
        while (line := self.rfile.readline()) not in (b'.\r\n', b''):
            raw += line[1:] if line.startswith(b'.') else line
        if not self.refused('END'):
            keep(mail_text(self.sender, self.receivers, raw))
            self.say('250 kept')


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # whoever goes away in the middle: a test of that


# ------------------------------------------------------------------------------------------------------------------ both

def certificate(folder):
    """A context of a certificate for this machine that nobody has signed, and its file."""
    paths = [os.path.join(folder, name) for name in ('key.pem', 'certificate.pem')]
    subprocess.run(['/usr/bin/openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', paths[0], '-out', paths[1]],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths[1], paths[0])
    return context, paths[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--answer', action='append', default=[])
    parser.add_argument('--tls', action='store_true')
    parser.add_argument('--starttls', action='store_true')
    parser.add_argument('--login')
    parser.add_argument('--refuse', action='append', default=[])
    parser.add_argument('--only-count', action='store_true')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='weir-sink-') as folder:
        return serve(asked, folder)


def serve(asked, folder):
    webhook = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Webhook)
    webhook.handle_error = lambda *_: None
    webhook.answers = asked.answer or ['200']
    mail = Server(('127.0.0.1', 0), Mail)
    mail.tls, mail.starttls, mail.login = asked.tls, asked.starttls, asked.login
    mail.refused = dict(one.rsplit(':', 1) for one in asked.refuse)
    environment = dict(os.environ, SINK_MAIL_PORT=str(mail.server_address[1]))
    if asked.tls or asked.starttls:
        mail.context, environment['SINK_CA'] = certificate(folder)
    if asked.tls:
        for server in (webhook, mail):
            server.socket = mail.context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    environment['SINK_URL'] = f'{"https" if asked.tls else "http"}://127.0.0.1:{webhook.server_port}/canary-path'
    for server in (webhook, mail):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    command = subprocess.Popen(asked.command, env=environment)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: command.send_signal(number))
    status = command.wait()
    for server in (webhook, mail):
        server.shutdown()
    with lock:
        print(f'-- {len(arrived)} arrived')
        if not asked.only_count:
            print(''.join(text + '\n' for text in arrived), end='')
    return status


if __name__ == '__main__':
    sys.exit(main())
