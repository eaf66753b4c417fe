#!/usr/bin/env python3
"""How fast documents are validated, beside xmllint (libxml2) and Python's lxml, in one run.

    benches/peers.py [--corpus DIR] [--binary FILE] [--rounds N]

Commands are run in turn and the least time of each counts, so that what disturbs the machine disturbs
all. Times in process are criterion's where `cargo bench --bench validate` has been run before.
What is not installed is skipped, with the reason.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Megabytes above which libxml2 takes a quarter of an hour and more to validate.
SQUARE = 10
GRAMMAR = os.path.join(ROOT, "xml/domain.rng")


def skip(what, why):
    print(f"skipped: {what}: {why}")


def documents(corpus):
    """Paths of documents, those of a corpus where there is one."""
    for directory in (corpus, os.path.join(ROOT, "../shared/corpus")):
        if directory and os.path.isdir(directory):
            found = sorted(glob.glob(os.path.join(directory, "accept", "*.xml")))
            found += sorted(glob.glob(os.path.join(directory, "refuse", "*.xml")))
            if found:
                return directory, found
    skip("corpus", "there is none (--corpus names one): the repository's own documents instead")
    tests = os.path.join(ROOT, "xml/tests")
    return tests, sorted(glob.glob(tests + "/accept/*.xml") + glob.glob(tests + "/reject/*.xml"))


def thousand(paths, directory):
    """A thousand files, each document as often as it takes."""
    made = []
    for number in range(1000):
        path = os.path.join(directory, f"{number:04}.xml")
        with open(paths[number % len(paths)], "rb") as source, open(path, "wb") as copy:
            copy.write(source.read())
        made.append(path)
    return made


def run(command):
    """Seconds, CPU seconds and largest memory of a command."""
    null = open(os.devnull, "wb")
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=null, stderr=null, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def commands(named, rounds):
    """The least of each figure over interleaved rounds."""
    best = {}
    for _ in range(rounds):
        for name, command in named.items():
            figures = run(command)
            best[name] = tuple(map(min, zip(best.get(name, figures), figures)))
    return best


def large(directory, size):
    """A container with ever more file systems, as in benches/validate.rs."""
    path = os.path.join(directory, f"{size}.xml")
    with open(path, "w", encoding="utf-8") as out:
        out.write("<domain type='lxc'>\n  <name>many</name>\n  <memory unit='MiB'>512</memory>\n  <os>\n"
                  "    <type>exe</type>\n    <init>/sbin/init</init>\n  </os>\n  <devices>\n")
        number = 0
        while out.tell() < size:
            out.write(f"    <filesystem type='mount'>\n      <source dir='/srv/shared/{number}'/>\n"
                      f"      <target dir='/mnt/{number}'/>\n      <readonly/>\n    </filesystem>\n")
            number += 1
        out.write("  </devices>\n</domain>\n")
    return path


def has(command):
    try:
        subprocess.run([command, "--version"], capture_output=True, check=False)
        return True
    except OSError:
        return False


def as_commands(binary, paths, directory, rounds):
    files = thousand(paths, directory)
    size = sum(os.path.getsize(path) for path in files)
    named = {"browndog, one thread": [binary, "validate", "--jobs", "1", *files],
             "browndog": [binary, "validate", *files], "cat": ["cat", *files]}
    if has("xmllint"):
        named["xmllint --relaxng"] = ["xmllint", "--noout", "--relaxng", GRAMMAR, *files]
        named["xmllint, parse only"] = ["xmllint", "--noout", *files]
    else:
        skip("xmllint", "it is not installed (libxml2-utils)")
    best = commands(named, rounds)
    print(f"\n1000 files, {size} bytes, least of {rounds} rounds")
    for name, (wall, cpu, memory) in best.items():
        ratio = best["xmllint --relaxng"][0] / wall if "xmllint --relaxng" in best else 0
        print(f"  {name:24} {wall * 1e3:8.1f} ms {cpu * 1e3:8.1f} ms CPU {memory >> 20:5} MB"
              f"   xmllint takes {ratio:5.1f} times as long")
    print(f"\none document of many file systems, least of {max(1, rounds // 2)} rounds")
    for megabytes in (1, 10, 100):
        path = large(directory, megabytes << 20)
        named = {"browndog": [binary, "validate", path]}
        if has("xmllint"):
            named["xmllint, parse only"] = ["xmllint", "--noout", "--huge", path]
        if has("xmllint") and megabytes <= SQUARE:
            named["xmllint --relaxng"] = ["xmllint", "--noout", "--relaxng", GRAMMAR, path]
        elif has("xmllint"):
            print(f"  {megabytes:3} MB xmllint --relaxng    not run: its time grows with the square of the number of elements")
        size = os.path.getsize(path)
        for name, (wall, _, memory) in commands(named, max(1, rounds // 2)).items():
            print(f"  {megabytes:3} MB {name:20} {wall * 1e3:9.1f} ms {size / wall / 1e6:7.1f} MB/s,"
                  f" at most {memory / size:5.1f} times its size in memory")
        os.unlink(path)


def in_process():
    print("\nin process, per document of 878 bytes (the corpus's mean)")
    estimates = {}
    for path in glob.glob(os.path.join(ROOT, "target/**/criterion/**/new/estimates.json"), recursive=True) + \
            glob.glob(os.path.join(ROOT, "target/criterion/**/new/estimates.json"), recursive=True):
        name = "/".join(path.split("criterion/")[-1].split("/")[:-2])
        with open(path, encoding="utf-8") as file:
            estimates[name] = json.load(file)["median"]["point_estimate"]
    mean = estimates.get("mean/document")
    if mean is None:
        skip("browndog in process", "no figures of criterion: cargo bench --bench validate")
    else:
        print(f"  browndog read               {mean / 1e3:8.2f} us")
    for size in (1 << 20, 10 << 20, 100 << 20):
        if f"size/{size}" in estimates:
            print(f"  browndog {size >> 20:3} MB            {size / estimates[f'size/{size}'] * 1e3:8.1f} MB/s")
    try:
        from lxml import etree
    except ImportError:
        return skip("lxml", "it is not installed (pip install lxml)")
    document = mean_document()
    schema = etree.RelaxNG(etree.parse(GRAMMAR))
    tree = etree.fromstring(document)
    assert schema.validate(tree), schema.error_log

    def least(body):
        times = []
        for _ in range(9):
            start = time.perf_counter()
            for _ in range(500):
                body()
            times.append((time.perf_counter() - start) / 500)
        return min(times) * 1e6

    parse = least(lambda: etree.fromstring(document))
    both = least(lambda: schema.validate(etree.fromstring(document)))
    print(f"  lxml parse                  {parse:8.2f} us\n  lxml parse and validate     {both:8.2f} us")
    if mean is not None:
        print(f"  lxml takes {parse / mean * 1e3:.1f} times as long to parse, {both / mean * 1e3:.1f} times to validate")


def mean_document():
    """The document of benches/validate.rs."""
    with open(os.path.join(ROOT, "benches/mean.xml"), "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus")
    parser.add_argument("--binary")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    binary = options.binary
    if binary is None:
        built = glob.glob(os.path.join(ROOT, "target/*/release/browndog"))
        if not built:
            return sys.exit("no binary: cargo build --release, or --binary FILE")
        binary = built[0]
    name, paths = documents(options.corpus)
    print(f"documents of {os.path.basename(name)}: {len(paths)}")
    with tempfile.TemporaryDirectory() as directory:
        as_commands(binary, paths, directory, options.rounds)
    in_process()


if __name__ == "__main__":
    main()
