"""Upstreams to be mirrored: packages that are random bytes, and true metadata about them; the same for the same seed."""

import gzip
import hashlib
import lzma
import os
import random
import subprocess
from xml.sax.saxutils import quoteattr

SEED = 20151122
# Packages as they are: most are small, few are large.
MEDIAN, SPREAD, LARGEST = 60_000, 1.5, 12_000_000
WORDS = "alpha bravo cargo delta ember frost grain harbor index joker kernel lemon metal north otter paper quartz river".split()


def sizes(count, total):
    """`count` sizes that add up to about `total`."""
    drawn = random.Random(SEED)
    raw = [min(drawn.lognormvariate(0, SPREAD) * MEDIAN, LARGEST) for _ in range(count)]
    scale = total / sum(raw)
    return [max(1000, int(size * scale)) for size in raw]


def files(folder, ending, count, total):
    """Writes the packages; yields name, path, size and sha256 of each."""
    noise = random.Random(SEED).randbytes(32 << 20)
    for number, size in enumerate(sizes(count, total)):
        name = f"{WORDS[number % len(WORDS)]}-{number:05}"
        path = f"Packages/{name[0]}/{name}{ending}"
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        start = (number * 7919) % (len(noise) - LARGEST)
        body = number.to_bytes(8, "big") + noise[start:start + size - 8]
        with open(target, "wb") as file:
            file.write(body)
        yield name, path, len(body), hashlib.sha256(body).hexdigest()


def primary(packages):
    """`primary.xml` as createrepo_c writes it, two kilobytes for each package."""
    packages = list(packages)
    yield ('<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
           f'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{len(packages)}">\n')
    drawn = random.Random(SEED)
    for name, path, size, digest in packages:
        needs = "".join(f'      <rpm:entry name="lib{word}.so.{drawn.randrange(9)}()(64bit)"/>\n' for word in drawn.sample(WORDS, 12))
        gives = "".join(f'      <rpm:entry name="{name}({word})" flags="EQ" epoch="0" ver="1.0" rel="1.el9"/>\n'
                        for word in drawn.sample(WORDS, 8))
        yield f"""<package type="rpm">
  <name>{name}</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="1.0" rel="1.el9"/>
  <checksum type="sha256" pkgid="YES">{digest}</checksum>
  <summary>The {name} of a site &amp; all that it takes</summary>
  <description>{' '.join(drawn.choices(WORDS, k=40))}</description>
  <packager>nobody</packager>
  <url>http://upstream.example/{name}</url>
  <time file="1700000000" build="1700000000"/>
  <size package="{size}" installed="{size * 3}" archive="{size * 3 + 200}"/>
  <location href={quoteattr(path)}/>
  <format>
    <rpm:license>Apache-2.0</rpm:license>
    <rpm:vendor>nobody</rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>build.upstream.example</rpm:buildhost>
    <rpm:sourcerpm>{name}.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="9000"/>
    <rpm:provides>
{gives}    </rpm:provides>
    <rpm:requires>
{needs}    </rpm:requires>
    <file>/usr/bin/{name}</file>
  </format>
</package>
"""
    yield "</metadata>\n"


def others(kind, packages):
    """`filelists.xml` or `other.xml`, with one entry for each package."""
    packages = list(packages)
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="http://linux.duke.edu/metadata/{kind}" packages="{len(packages)}">\n'
    for name, _, _, digest in packages:
        entry = f"<file>/usr/bin/{name}</file>" if kind == "filelists" else '<changelog author="nobody - 1.0-1" date="1700000000">- made</changelog>'
        yield (f'<package pkgid="{digest}" name="{name}" arch="x86_64">\n  <version epoch="0" ver="1.0" rel="1.el9"/>\n'
               f"  {entry}\n</package>\n")
    yield f"</{kind}>\n" if kind == "filelists" else "</otherdata>\n"


def repodata(folder, packages):
    """Writes `repodata/`, signed if the folder has a key; all for the given packages."""
    packages = list(packages)
    os.makedirs(os.path.join(folder, "repodata"), exist_ok=True)
    entries = ""
    for kind, text in (("primary", primary(packages)), ("filelists", others("filelists", packages)),
                       ("other", others("otherdata", packages))):
        plain = "".join(text).encode()
        packed = gzip.compress(plain, 6, mtime=0)
        digest = hashlib.sha256(packed).hexdigest()
        path = f"repodata/{digest}-{kind}.xml.gz"
        with open(os.path.join(folder, path), "wb") as file:
            file.write(packed)
        entries += f"""  <data type="{kind}">
    <checksum type="sha256">{digest}</checksum>
    <open-checksum type="sha256">{hashlib.sha256(plain).hexdigest()}</open-checksum>
    <location href="{path}"/>
    <timestamp>1700000000</timestamp>
    <size>{len(packed)}</size>
    <open-size>{len(plain)}</open-size>
  </data>
"""
    with open(os.path.join(folder, "repodata/repomd.xml"), "w") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">\n'
                   f"  <revision>1700000000</revision>\n{entries}</repomd>\n")


