#!/usr/bin/env python3
"""A second replay of a log, written from the rules and not from the first one.

Reads one log per line on stdin, a JSON array of entries in base64, and writes one line per log:
what the log says, in the form of `bulla_trust::testing::describe`, or `{"halted": ENTRY}`.

Needs python3 and its `cryptography` package, for Ed25519 alone. It knows no snapshots, no tiles
and no checkpoints: only which entries take effect and what they lead to.
"""

import base64
import functools
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

STATEMENT = "https://in-toto.io/Statement/v1"
RELEASE = "https://slsa.dev/provenance/v1"
PROMOTION = "urn:bulla:promotion:v1"
REVOCATION = "urn:bulla:revocation:v1"
IN_TOTO = "application/vnd.in-toto+json"
POLICY = "application/vnd.bulla.policy.v1+json"
ZEROS = "0" * 64


class Inert(Exception):
    """The entry breaks a rule."""


class Halt(Exception):
    """Nothing after this entry can be judged."""


def require(condition, why):
    if not condition:
        raise Inert(why)


def sha256(data):
    return hashlib.sha256(data).digest()


# --- strict JSON -------------------------------------------------------------------------------


def strict_json(data):
    def pairs(items):
        keys = [key for key, _ in items]
        require(len(keys) == len(set(keys)), "a key stands twice")
        return dict(items)

    def integer(text):
        require(text.isdigit() and len(text) <= 16 and int(text) < 2**53, "number")
        return int(text)

    def no(_):
        raise Inert("not an integer")

    def walk(value, depth):
        require(value is not None, "null")
        if isinstance(value, str):
            require(not any(0xD800 <= ord(c) <= 0xDFFF for c in value), "surrogate")
        if isinstance(value, (dict, list)):
            require(depth < 8, "too deep")
            if isinstance(value, dict):
                for key in value:
                    walk(key, depth + 1)
                value = value.values()
            for item in value:
                walk(item, depth + 1)

    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=integer, parse_float=no, parse_constant=no
        )
    except (ValueError, RecursionError) as error:
        raise Inert(f"not JSON: {error}")
    walk(value, 0)
    return value


# --- shapes: every field is there, none more, each of its form ----------------------------------


def text(value):
    require(isinstance(value, str), "not a text")


def boolean(value):
    require(isinstance(value, bool), "not a boolean")


def number(bits):
    def check(value):
        require(type(value) is int and value < 2**bits, "not a number")

    return check


def pattern(expression, refuse=lambda _: False):
    compiled = re.compile(expression)

    def check(value):
        text(value)
        require(compiled.fullmatch(value) and not refuse(value), f"{value!r} is not {expression}")

    return check


def constant(*values):
    def check(value):
        require(value in values and isinstance(value, str), f"{value!r} is not one of {values}")

    return check


def record(optional=None, **fields):
    optional = optional or {}

    def check(value):
        require(isinstance(value, dict), "not an object")
        for name, inner in fields.items():
            require(name in value, f"no {name}")
            inner(value[name])
        for name in value:
            require(name in fields or name in optional, f"unknown {name}")
            if name in optional:
                optional[name](value[name])

    return check


def array(inner, least=0, most=10**9):
    def check(value):
        require(isinstance(value, list) and least <= len(value) <= most, "not such an array")
        for item in value:
            inner(item)

    return check


def one_of(**variants):
    def check(value):
        require(isinstance(value, dict) and len(value) == 1, "not one variant")
        ((name, inner),) = value.items()
        require(name in variants, f"unknown {name}")
        variants[name](inner)

    return check


def days(year, month):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def timestamp(value):
    text(value)
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", value)
    require(match, "not a time")
    year, month, day, hour, minute, second = map(int, match.groups())
    require(1 <= month <= 12 and 1 <= day <= days(year, month), "no such day")
    require(hour < 24 and minute < 60 and second < 60, "no such second")
    require(value <= "9999-12-30T22:00:00Z", "too late")


NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
name = pattern(NAME)
hexes = pattern(r"[0-9a-f]{64}")
channel_name = pattern(NAME, lambda value: re.fullmatch(r"[0-9a-f]{8,64}", value))
project_name = pattern(
    rf"{PART}(?:/{PART})*",
    lambda value: len(value) > 128
    or any(part in ("current", "releases", "persist") for part in value.split("/")),
)
position = record(size=number(64), root=hexes)
digest_set = record(sha256=hexes)

release_shape = record(
    _type=constant(STATEMENT),
    subject=array(
        record(name=project_name, digest=digest_set, annotations=record(size=number(64))), 1, 1
    ),
    predicateType=constant(RELEASE),
    predicate=record(
        buildDefinition=record(
            buildType=constant("urn:bulla:build:v1"),
            externalParameters=record(
                project=project_name,
                source=text,
                ref=text,
                recipe=text,
                label=text,
                dirty=boolean,
                optional={"build": constant("sandbox", "no-sandbox")},
            ),
            internalParameters=record(tool=text),
            resolvedDependencies=array(
                record(
                    uri=text,
                    digest=one_of(gitCommit=text, sha256=text),
                    optional={
                        "annotations": record(
                            svnRevision=text,
                            optional={
                                "svnKeywords": constant("unexpanded"),
                                "svnEolStyle": constant("LF"),
                            },
                        )
                    },
                ),
                1,
                1,
            ),
        ),
        runDetails=record(
            builder=record(id=text),
            metadata=record(invocationId=text, startedOn=timestamp, finishedOn=timestamp),
        ),
    ),
)

def interval(value):
    """From a second to a day, in the largest unit that holds it exactly."""
    text(value)
    match = re.fullmatch(r"([1-9][0-9]{0,9})([smh])", value)
    require(match, "not a time between waves")
    count, unit = int(match[1]), match[2]
    require(unit == "h" or count % 60, "another unit holds it")
    require(count * {"s": 1, "m": 60, "h": 3600}[unit] <= 86400, "more than a day")


def waves(value):
    if isinstance(value, dict):
        record(every=interval)(value)
    else:
        constant("manual")(value)


def wave(value):
    require(type(value) is int and 1 <= value <= 99, "not a wave")


promotion_shape = record(
    _type=constant(STATEMENT),
    subject=array(record(name=project_name, digest=digest_set), 1, 1),
    predicateType=constant(PROMOTION),
    predicate=record(
        project=project_name,
        channel=channel_name,
        seq=number(64),
        prev=hexes,
        action=constant("promote", "rollback", "pause", "widen"),
        log=position,
        reason=text,
        issuedAt=timestamp,
        optional={"waves": waves, "urgent": boolean, "upTo": wave},
    ),
)

revocation_shape = record(
    _type=constant(STATEMENT),
    subject=array(record(name=project_name, digest=digest_set), 1, 64),
    predicateType=constant(REVOCATION),
    predicate=record(
        severity=constant("block", "warn"), reason=text, log=position, issuedAt=timestamp
    ),
)

policy_shape = record(
    version=number(64),
    prev=hexes,
    origin=text,
    log=position,
    people=array(record(name=name, keys=array(text))),
    root=record(people=array(name), threshold=number(32)),
    builders=array(
        record(
            name=name,
            key=text,
            builderId=text,
            projects=array(text),
            sources=array(text),
            refs=array(text),
        )
    ),
    channels=array(
        record(
            project=text,
            channel=text,
            people=array(text),
            builders=array(name),
            threshold=number(32),
            optional={"via": channel_name, "maxAge": number(64)},
        )
    ),
    logKeys=array(text),
    witnesses=record(keys=array(text), quorum=number(32)),
)


# --- keys and signatures -----------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x, y


