"""What is looked at: one server, with what several checks need of it, each looked up once."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from hookrunner.core.setup import Facts
from hookrunner.edges import apps, claims, deploys
from hookrunner.edges.ca.standing import Standing, standing
from hookrunner.edges.git import Repository
from hookrunner.edges.publisher import Publisher, PublisherError, publisher_of
from hookrunner.edges.records import FileStore
from hookrunner.model.inspection import Inspection
from hookrunner.model.names import AppName
from hookrunner.model.publication import Publication
from hookrunner.model.registration import Registration
from hookrunner.model.server import Settings


@dataclass
class Patient:
    """A server. ``facts`` are there where `setup` made it one; ``config`` is its settings file."""

    settings: Settings
    config: Path
    command: Path
    now: datetime
    facts: Facts | None = None

    @cached_property
    def store(self) -> FileStore:
        """Its records."""
        return FileStore(self.settings.records)

    @cached_property
    def publisher(self) -> Publisher:
        """The one that the settings name."""
        return publisher_of(self.settings, self.store)

    @cached_property
    def inspection(self) -> Inspection | str:
        """What the publisher sees; why it does not answer."""
        try:
            return self.publisher.inspect()
        except (PublisherError, OSError) as error:
            return str(error)

    @cached_property
    def registrations(self) -> dict[AppName, Registration]:
        """Its apps."""
        every = {app: apps.get(self.store, app) for app in apps.every(self.store)}
        return {app: found for app, found in every.items() if found}

    @cached_property
    def publications(self) -> dict[AppName, Publication]:
        """What is live of each app."""
        live = {app: deploys.publication(self.store, app) for app in self.registrations}
        return {app: found[1] for app, found in live.items() if found}

    @cached_property
    def holders(self) -> set[AppName]:
        """The apps that hold a domain or an upstream."""
        return claims.holders(self.store)

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """How it stands with each CA, by its title."""
        return {acme.authority.title: standing(self.store, acme) for acme in self.settings.acme.every}

    def repository(self, app: AppName) -> Repository:
        """An app's repository."""
        return Repository(self.registrations[app].path(self.settings))

    @property
    def make_again(self) -> str:
        """What writes the folders and files that belong to a server."""
        return "hookrunner setup" if self.facts else "hookrunner init"

    @property
    def start_nginx(self) -> str:
        """How nginx is started here."""
        return "systemctl restart nginx" if self.settings.nginx.reload[0] == "systemctl" else "start nginx"
