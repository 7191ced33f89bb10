"""A relay on loopback in front of the case's PostgreSQL, which a case closes, opens and blocks while programs use it.

  door = Relay()          a port (door.port) where connections are refused
  door.open()             they are taken, and passed on
  door.block()            nothing passes any more, in either direction, and nobody is told: a black hole. What is connected stays so
  door.unblock()          what was held up passes
  door.close()            whoever is connected is cut off, and connections are refused

Threads of this program carry it; it ends with it.
"""
import os
import socket
import threading


class Relay:
    def __init__(self):
        self.passes = threading.Event()
        self.passes.set()
        self.pairs = []
        self.listening = None
        self._bind(0)
        self.port = self.listening.getsockname()[1]

    def _bind(self, port):
        self.listening = socket.socket()
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listening.bind(("127.0.0.1", port))

    def open(self):
        self.listening.listen(128)
        threading.Thread(target=self._accept, args=(self.listening,), daemon=True).start()

    def block(self):
        self.passes.clear()

    def unblock(self):
        self.passes.set()

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for pair in self.pairs:
            for one in pair:
                self._end(one)
        self.pairs = []
        self.passes.set()
        self._bind(self.port)

    def _accept(self, listening):
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect("%s/.s.PGSQL.%s" % (os.environ["WAREHOUSE_HOST"], os.environ["WAREHOUSE_PORT"]))
            self.pairs.append((client, server))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one, other):
        try:
            while True:
                data = one.recv(65536)
                self.passes.wait()
                if not data:
                    break
                other.sendall(data)
        except OSError:
            pass
        self._end(one)
        self._end(other)

    @staticmethod
    def _end(one):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
