"""A playbook starts only if no order can be left waiting for what never happens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from adapters.netsuite.playbook import NETSUITE
from adapters.runtime import CannotStart, trusted_playbooks
from streams.case import Case
from streams.playbook import About, Playbook, Step
from streams.specimens import CHOICES, model_profile, specimens
from streams.validation import AT_START, validate
from streams.verdicts import Ready, wait
from streams.vocabulary import DocumentKind

MODEL = model_profile("netsuite")
KINDS = tuple(step.kind for step in NETSUITE.steps)


def changed(kind: DocumentKind, /, **changes: object) -> Playbook:
    """NetSuite's playbook with one step changed."""
    steps = tuple(replace(step, **changes) if step.kind is kind else step for step in NETSUITE.steps)  # type: ignore[arg-type]
    return replace(NETSUITE, steps=steps)


def step_of(kind: DocumentKind) -> Step:
    return next(step for step in NETSUITE.steps if step.kind is kind)


def wait_for(what: str, deadline: str = "") -> Callable[[Case, About], None]:
    def gate(_case: Case, _about: About) -> None:
        raise wait(what, "so it was written", deadline)

    return gate


def test_the_netsuite_playbook_comes_to_rest_on_every_specimen() -> None:
    """No wait without an end is found, on five times as many orders as a start plays."""
    assert validate(NETSUITE, MODEL, 5 * AT_START) == []


def test_a_start_is_not_held_up() -> None:
    """The orders of a start are few enough to be played before anybody notices."""
    begun = time.process_time()
    validate(NETSUITE, MODEL)
    assert time.process_time() - begun < 20  # a deadline, no measurement: a start takes a fraction of a second


def test_a_start_tries_every_value_of_every_choice_and_every_ending() -> None:
    """The fixed selection leaves nothing that can vary out, and is the same selection each time."""
    tried = list(specimens(KINDS, AT_START))
    assert tried == list(specimens(KINDS, AT_START))
    for name, values in CHOICES.items():
        assert {getattr(specimen, name) for specimen in tried} == set(values)
    endings = Counter((specimen.told, specimen.ending) for specimen in tried)
    assert set(endings) == {("", "done")} | {
        (kind.value, ending) for kind in KINDS for ending in ("refused", "withheld", "silent")
    }


def test_a_wait_for_a_step_that_is_never_required_is_refused() -> None:
    """An exchange that waits for a reversal waits for ever: hardly any return has one."""

    def after_a_reversal(case: Case, _about: About) -> None:
        if not list(case.all_placed(DocumentKind.REVERSAL)):
            raise wait("reversal", "the reversal is not there yet")

    broken = changed(DocumentKind.EXCHANGE_ORDER, when=(after_a_reversal,))
    faults = validate(broken, MODEL)
    assert len(faults) == 1
    assert "step exchange_order about r" in faults[0]
    assert "waits for reversal, which is not open" in faults[0]


def test_a_wait_for_a_word_that_nobody_says_is_refused() -> None:
    """Only what Reveni, a warehouse, an account or a person can bring about may be waited for."""
    faults = validate(changed(DocumentKind.CREDIT_NOTE, when=(wait_for("full_moon"),)), MODEL)
    assert len(faults) == 1
    assert "credit_note" in faults[0]
    assert "waits for full_moon" in faults[0]


@pytest.mark.parametrize("what", ["acceptance", "refund", "inspection", "return"])
def test_a_wait_that_does_not_end_when_its_cause_comes_is_refused(what: str) -> None:
    """What is waited for from outside is made to come; a step that waits on regardless is named."""
    faults = validate(changed(DocumentKind.EXCHANGE_ORDER, when=(wait_for(what, "progress"),)), MODEL)
    assert any(f"still waits for {what} after it came" in fault for fault in faults)


