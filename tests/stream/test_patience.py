import pytest

from kenko.runtime.errors import PermanentError, TransientError
from kenko.store.memory_partition import MemoryPartitionStore
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.stream.observer import NullObserver
from kenko.stream.patience import Patience, PatientStore, wait_s


def patience(slept):
    async def sleep(seconds):
        slept.append(seconds)

    return Patience(NullObserver(), sleep=sleep)


@pytest.mark.parametrize(
    ("failures", "asked", "waits"),
    [
        (1, 1.0, 0.1),  # most often a connection that was closed meanwhile
        (2, 1.0, 1.0),
        (2, 0.0, 0.2),
        (6, 1.0, 3.2),
        (7, 1.0, 5.0),
        (500, 3600.0, 5.0),  # never longer, whatever is asked
        (100_000, 1.0, 5.0),  # an outage of days
    ],
)
def test_wait_s(failures, asked, waits):
    assert wait_s(failures, asked) == pytest.approx(waits)


async def test_what_passes_is_waited_out_and_what_does_not_goes_up():
    slept = []
    answers = [TransientError("away"), TransientError("away"), "here"]

    async def call():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await patience(slept).outlast("redis", call) == "here"
    assert slept == [pytest.approx(0.1), pytest.approx(1.0)]

    answers[:] = [PermanentError("no", reason="x")]
    with pytest.raises(PermanentError):
        await patience(slept).outlast("redis", call)


class LosesAnswers(MemoryPartitionStore):
    """Applies a commit, and loses the answer to it."""

    lost = 0

    async def commit(self, commit):
        outcome = await super().commit(commit)
        if self.lost:
            self.lost -= 1
            raise TransientError("connection reset")
        return outcome


async def test_a_commit_whose_answer_was_lost_is_not_taken_for_refused():
    store = LosesAnswers()
    store.lost = 1
    patient = PatientStore(store, patience([]))

    outcome = await patient.commit(PartitionCommit(expected=None, fence=Fence(offset=7, log_id="a")))

    assert outcome is CommitOutcome.APPLIED
    assert (await store.fence()).offset == 7


async def test_a_commit_against_another_fence_is_refused_even_after_a_failure():
    store = LosesAnswers()
    await store.commit(PartitionCommit(expected=None, fence=Fence(offset=9, log_id="a")))
    store.lost = 1
    patient = PatientStore(store, patience([]))

    outcome = await patient.commit(PartitionCommit(expected=3, fence=Fence(offset=7, log_id="a")))

    assert outcome is CommitOutcome.REFUSED
