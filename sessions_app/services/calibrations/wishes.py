"""What may be asked of a calibration, whoever asks: an operator, a schedule or a client's ``Calibrator``."""

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.chipdata.asking import NotAsked, OtherSchema, read_params
from quantumsvc.backends.chipdata.readings import Asked
from quantumsvc.backends.models import Backend, BackendKind, CalibrationSet
from quantumsvc.errors import BadRequest, NotAllowed
from quantumsvc.scheduling.calibrations import Trigger
from sessions_app.models import CalibrationRun, Job

CALIBRATION = "calibrate"
ALL = Asked()


def checked_wish(instance: Instance, backend: Backend, params: bytes) -> Asked:
    """What a client's job asks to measure. Raises :class:`BadRequest` or :class:`NotAllowed`."""
    if not instance.may_calibrate:
        raise NotAllowed("This instance may not calibrate backends; an operator can allow it.")
    try:
        asked = read_params(params)
    except OtherSchema as error:
        raise BadRequest(str(error), code=8010) from None
    except NotAsked as error:
        raise BadRequest(str(error), code=8011) from None
    refuse_impossible(backend, asked)
    return asked


def refuse_impossible(backend: Backend, asked: Asked = ALL) -> None:
    """Raise :class:`BadRequest` if the backend has nothing to calibrate, or not these qubits."""
    if not can_be_calibrated(backend):
        raise BadRequest(
            f"{backend.name} is not calibrated: it is a {backend.kind} without errors to measure."
        )
    beyond = sorted({qubit for qubit in asked.qubits if qubit >= backend.qubits})
    if beyond:
        shown = ", ".join(map(str, beyond[:10]))
        raise BadRequest(f"{backend.name} has {backend.qubits} qubits, counted from 0; it has no {shown}.")


def can_be_calibrated(backend: Backend) -> bool:
    """Simulators and dry-run twins have nothing to measure; a device without any set may get its first."""
    return backend.kind == BackendKind.DEVICE


def note_client_run(job: Job, params: bytes) -> None:
    """Keep the record of a calibration that a client's job asked for. Call where the job is stored."""
    asked = read_params(params)
    CalibrationRun.objects.create(
        backend_id=job.backend_id,
        job=job,
        trigger=Trigger.CLIENT.value,
        requested_by_id=job.user_id,
        qubits=sorted(set(asked.qubits)),
        experiments=list(asked.experiments),
        created_at=job.created_at,
        due_at=job.created_at,
    )


def current_set(backend: Backend) -> CalibrationSet | None:
    """The newest set, without its values."""
    return CalibrationSet.objects.filter(backend=backend).defer("properties").first()
