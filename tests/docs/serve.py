"""Starts `COMMAND...`, a server that says its address on its first line, asks it for what the arguments before `--` name, prints the answers,
and ends it with Ctrl-C.

An argument is METHOD PATH [Host header]. Prints: method, path, status, content type, and how long the body is: none or some."""
import http.client
import signal
import subprocess
import sys
import urllib.parse


def ask(address, method, path, host):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader('Host', host or address.netloc)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return f"{answer.status} {answer.getheader('Content-Type') or '-'} {'some' if body else 'none'}"


def main():
    split = sys.argv.index('--')
    questions, command = sys.argv[1:split], sys.argv[split + 1:]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        first = server.stdout.readline()
        address = urllib.parse.urlsplit(first.split()[-1])
        for question in questions:
            method, path, *host = question.split()
            print(question, '->', ask(address, method, path, host[0] if host else None))
        second = subprocess.run([*command[:-1], str(address.port)], capture_output=True, text=True, timeout=60)
        print('a second one on its port -> exit', second.returncode)
        print(second.stderr.replace(str(address.port), '<port>'), end='')
    finally:
        server.send_signal(signal.SIGINT)
        print('Ctrl-C -> exit', server.wait(timeout=60))


main()
