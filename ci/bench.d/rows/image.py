"""What a node has to unpack."""
from figure import Figure, Row


class Image(Row):
    name = "image"
    title = "the binary, which is all that our image holds"
    figures = (Figure("bytes", "bytes", "bytes", limit=8_000_000),)
    most_runs = 1
    short = False

    def run(self, exporter, context):
        return {"bytes": exporter.size()}