def yum(folder, count, total):
    """A YUM repository with its packages; returns the paths of all of them."""
    made = list(files(folder, "-1.0-1.el9.x86_64.rpm", count, total))
    repodata(folder, made)
    return [path for _, path, _, _ in made]


def change(folder, count):
    """Replaces `count` packages of a YUM repository by newer ones."""
    packages = []
    for root, _, names in os.walk(os.path.join(folder, "Packages")):
        packages += [os.path.join(root, name) for name in names]
    packages.sort()
    for path in packages[:: len(packages) // count][:count]:
        with open(path, "ab") as file:
            file.write(b"newer")
    listed = []
    for path in packages:
        with open(path, "rb") as file:
            body = file.read()
        name = os.path.basename(path).split("-1.0-1")[0]
        listed.append((name, os.path.relpath(path, folder), len(body), hashlib.sha256(body).hexdigest()))
    repodata(folder, listed)


def large_metadata(folder, count):
    """A YUM repository of `count` packages that is metadata alone."""
    drawn = random.Random(SEED)
    packages = [(f"{WORDS[number % len(WORDS)]}-{number:05}", f"Packages/{number:05}.rpm", 1000 + number,
                 f"{drawn.getrandbits(256):064x}") for number in range(count)]
    repodata(folder, packages)


def apt(folder, count, total, home):
    """An APT repository, signed by a key in the GnuPG folder `home`; returns the paths of all packages."""
    made = list(files(folder, "_1.0_amd64.deb", count, total))
    text = "".join(
        f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: nobody\nInstalled-Size: {size // 512}\n"
        f"Filename: {path}\nSize: {size}\nSHA256: {digest}\nSection: misc\nPriority: optional\n"
        f"Description: the {name} of a site\n\n" for name, path, size, digest in made).encode()
    index = os.path.join(folder, "dists/stable/main/binary-amd64")
    os.makedirs(index, exist_ok=True)
    lines = {"MD5Sum": "", "SHA256": ""}
    for ending, body in (("", text), (".gz", gzip.compress(text, 6, mtime=0)), (".xz", lzma.compress(text, preset=6))):
        with open(f"{index}/Packages{ending}", "wb") as file:
            file.write(body)
        for name, digest in (("MD5Sum", hashlib.md5(body)), ("SHA256", hashlib.sha256(body))):
            lines[name] += f" {digest.hexdigest()} {len(body)} main/binary-amd64/Packages{ending}\n"
    release = ("Origin: bench\nLabel: bench\nSuite: stable\nCodename: stable\nDate: Tue, 14 Nov 2023 22:13:20 UTC\n"
               "Architectures: amd64\nComponents: main\n" + "".join(f"{name}:\n{text}" for name, text in lines.items()))
    with open(f"{folder}/dists/stable/Release", "w") as file:
        file.write(release)
    sign = ["gpg", "--homedir", home, "--batch", "--yes", "-o"]
    subprocess.run([*sign, f"{folder}/dists/stable/InRelease", "--clearsign", f"{folder}/dists/stable/Release"], check=True)
    subprocess.run([*sign, f"{folder}/dists/stable/Release.gpg", "-ab", f"{folder}/dists/stable/Release"], check=True)
    return [path for _, path, _, _ in made]


def key(home):
    """Makes a key to sign with; returns the file of its public half."""
    os.makedirs(home, mode=0o700)
    gpg = ["gpg", "--homedir", home, "--batch"]
    subprocess.run([*gpg, "--passphrase", "", "--quick-gen-key", "bench <bench@upstream.example>", "rsa2048"],
                   check=True, stderr=subprocess.DEVNULL)
    for name, armour in (("bench.asc", ["--armor"]), ("bench.gpg", [])):
        with open(os.path.join(home, name), "wb") as file:
            subprocess.run([*gpg, *armour, "--export"], check=True, stdout=file)
    return os.path.join(home, "bench.asc")
