"""What a channel shows: takes Alertmanager's messages in the form that Slack does, prints each as a person reads it, and keeps it. receiver.py PORT FILE"""
import http.server
import json
import sys

PORT, FILE = int(sys.argv[1]), sys.argv[2]


class Channel(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(FILE, "a", encoding="utf-8") as file:
            for one in sent["attachments"]:
                print(one["title"], *filter(None, one["text"].split("\n")), sep="\n    ", end="\n\n", file=file)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Channel).serve_forever()
