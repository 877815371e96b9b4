# SPDX-License-Identifier: ISC
"""Noise_IK_25519_ChaChaPoly_BLAKE2b for the second client: protocol.md §4.1 and the Noise specification, revision 34.

Both roles are here: the client is the initiator; tests that play a server in the middle are the responder.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

NAME = b"Noise_IK_25519_ChaChaPoly_BLAKE2b"
KEY_BYTES = 32
TAG_BYTES = 16
HASH_BYTES = 64


class BadMessage(Exception):
    """A Noise message or a sealed text that does not verify."""


class KeyPair:
    """An X25519 key pair; random unless the 32 secret bytes are given."""

    def __init__(self, secret=None):
        self.secret = secret if secret is not None else os.urandom(KEY_BYTES)
        self._private = X25519PrivateKey.from_private_bytes(self.secret)
        self.public = self._private.public_key().public_bytes(serialization.Encoding.Raw,
                                                              serialization.PublicFormat.Raw)

    def dh(self, public):
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as error:  # the result is all zeros
            raise BadMessage("low-order point") from error


def nonce_of(counter):
    return bytes(4) + counter.to_bytes(8, "little")


def seal(key, counter, associated, plain):
    return ChaCha20Poly1305(key).encrypt(nonce_of(counter), plain, associated)


def unseal(key, counter, associated, sealed):
    try:
        return ChaCha20Poly1305(key).decrypt(nonce_of(counter), sealed, associated)
    except InvalidTag as error:
        raise BadMessage("tag") from error


def hkdf2(chaining_key, material):
    """The two outputs of Noise's HKDF."""
    def mac(key, data):
        return hmac.new(key, data, hashlib.blake2b).digest()
    temporary = mac(chaining_key, material)
    first = mac(temporary, b"\x01")
    return first, mac(temporary, first + b"\x02")


class Handshake:
    """One IK handshake. Initiator: write_1, read_2. Responder: read_1, write_2. Then `keys` and `hash` are there.

    keys is (to send with, to receive with). A read that raises leaves the object unusable; copy it before (fork).
    """

    def __init__(self, static, prologue, remote_static=None, ephemeral=None):
        self.static = static
        self.ephemeral = ephemeral or KeyPair()
        self.remote_static = remote_static
        self.remote_ephemeral = None
        self.is_initiator = remote_static is not None
        self.key = None
        self.counter = 0
        self.keys = None
        self.chaining_key = self.hash = NAME.ljust(HASH_BYTES, b"\0")
        self._mix_hash(prologue)
        self._mix_hash(remote_static if self.is_initiator else static.public)  # <- s

    def fork(self):
        copy = object.__new__(Handshake)
        copy.__dict__.update(self.__dict__)
        return copy

    def _mix_hash(self, data):
        self.hash = hashlib.blake2b(self.hash + data).digest()

    def _mix_key(self, material):
        self.chaining_key, key = hkdf2(self.chaining_key, material)
        self.key, self.counter = key[:KEY_BYTES], 0

    def _encrypt(self, plain):
        sealed = seal(self.key, self.counter, self.hash, plain)
        self.counter += 1
        self._mix_hash(sealed)
        return sealed

    def _decrypt(self, sealed):
        plain = unseal(self.key, self.counter, self.hash, sealed)
        self.counter += 1
        self._mix_hash(sealed)
        return plain

    def _split(self):
        first, second = (key[:KEY_BYTES] for key in hkdf2(self.chaining_key, b""))
        self.keys = (first, second) if self.is_initiator else (second, first)

    def write_1(self, payload):
        self._mix_hash(self.ephemeral.public)                        # e
        self._mix_key(self.ephemeral.dh(self.remote_static))         # es
        sealed_static = self._encrypt(self.static.public)            # s
        self._mix_key(self.static.dh(self.remote_static))            # ss
        return self.ephemeral.public + sealed_static + self._encrypt(payload)

    def read_1(self, message):
        self.remote_ephemeral = message[:32]
        self._mix_hash(self.remote_ephemeral)                        # e
        self._mix_key(self.static.dh(self.remote_ephemeral))         # es
        self.remote_static = self._decrypt(message[32:80])           # s
        self._mix_key(self.static.dh(self.remote_static))            # ss
        return self._decrypt(message[80:])

    def write_2(self, payload):
        self._mix_hash(self.ephemeral.public)                        # e
        self._mix_key(self.ephemeral.dh(self.remote_ephemeral))      # ee
        self._mix_key(self.ephemeral.dh(self.remote_static))         # se
        message = self.ephemeral.public + self._encrypt(payload)
        self._split()
        return message

    def read_2(self, message):
        self.remote_ephemeral = message[:32]
        self._mix_hash(self.remote_ephemeral)                        # e
        self._mix_key(self.ephemeral.dh(self.remote_ephemeral))      # ee
        self._mix_key(self.static.dh(self.remote_ephemeral))         # se
        payload = self._decrypt(message[32:])
        self._split()
        return payload
