"""Rude clients of a server: slow headers, slow bodies, many connections, half an upload, a body over the limit, broken HTTP.
connections.py TENON_URL CHECK
"""
import http.client, json, socket, sys, time, urllib.error, urllib.parse, urllib.request

url, what = sys.argv[1:3]
host, port = urllib.parse.urlparse(url).hostname, urllib.parse.urlparse(url).port


def dial():
    return socket.create_connection((host, port), timeout=20)


def healthy(limit=1.0):
    begin = time.time()
    with urllib.request.urlopen(url + "/health", timeout=10) as r:
        assert json.load(r)["status"] == "ok"
    assert time.time() - begin < limit, f"/health took {time.time() - begin:.2f} s"


def status_of(sent, body=b""):
    with dial() as s:
        s.sendall(sent + body)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    return int(got.split(b" ", 2)[1]) if got.startswith(b"HTTP/1.") else 0


def slow():
    rude = []
    for i in range(200):
        s = dial()
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Le" if i % 2 else b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{\"mo")
        rude.append(s)
    for _ in range(5):
        healthy()
        for s in rude[::20]:
            s.sendall(b"a")
    for s in rude:
        s.close()
    healthy()


def hangs_up():
    for _ in range(50):
        with dial() as s:
            s.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(20):
        with dial() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    healthy()


def broken():
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 1000, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                 b"POST /v1/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n", b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
                 b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"):
        status = status_of(sent)
        assert status in (0, 400, 405, 408, 413, 505), f"{status} to {sent[:40]!r}"
        healthy()
    assert status_of(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n") in (431, 0)
    assert status_of(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") in (400, 414, 431, 0)
    healthy()


def too_large(path, kind, length):
    """Announced and not announced, the body goes on until the server has had enough."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    for announced in (True, False):
        piece = b" " * 65536
        try:
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", kind)
            if announced: connection.putheader("Content-Length", str(length))
            else: connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            if kind.startswith("multipart"):
                head = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
                connection.send(head if announced else b"%x\r\n%s\r\n" % (len(head), head))
            for _ in range(length // len(piece)):
                connection.send(piece if announced else b"10000\r\n" + piece + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it answered and closed before we had sent it all
        try:
            response = connection.getresponse()
            body = response.read()
            assert response.status == 413, f"{response.status} {body[:200]}"
            assert json.loads(body)["error"]["message"]
        except ConnectionResetError:
            assert not announced, "reset instead of an answer"
        connection.close()
    healthy()


def half_upload():
    for _ in range(3):
        s = dial()
        s.sendall(b"POST /v1/knowledge_bases/half/documents HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000000\r\n\r\n"
                  b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n" + b"half of a file " * 50_000)
        time.sleep(0.1)
        s.close()
    time.sleep(0.3)
    healthy()
    bases = json.load(urllib.request.urlopen(url + "/v1/knowledge_bases", timeout=10))["data"]
    assert all(b["name"] != "half" for b in bases), bases


{"slow": slow, "hangs_up": hangs_up, "broken": broken, "half_upload": half_upload,
 "body": lambda: too_large("/v1/chat/completions", "application/json", 3 << 20),
 "upload": lambda: too_large("/v1/knowledge_bases/big/documents", "multipart/form-data; boundary=x", 6 << 20)}[what]()