def test_a_wait_for_a_letter_that_is_not_open_is_refused() -> None:
    """Nobody can answer an exception that was never raised."""
    faults = validate(changed(DocumentKind.ITEM_RECEIPT, when=(wait_for("letter:abc"),)), MODEL)
    assert any("waits for letter:abc, which is not open" in fault for fault in faults)


def test_two_steps_that_wait_for_each_other_on_one_order_are_refused() -> None:
    """A circle that only shows in gates is found by playing: nothing in it is under way."""
    note = changed(DocumentKind.CREDIT_NOTE, when=(wait_for("exchange_order"),))
    exchange = replace(step_of(DocumentKind.EXCHANGE_ORDER), when=(wait_for("credit_note"),))
    steps = tuple(exchange if step.kind is DocumentKind.EXCHANGE_ORDER else step for step in note.steps)
    faults = validate(replace(note, steps=steps), MODEL)
    assert any("step credit_note" in fault and "waits for exchange_order" in fault for fault in faults)


def test_a_body_that_never_stands_still_is_refused() -> None:
    """A step whose wanted content changes with each look would be asked for without end."""
    looks = iter(range(10**6))

    def restless(case: Case, about: About) -> Ready:
        ready = step_of(DocumentKind.RETURN_AUTHORISATION).body(case, about)
        return Ready({**ready.body, "look": next(looks)})

    faults = validate(changed(DocumentKind.RETURN_AUTHORISATION, body=restless), MODEL)
    assert any("return_authorisation is asked for again and again" in fault for fault in faults)


def test_one_document_in_two_places_is_refused() -> None:
    """Two subjects of one name would be one command with two bodies."""

    def each_return_twice(case: Case) -> Iterator[About]:
        yield from step_of(DocumentKind.RETURN_AUTHORISATION).about(case)
        yield from step_of(DocumentKind.RETURN_AUTHORISATION).about(case)

    faults = validate(changed(DocumentKind.RETURN_AUTHORISATION, about=each_return_twice), MODEL)
    assert any("return_authorisation about r1 stands twice" in fault for fault in faults)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (
            changed(DocumentKind.RETURN_AUTHORISATION, after=(DocumentKind.CREDIT_NOTE,)),
            "steps return_authorisation and credit_note wait for each other",
        ),
        (changed(DocumentKind.CREDIT_NOTE, after=(DocumentKind.CREDIT_NOTE,)), "credit_note wait for each other"),
        (
            changed(DocumentKind.CREDIT_NOTE, after=(DocumentKind.EXCHANGE_ORDER,)),
            "step credit_note waits for exchange_order, which stands after it",
        ),
        (
            replace(NETSUITE, steps=NETSUITE.steps[1:]),
            "step credit_note waits for return_authorisation, which no step makes",
        ),
        (replace(NETSUITE, steps=(*NETSUITE.steps, NETSUITE.steps[0])), "two steps return_authorisation"),
        (changed(DocumentKind.CREDIT_NOTE, role="treasurer"), "for role 'treasurer'"),
        (changed(DocumentKind.CREDIT_NOTE, deadline="soon"), "deadline 'soon', which no profile has"),
        (changed(DocumentKind.REVERSAL, kind=DocumentKind.INVOICE), "step invoice is a question"),
    ],
)
def test_a_playbook_that_cannot_be_right_as_written_is_refused(broken: Playbook, sentence: str) -> None:
    """What can be seen without playing is said first, and says which step."""
    assert any(sentence in fault for fault in validate(broken, MODEL))


def test_a_worker_with_a_faulty_playbook_does_not_start() -> None:
    """The refusal names the playbook, the step and what it waits for."""
    broken = changed(DocumentKind.CREDIT_NOTE, when=(wait_for("full_moon"),))
    with pytest.raises(CannotStart, match=r"Playbook netsuite version 1: step credit_note .* waits for full_moon"):
        trusted_playbooks({"netsuite": broken})
    assert trusted_playbooks({"netsuite": NETSUITE}) == {"netsuite": NETSUITE}
