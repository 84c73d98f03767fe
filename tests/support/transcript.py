# SPDX-License-Identifier: Apache-2.0
# Turns what a client and the servers saw into lines of text that two programs can
# be compared by. What may differ (Date, Server, the wording of built-in error
# pages, timers in HAProxy's log) is taken out here and nowhere else.
import re
import zlib

import brotli

IGNORED = {"date", "server"}
BUILTIN_PAGE = re.compile(r"<h1>\s*(\d{3})\b")

LOG_SCRUBS = [(re.compile(pattern), text) for pattern, text in (
    (r"^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d (?:\S+ )?\S+\[\d+\]: ", r"\1 "),
    (r"127\.0\.0\.1:\d+ \[", "127.0.0.1:PORT ["),
    (r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+| [+-]\d{4})\]", "[DATE]"),
)]
TIMERS = re.compile(r" ((?:[+-]?\d+/){2,4}\+?\d+) (?=\d{3}|-1|\+?\d+ )")


def builtin_page(body):
    """The status a built-in error page names, or None for any other body."""
    text = body[:400].decode("latin-1").lower()
    if len(body) > 2000 or not text.lstrip().startswith(("<html", "<!doctype html")):
        return None
    found = BUILTIN_PAGE.search(text)
    return found.group(1) if found else None


def show_fields(fields, *, drop=()):
    kept = [(name.lower(), value) for name, value in fields
            if name.lower() not in IGNORED and name.lower() not in drop]
    kept.sort(key=lambda pair: pair[0])
    # The options of Connection are case-insensitive (RFC 9110 7.6.1).
    return [f"    {name}: {value.lower() if name == 'connection' else value}"
            for name, value in kept]


def decoded(message):
    """The body without its content coding, which programs are free to compress as they like."""
    coding = (message.get("content-encoding") or "").lower()
    try:
        if coding == "gzip":
            return gunzipped(message.body)
        if coding == "deflate":
            # "raw-deflate" of HAProxy comes under the same name.
            wrapped = message.body[:1] and (message.body[0] & 15) == 8
            return zlib.decompress(message.body, 15 if wrapped else -15)
        if coding == "br":
            return brotli.decompress(message.body)
    except (zlib.error, brotli.error):
        pass
    return message.body


def gunzipped(body):
    """All members of a gzip body; zlib.error when it is none or is cut short."""
    plain = b""
    while body:
        unpacker = zlib.decompressobj(31)
        plain += unpacker.decompress(body)
        if not unpacker.eof:
            raise zlib.error("cut short")
        body = unpacker.unused_data
    return plain


def show_body(body):
    text = body.decode("latin-1")
    if len(text) > 2000:
        import hashlib
        return [f"    body: {len(body)} bytes, sha1 {hashlib.sha1(body).hexdigest()}"]
    return [f"    body: {text!r}"] if text else []


def status_line(message):
    """The reason phrase counts only where it is a server's: the proxy's own is wording."""
    if message.get("x-server") is not None:
        return message.start
    return " ".join(message.start.split(" ", 2)[:2])


def show_response(message, method="GET"):
    body = decoded(message)
    page = builtin_page(body)
    drop = set()
    if page or (method == "HEAD" and message.status >= 300):
        drop.add("content-length")
    lines = [f"  response {status_line(message)}", *show_fields(message.fields, drop=drop)]
    lines += [f"    built-in page {page}"] if page else show_body(body)
    lines += [f"    trailer {line.strip()}" for line in show_fields(message.trailers)]
    if not message.whole:
        lines.append("    CUT SHORT")
    return lines


def show_arrival(arrival, with_connection):
    where = f"{arrival.server} (connection {arrival.connection})" if with_connection \
        else arrival.server
    if arrival.message is None:
        return [f"  {where} got bytes {arrival.payload.decode('latin-1')!r}"]
    message = arrival.message
    lines = [f"  {where} got {message.start}", *show_fields(message.fields)]
    lines += show_body(decoded(message))
    lines += [f"    trailer {line.strip()}" for line in show_fields(message.trailers)]
    if not message.whole:
        lines.append("    CUT SHORT")
    return lines


def scrub_log(line):
    for pattern, text in LOG_SCRUBS:
        line = pattern.sub(text, line)
    return TIMERS.sub(_hide_timers, line, count=1)


def _hide_timers(match):
    """Timers become N; -1 (the phase was never reached) and the sign stay."""
    parts = [part if part == "-1" else re.sub(r"\d+", "N", part)
             for part in match.group(1).split("/")]
    return f" {'/'.join(parts)} "
