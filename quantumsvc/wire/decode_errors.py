"""What is wrong with a payload, in words that its sender can use."""

BAD_JSON = 8000
BAD_VALUE = 8001
BAD_TYPE = 8002
INFLATES = 8003
BAD_QPY = 8004
BAD_SAMPLEX = 8005
BAD_PUB = 8011
TOO_MANY_PUBS = 8020
TOO_MANY_QUBITS = 8021
TOO_MANY_GATES = 8022


class DecodeError(Exception):
    """The payload is malformed, too large or holds something that isn't accepted."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
