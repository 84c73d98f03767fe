# SPDX-License-Identifier: Apache-2.0
# What the tests over a table of messages share: one bench for each language, and shorthands of the texts.
import re


def benches_of(make):
    """A function from a language to its bench, which is made once and closed at the end."""
    made = {}

    def bench(language):
        if language not in made:
            made[language] = make(language)
        return made[language]

    yield bench
    for one in made.values():
        one.close()


def expand(text):
    """@a9@: so many bytes. @fields9@: so many fields."""
    text = re.sub(r"@a(\d+)@", lambda m: "a" * int(m.group(1)), text)
    return re.sub(r"@fields(\d+)@", lambda m: "".join(
        f"X-{i}: {i}\r\n" for i in range(int(m.group(1)))), text).encode("latin-1")
