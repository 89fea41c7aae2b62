"""The catalogue of error codes that answers to requests carry; ``docs/errors.md`` has the same rows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means, and with which statuses it is answered."""

    code: int
    statuses: tuple[int, ...]
    meaning: str


def _catalogue(*rows: tuple[int, tuple[int, ...], str]) -> dict[int, Problem]:
    return {code: Problem(code, statuses, meaning) for code, statuses, meaning in rows}


PROBLEMS = _catalogue(
    (1007, (404,), "there is no backend of that name that the instance may use"),
    (
        1200,
        (403,),
        "the caller is known but may not do this: the role is not enough, or the instance is archived",
    ),
    (
        1201,
        (401, 403),
        "the credential is missing, unknown, expired or revoked (401);"
        " the instance is unknown to this user (403)",
    ),
    (1202, (429,), "the caller asks too often"),
    (1204, (400,), "more than 8 tags"),
    (1205, (400,), "a tag of more than 86 characters"),
    (1210, (400,), "the request can't be read or breaks a rule of form"),
    (1213, (413,), "the payload is over the size limit"),
    (
        1233,
        (423,),
        "the backend is reserved for others and set to refuse jobs meanwhile;"
        " `Retry-After` says for how long",
    ),
    (1291, (404,), "there is no such thing, or none that the caller may see"),
    (1409, (409,), "the state of the thing forbids the request, such as cancelling an ended job"),
    (1411, (422,), "the idempotency key was used for another request"),
    (
        1412,
        (409,),
        "the call was done under this idempotency key, and its answer held a secret that is shown once only",
    ),
    (4001, (409,), "the session accepts no more jobs"),
    (6000, (400,), "fewer than one shot"),
    (6001, (400,), "more shots than the backend's maximum"),
    (8010, (400,), "a program, or a version of it, that is not run here"),
    (8011, (400,), "the params have not the outline that the program needs"),
    (8020, (400,), "no pubs or items, or more than the backend's maximum"),
    (
        10011,
        (409,),
        "the instance has used up its time, and is set to refuse jobs instead of letting them wait;"
        " `Retry-After` says when it has time again",
    ),
    (10012, (429,), "the instance has as many waiting and running jobs as it may have"),
    (10013, (429,), "the instance has as many open sessions as it may have"),
    (9001, (400,), "a window that ends before it starts"),
    (9002, (400,), "a window that would start or end in the past"),
    (9003, (409,), "the time is taken"),
    (9004, (400,), "shorter than the policy's shortest window"),
    (9005, (400,), "longer than the policy's longest window"),
    (9006, (400,), "a start or an end off the policy's grid"),
    (9007, (400,), "further ahead than the policy allows"),
    (9008, (400,), "inside the freeze time before a start"),
    (9009, (400,), "more windows ahead than the policy allows"),
    (9010, (400,), "more time ahead than the policy allows"),
    (9011, (400,), "more time in 28 days than the policy allows"),
    (9012, (400,), "too close to another window"),
    (9013, (400,), "outside the hours that can be booked"),
    (9014, (400,), "on a day of the week that can't be booked"),
    (9015, (400,), "only operators book time for this instance here"),
    (10000, (500,), "a fault of the service; it is in the log, and nothing was stored"),
)
