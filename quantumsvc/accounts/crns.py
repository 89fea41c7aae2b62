"""Names of instances on the wire: ten fields between colons, of which clients read the region."""

import re

CRN_PATTERN = re.compile(
    r"crn:v1:\w+:\w+:quantum-computing:[a-z0-9-]+:a/[A-Za-z0-9._-]+:[0-9a-f-]{36}::", re.ASCII
)


def build_crn(*, account: str, region: str, guid: str) -> str:
    """The CRN of the instance ``guid`` of ``account``.

    Name and type of the cloud are those that clients know: another first word would make them
    choose other hosts.
    """
    return f"crn:v1:bluemix:public:quantum-computing:{region}:a/{account}:{guid}::"


def guid_of(crn: str) -> str:
    """The instance's own part of a CRN."""
    return crn.split(":")[7]