def encode(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def small_order_points():
    """The eight points whose order divides eight: L times any point is one of them."""
    points, y = set(), 2
    while len(points) < 8:
        y += 1
        x = recover_x(y, 0)
        if x is None:
            continue
        torsion, double, scalar = (0, 1), (x, y), L
        while scalar:
            if scalar & 1:
                torsion = add(torsion, double)
            double, scalar = add(double, double), scalar >> 1
        point = torsion
        for _ in range(8):
            points.add(encode(point))
            point = add(point, torsion)
    return points


@functools.cache
def is_strong(encoded):
    """Whether 32 bytes are the one encoding of a point that is not of small order."""
    bits = int.from_bytes(encoded, "little")
    y, sign = bits & (2**255 - 1), bits >> 255
    x = recover_x(y, sign)
    if x is None:
        return False
    return encoded not in SMALL_ORDER


SMALL_ORDER = small_order_points()


def verify_ed25519(key, message, signature):
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    # OpenSSL compares R with the one encoding of what it computes, so only its order is left.
    if signature[:32] in SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


class Wire:
    """SSH's binary encoding."""

    def __init__(self, data):
        self.data = data

    def take(self, length):
        require(length <= len(self.data), "too short")
        head, self.data = self.data[:length], self.data[length:]
        return head

    def number(self):
        return int.from_bytes(self.take(4), "big")

    def string(self):
        return self.take(self.number())

    def end(self):
        require(not self.data, "bytes left over")


def ssh_string(data):
    return len(data).to_bytes(4, "big") + data


class Key:
    def __init__(self, blob):
        wire = Wire(blob)
        self.blob = blob
        self.kind = wire.string()
        require(self.kind in (b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"), "key type")
        self.point = wire.string()
        self.application = wire.string() if self.kind.startswith(b"sk-") else None
        wire.end()
        require(len(self.point) == 32 and is_strong(self.point), "weak key")
        if self.application is not None:
            try:
                self.application.decode("utf-8")
            except UnicodeDecodeError:
                raise Inert("application")
        self.fingerprint = "SHA256:" + base64.b64encode(sha256(blob)).decode().rstrip("=")

    @staticmethod
    def from_policy(line):
        words = line.split(" ")
        require(len(words) == 2, "not type and base64")
        try:
            blob = base64.b64decode(words[1].encode("ascii"), validate=True)
        except ValueError:
            raise Inert("base64")
        require(base64.b64encode(blob).decode() == words[1], "base64")
        key = Key(blob)
        require(key.kind.decode() == words[0], "another type inside")
        return key

    def verify_sshsig(self, message, blob):
        try:
            return self.check_sshsig(message, blob)
        except Inert:
            return False

    def check_sshsig(self, message, blob):
        wire = Wire(blob)
        require(wire.take(6) == b"SSHSIG" and wire.number() == 1, "magic")
        require(wire.string() == self.blob, "another key")
        namespace, reserved, algorithm = wire.string(), wire.string(), wire.string()
        require(namespace == b"bulla" and reserved == b"", "namespace")
        require(algorithm in (b"sha256", b"sha512"), "hash")
        inner = Wire(wire.string())
        wire.end()
        require(inner.string() == self.kind, "signature type")
        signature = inner.string()
        digest = hashlib.new(algorithm.decode(), message).digest()
        fields = (namespace, reserved, algorithm, digest)
        signed = b"SSHSIG" + b"".join(map(ssh_string, fields))
        if self.application is not None:
            flags, counter = inner.take(1), inner.take(4)
            require(flags[0] & 1, "nobody touched it")
            signed = sha256(self.application) + flags + counter + sha256(signed)
        inner.end()
        return verify_ed25519(self.point, signed, signature)


def verifier_key(line, kind, origin=None):
    """A C2SP verifier key, `name+hash+base64`."""
    parts = line.split("+", 2)
    require(len(parts) == 3 and is_origin(parts[0]), "verifier key")
    try:
        raw = base64.b64decode(parts[2].encode("ascii"), validate=True)
    except ValueError:
        raise Inert("base64")
    require(base64.b64encode(raw).decode() == parts[2], "base64")
    require(len(raw) == 33 and raw[0] == kind and is_strong(raw[1:]), "verifier key")
    require(sha256(parts[0].encode() + b"\n" + raw)[:4].hex() == parts[1], "key id")
    require(origin is None or parts[0] == origin, "log key of another name")
    return parts[0], raw[1:]


def is_origin(text):
    spaces = "\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
    return 1 <= len(text.encode()) <= 255 and not any(
        c in spaces or c == "+" or ord(c) <= 0x20 or 0x7F <= ord(c) <= 0x9F for c in text
    )


# --- envelopes ---------------------------------------------------------------------------------


class Envelope:
    def __init__(self, entry):
        require(len(entry) <= 32768, "too large")
        try:
            value = json.loads(entry.decode("utf-8"))
            self.payload_type = value["payloadType"]
            self.payload = base64.b64decode(value["payload"].encode("ascii"), validate=True)
            self.signatures = [
                (item["keyid"], base64.b64decode(item["sig"].encode("ascii"), validate=True))
                for item in value["signatures"]
            ]
            require(re.fullmatch(r"[A-Za-z0-9!#$&^_.+/-]{1,128}", self.payload_type), "type")
            for keyid, _ in self.signatures:
                require(re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", keyid), "keyid")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Inert(f"not an envelope: {error}")
        require(1 <= len(self.signatures) <= 16, "number of signatures")
        keyids = [keyid for keyid, _ in self.signatures]
        require(keyids == sorted(set(keyids)), "order of signatures")
        signatures = ",".join(
            '{"keyid":"%s","sig":"%s"}' % (keyid, base64.b64encode(sig).decode())
            for keyid, sig in self.signatures
        )
        canonical = '{"payload":"%s","payloadType":"%s","signatures":[%s]}' % (
            base64.b64encode(self.payload).decode(),
            self.payload_type,
            signatures,
        )
        require(canonical.encode() == entry, "not canonical")

    def signed_bytes(self):
        kind = self.payload_type.encode()
        head = b"DSSEv1 %d %s %d " % (len(kind), kind, len(self.payload))
        return head + self.payload


# --- the policy --------------------------------------------------------------------------------


def matches(pattern, value):
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def is_pattern(value):
    return "*" not in value[:-1]


def unique(items):
    return len(items) == len(set(items))


class Policy:
    def __init__(self, document):
        self.document = document
        require(document["version"] >= 1, "version")
        require(is_origin(document["origin"]), "origin")
        self.people = [person["name"] for person in document["people"]]
        builders = [builder["name"] for builder in document["builders"]]
        require(unique(self.people + builders), "a name stands twice")
        self.owners = {}
        points = []

        def own(kind, owner, line):
            key = Key.from_policy(line)
            points.append(key.point)
            self.owners[key.fingerprint] = (kind, owner, key)
            return key

        for person in document["people"]:
            require(person["keys"], "no key")
            for line in person["keys"]:
                own("person", person["name"], line)
        for builder in document["builders"]:
            key = own("builder", builder["name"], builder["key"])
            require(key.application is None, "a builder's security key")
            require(builder["builderId"], "builder id")
            for value in builder["projects"] + builder["sources"] + builder["refs"]:
                require(is_pattern(value), "pattern")
        root = document["root"]
        require(unique(root["people"]) and set(root["people"]) <= set(self.people), "root")
        require(1 <= root["threshold"] <= len(root["people"]), "root threshold")
        for rule in document["channels"]:
            require(is_pattern(rule["project"]) and is_pattern(rule["channel"]), "pattern")
            require(unique(rule["people"]) and unique(rule["builders"]), "twice in a rule")
            require(set(rule["people"]) <= set(self.people) | {"*"}, "unknown person")
            require(set(rule["builders"]) <= set(builders), "unknown builder")
            everybody = self.people if "*" in rule["people"] else rule["people"]
            possible = len(everybody) + len(rule["builders"])
            require(1 <= rule["threshold"] <= possible, "channel threshold")
        require(document["logKeys"], "no log key")
        for line in document["logKeys"]:
            points.append(verifier_key(line, 1, document["origin"])[1])
        witnesses = [verifier_key(line, 4) for line in document["witnesses"]["keys"]]
        require(unique([witness for witness, _ in witnesses]), "a witness stands twice")
        points.extend(point for _, point in witnesses)
        require(document["witnesses"]["quorum"] <= len(witnesses), "quorum")
        require(unique(points), "a key has two purposes")

    def signers(self, envelope):
        signers = set()
        message = envelope.signed_bytes()
        for keyid, signature in envelope.signatures:
            if keyid not in self.owners:
                continue
            kind, owner, key = self.owners[keyid]
            if kind == "person":
                require(key.verify_sshsig(message, signature), f"signature of {owner}")
            else:
                require(verify_ed25519(key.point, message, signature), f"signature of {owner}")
            signers.add((kind, owner))
        return signers

    def is_listed(self, people, person):
        return "*" in people or person in people

    def roots(self, signers):
        return {n for kind, n in signers if kind == "person" and n in self.document["root"]["people"]}


# --- the log -----------------------------------------------------------------------------------


def tree_push(peaks, size, leaf):
    node = leaf
    while size & 1:
        node = sha256(b"\x01" + peaks.pop() + node)
        size >>= 1
    peaks.append(node)


def tree_root(peaks):
    if not peaks:
        return sha256(b"")
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = sha256(b"\x01" + peak + root)
    return root


class Log:
    def __init__(self):
        self.peaks, self.roots = [], [sha256(b"").hex()]
        self.policy, self.policy_payload = None, ZEROS
        self.projects = {}
        self.released = {}
        self.effective = ""

    @property
    def size(self):
        return len(self.roots) - 1

    def project(self, project):
        empty = {
            "channels": {},
            "releases": {},
            "promotions": [],
            "revoked": {},
            "past": {},
            "rollouts": set(),
        }
        return self.projects.get(project, empty)

    def change(self, project):
        return self.projects.setdefault(project, self.project(project))

    def append(self, entry):
        try:
            self.judge(entry)
            self.effective += "+"
        except Inert:
            self.effective += "-"
        tree_push(self.peaks, self.size, sha256(b"\x00" + entry))
        self.roots.append(tree_root(self.peaks).hex())

    def judge(self, entry):
        envelope = Envelope(entry)
        kind = envelope.payload_type
        if kind.startswith("application/vnd.bulla.policy.") and kind != POLICY:
            require(self.policy, "no policy")
            self.require_root(self.policy, envelope)
            raise Halt(self.size)
        if kind == POLICY:
            document = strict_json(envelope.payload)
            policy_shape(document)
            return self.judge_policy(envelope, document)
        require(kind == IN_TOTO, "unknown payload type")
        statement = strict_json(envelope.payload)
        require(isinstance(statement, dict), "not a statement")
        judges = {
            RELEASE: (release_shape, self.judge_release),
            PROMOTION: (promotion_shape, self.judge_promotion),
            REVOCATION: (revocation_shape, self.judge_revocation),
        }
        predicate = statement.get("predicateType")
        require(isinstance(predicate, str) and predicate in judges, "unknown predicate type")
        shape, judge = judges[predicate]
        shape(statement)
        require(self.policy, "no policy")
        return judge(envelope, statement, self.policy.signers(envelope))

    def check_position(self, log):
        require(log["size"] > 0 or self.size == 0, "signed for an empty log")
        require(log["size"] <= self.size, "signed for a longer log")
        require(self.roots[log["size"]] == log["root"], "signed for another history")

    def require_root(self, policy, envelope):
        roots = policy.roots(policy.signers(envelope))
        require(len(roots) >= policy.document["root"]["threshold"], "root threshold")

    def judge_policy(self, envelope, document):
        new = Policy(document)
        self.check_position(document["log"])
        current = self.policy.document if self.policy else {"version": 0}
        require(document["version"] == current["version"] + 1, "version")
        require(document["prev"] == self.policy_payload, "prev")
        require(self.policy or self.size == 0, "late genesis")
        for policy in filter(None, (self.policy, new)):
            require(policy.document["origin"] == document["origin"], "origin")
            self.require_root(policy, envelope)
        self.policy = new
        self.policy_payload = sha256(envelope.payload).hex()

    def judge_release(self, envelope, statement, signers):
        (subject,) = statement["subject"]
        definition = statement["predicate"]["buildDefinition"]
        parameters = definition["externalParameters"]
        details = statement["predicate"]["runDetails"]
        require(subject["name"] == parameters["project"], "subject")
        builders = sorted(owner for kind, owner in signers if kind == "builder")
        require(builders, "no builder")
        for rule in self.policy.document["builders"]:
            if rule["name"] not in builders:
                continue
            require(rule["builderId"] == details["builder"]["id"], "builder id")
            for patterns, value in (
                (rule["projects"], parameters["project"]),
                (rule["sources"], parameters["source"]),
                (rule["refs"], parameters["ref"]),
            ):
                require(any(matches(pattern, value) for pattern in patterns), f"scope {value}")
        released = self.released.setdefault(sha256(envelope.payload), set())
        require(not released.issuperset(builders), "a statement that was made before")
        released.update(builders)
        (dependency,) = definition["resolvedDependencies"]
        (revision,) = dependency["digest"].values()
        if "annotations" in dependency:
            revision = dependency["annotations"]["svnRevision"]
        releases = self.change(subject["name"])["releases"]
        build = parameters.get("build", "none")
        releases.setdefault(subject["digest"]["sha256"], []).append(
            {
                "entry": self.size,
                "builders": builders,
                "source": parameters["source"],
                "ref": parameters["ref"],
                "revision": revision,
                "label": parameters["label"],
                "dirty": parameters["dirty"],
                "size": subject["annotations"]["size"],
                "finishedOn": details["metadata"]["finishedOn"],
                **({} if build == "none" else {"build": build}),
            }
        )

    def judge_promotion(self, envelope, statement, signers):
        (subject,) = statement["subject"]
        predicate = statement["predicate"]
        project, channel = predicate["project"], predicate["channel"]
        bundle, action = subject["digest"]["sha256"], predicate["action"]
        require(subject["name"] == project, "subject")
        self.check_position(predicate["log"])
        rules = (
            rule
            for rule in self.policy.document["channels"]
            if matches(rule["project"], project) and matches(rule["channel"], channel)
        )
        rule = next(rules, None)
        require(rule, "nobody may")
        people = sorted(
            owner
            for kind, owner in signers
            if (kind == "person" and self.policy.is_listed(rule["people"], owner))
            or (kind == "builder" and owner in rule["builders"])
        )
        require(len(people) >= rule["threshold"], "threshold")
        known = self.project(project)
        head = known["channels"].get(channel)
        past = known["past"].get(channel, set())
        require(predicate["seq"] == (head["lastSeq"] if head else 0) + 1, "seq")
        require(predicate["prev"] == (head["payload"] if head else ZEROS), "prev")
        at_head = head is not None and head["hash"] == bundle
        paused = head is not None and head["action"] == "pause"
        for field, owner in (("waves", "promote"), ("upTo", "widen")):
            require(field not in predicate or action == owner, f"{field} of a {action}")
        urgent = action == "rollback"
        if "urgent" in predicate:
            require(action in ("promote", "rollback"), f"urgent of a {action}")
            require(predicate["urgent"] != urgent, "urgent at its default")
            urgent = predicate["urgent"]
        rollout = {"waves": predicate.get("waves"), "open": 1, "urgent": urgent}
        if action == "pause":
            require(at_head and not paused, "pause")
        elif action == "widen":
            require(at_head and not paused, "widen")
            require(head["rollout"]["waves"] is not None, "no waves")
            require(known["revoked"].get(bundle) != "block", "revoked")
            require(predicate.get("upTo", 0) > head["rollout"]["open"], "not wider")
        else:
            clean = [r for r in known["releases"].get(bundle, []) if not r["dirty"]]
            require(clean, "no clean release")
            require(known["revoked"].get(bundle) != "block", "revoked")
            if "via" in rule:
                require(bundle in known["past"].get(rule["via"], set()), "via")
            require(not at_head or paused, "no change")
            require(action == ("rollback" if bundle in past else "promote"), "action")
            require(not at_head or "urgent" not in predicate, "urgent when it goes on")
        if at_head:
            # A pause keeps the rollout, going on keeps it, and a widening opens it.
            rollout = {**head["rollout"], "open": predicate.get("upTo", head["rollout"]["open"])}
        project = self.change(project)
        # Going on with what was not urgent is a rollback that is not urgent, which says as much.
        usual = action != "rollback" or rollout["urgent"]
        if action == "widen" or "waves" in predicate or "urgent" in predicate or not usual:
            project["rollouts"].add(channel)
        project["promotions"].append([self.size, channel, predicate["seq"], action, bundle])
        last = {"lastSeq": predicate["seq"], "payload": sha256(envelope.payload).hex()}
        if action == "widen":
            project["channels"][channel] = {**head, **last, "rollout": rollout}
            return
        clean = [r for r in project["releases"][bundle] if not r["dirty"]]
        project["channels"][channel] = {
            "hash": bundle,
            "size": clean[0]["size"],
            "seq": predicate["seq"],
            "entry": self.size,
            "action": action,
            "people": people,
            "reason": predicate["reason"],
            "issuedAt": predicate["issuedAt"],
            "rollout": rollout,
            **last,
        }
        project["past"].setdefault(channel, set()).add(bundle)

    def judge_revocation(self, envelope, statement, signers):
        names = {subject["name"] for subject in statement["subject"]}
        require(len(names) == 1, "several projects")
        (project,) = names
        predicate = statement["predicate"]
        self.check_position(predicate["log"])
        rules = [
            rule for rule in self.policy.document["channels"] if matches(rule["project"], project)
        ]
        may = self.policy.roots(signers) or any(
            kind == "person" and self.policy.is_listed(rule["people"], owner)
            for kind, owner in signers
            for rule in rules
        )
        require(may, "nobody who may revoke")
        revoked = self.change(project)["revoked"]
        for subject in statement["subject"]:
            bundle = subject["digest"]["sha256"]
            if revoked.get(bundle) != "block":
                revoked[bundle] = predicate["severity"]

    def describe_head(self, known, channel):
        head = dict(known["channels"][channel])
        rollout, last = head.pop("rollout"), head.pop("lastSeq")
        if channel in known["rollouts"]:
            head |= {**rollout, "lastSeq": last}
        return head

    def describe(self):
        parts = ("releases", "promotions", "revoked")
        return {
            "size": self.size,
            "root": self.roots[-1],
            "origin": self.policy.document["origin"] if self.policy else None,
            "effective": self.effective,
            "policyVersion": self.policy.document["version"] if self.policy else 0,
            "policyPayload": self.policy_payload,
            "projects": {
                project: {
                    "channels": {
                        channel: self.describe_head(known, channel) for channel in known["channels"]
                    },
                    **{part: known[part] for part in parts},
                }
                for project, known in self.projects.items()
            },
        }


def main():
    for line in sys.stdin:
        log = Log()
        try:
            for entry in json.loads(line):
                log.append(base64.b64decode(entry))
            result = log.describe()
        except Halt as halt:
            result = {"halted": halt.args[0]}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
