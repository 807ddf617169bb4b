"""The checks, in the order in which one explains another."""

from collections.abc import Callable, Iterator

from hookrunner.core import machine
from hookrunner.core.findings import Check, Finding, check, found, here
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import PublisherError
from hookrunner.edges.records import Damaged
from hookrunner.flows.doctor import apps, reach, serving, upkeep
from hookrunner.flows.doctor.patient import Patient

CHECKS: tuple[tuple[str, str, Callable[[Patient], Iterator[Finding]]], ...] = (
    ("publisher", "answers", serving.publisher),
    ("nginx", "runs, passes its test, and reads our files", serving.nginx),
    ("ports", "nginx answers at every address", serving.ports),
    ("names", "no other nginx file has a name of an app", serving.names),
    ("certificates", "each is there with its key, valid, and served", serving.pairs),
    ("renewals", "renew runs", upkeep.renewals),
    ("files", "owners, modes and units are right", upkeep.files),
    ("keys", "somebody may push, and limits hold", upkeep.keys),
    ("disk", "there is room", upkeep.disk),
    ("clock", "agrees with the CA's", reach.clock),
    ("resolvers", "answer", reach.resolvers),
    ("ca", "answers, and takes the account", reach.authorities),
    ("zones", "have a provider that can change them", reach.zones),
    ("waiting", "no name for what only this server can mend", reach.waiting),
    ("apps", "nothing is left over, and nothing is missing", apps.orphans),
    ("hooks", "are in every repository, unchanged", apps.hooks),
    ("git", "is new enough, and runs hooks", apps.version),
)


def examine(patient: Patient) -> Iterator[Check]:
    """Every check, made as it is yielded."""
    for name, sound, look in CHECKS:
        findings: list[Finding] = []
        try:
            findings += look(patient)
        except (OSError, ProgramFailed, PublisherError, Damaged) as error:  # which is one itself
            what, *mend = (line.text for line in machine.trouble(error))
            findings.append(found(what, *(map(here, mend or [patient.make_again]))))
        yield check(name, sound, findings)
