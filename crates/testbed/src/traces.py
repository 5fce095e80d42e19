# A receiver of traces over OTLP/HTTP, which stands in for a collector: it decodes what it gets with OpenTelemetry's own Python package of
# the protocol, writes down what it saw, one JSON object a line, and answers what the file `answer` says: a status, and perhaps how many
# seconds to wait.
import http.server, json, os, ssl, sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, *wait = open("answer").read().split()
        seen = {"status": int(status), "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        # What cannot be decoded is written down as it is, so that a test sees it.
        try:
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            seen["request"] = MessageToDict(request)
        except Exception as error:
            seen["fault"] = repr(error)
        with open("received", "a") as received:
            received.write(json.dumps(seen) + "\n")
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(int(status))
        for seconds in wait:
            self.send_header("retry-after", seconds)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
if os.path.exists("server.key"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.crt", "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
