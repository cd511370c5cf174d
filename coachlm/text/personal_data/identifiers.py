"""User and session ids as keyed hashes, so that a person's records stay together without saying who it is."""

from hashlib import blake2b

from coachlm.errors import SettingsError


def hash_identifier(value: str, salt: bytes) -> str:
    """Keyed BLAKE2b, 32 hex digits: equal for equal value and salt, and not to be guessed back without the salt.

    Raises: SettingsError where the salt is empty, for then anyone could hash a list of known ids and compare.
    """
    if not salt:
        raise SettingsError("the salt for user and session hashes is empty; set COACHLM_HASH_SALT")
    key = salt if len(salt) <= blake2b.MAX_KEY_SIZE else blake2b(salt).digest()
    return blake2b(value.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()
