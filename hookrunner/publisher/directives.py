"""The words that nginx's directives take for a site: quoted, escaped, and made of parsed values alone."""

from pathlib import Path
from typing import NamedTuple, Self

from hookrunner.model.app import Folder, Site, Upstream
from hookrunner.model.publication import Publication
from hookrunner.model.rules import SPLAT, Header, Redirect, UrlPattern
from hookrunner.model.server import Settings
from hookrunner.publisher.locations import Location, is_hidden, locations

# What a redirect hands on of the request as it came, also what RFC 3986 section 3.3 would have encoded. Not "\", which
# browsers take for "/"; slashes at its beginning belong to the pattern, so that "/:splat" cannot become
# "//another.host".
_SPLAT = r"(?<hookrunner_splat>[^\x00-\x20\x7f?#\x5c/][^\x00-\x20\x7f?#\x5c]*|)"


class Releases(NamedTuple):
    """Where an app's files are: the live release, the one before, and the manifest in each.

    An nginx file has links of its own, ``current-SLOT`` and ``previous-SLOT``, so that new workers have the new release
    from their first request on, while old ones still answer from the old release: configuration and content are one.
    """

    current: Path
    previous: Path
    manifest: str

    @classmethod
    def of(cls, settings: Settings, publication: Publication, slot: str) -> Self:
        """The links of one nginx file of the app."""
        app = publication.app
        return cls(_beside(settings.current(app), slot), _beside(settings.previous(app), slot), publication.manifest)


def _beside(link: Path, slot: str) -> Path:
    return link.with_name(f"{link.name}-{slot}")


class HeaderWords(NamedTuple):
    """The response headers of one place."""

    added: tuple[tuple[str, str, bool], ...]  # name, value, whether with errors too
    taken: tuple[str, ...]  # from an upstream's response
    content_type: str
    caching_is_said: bool


class RedirectWords(NamedTuple):
    """A ``return``; with ``splat`` only for requests that match it as they came."""

    splat: str
    status: int
    to: str


class LocationWords(NamedTuple):
    """One location. "" and None stand for what the server block says already."""

    match: str
    is_prefix: bool
    is_hidden: bool
    redirect: RedirectWords | None
    root: str
    proxy: str
    timeout: int | None
    files: str  # what try_files looks for behind the path itself
    headers: HeaderWords
    headers_differ: bool
    pages: tuple[tuple[str, str], ...]  # statuses, path
    pages_differ: bool


class Previous(NamedTuple):
    """A named location that looks into the release before."""

    name: str
    root: str
    headers: HeaderWords
    pages: tuple[tuple[str, str], ...]


class Page(NamedTuple):
    """An internal location for an error page of the site, if it has the file."""

    path: str
    root: str
    file: str
    status: int
    headers: HeaderWords
    no_links: bool


class SiteWords(NamedTuple):
    """All that a server block says of a site."""

    hsts: int
    max_body: int
    timeout: int
    root: str
    has_folders: bool
    has_upstreams: bool
    everything: LocationWords
    locations: tuple[LocationWords, ...]
    previous: tuple[Previous, ...]
    pages: tuple[Page, ...]


def site_words(site: Site, releases: Releases) -> SiteWords:
    """Work a site out."""
    return _Writer(site, releases).words()


class _Writer:
    """Collects the named places that locations share, while they are written."""

    def __init__(self, site: Site, releases: Releases) -> None:
        self._site = site
        self._releases = releases
        self._pages: dict[tuple[Folder, str, int, HeaderWords], Page] = {}
        self._previous: dict[tuple[Folder, HeaderWords, tuple[tuple[str, str], ...]], Previous] = {}

    def words(self) -> SiteWords:
        first, *others = locations(self._site)
        everything = self._location(first, None)
        written = (everything, *(self._location(location, everything) for location in others))
        return SiteWords(
            hsts=self._site.hsts,
            max_body=self._site.max_body,
            timeout=self._site.timeout,
            root=self._root(self._site.content) if isinstance(self._site.content, Folder) else "",
            has_folders=bool(self._site.folders),
            has_upstreams=bool(self._site.upstreams),
            everything=everything,
            locations=written,
            previous=tuple(self._previous.values()),
            pages=tuple(self._pages.values()),
        )

    def _location(self, location: Location, everything: LocationWords | None) -> LocationWords:
        content = location.content
        headers = self._headers(location.headers, content)
        pages = self._error_pages(location)
        root = proxy = files = ""
        if isinstance(content, Upstream):
            proxy = f"http://{content}" if content.port is None else str(content)
        else:
            root = self._root(content) if content != self._site.content else ""
            fallback = ""
            if location.fallback and not is_hidden(f"/{location.fallback}", self._releases.manifest):
                fallback = quoted(f"/{location.fallback}$hookrunner_no_extension")
            files = f"{fallback} {self._before(content, headers, pages)}".strip()
        return LocationWords(
            match=_match(location.pattern),
            is_prefix=location.pattern.is_prefix,
            is_hidden=(
                isinstance(content, Folder)
                and not location.pattern.is_prefix
                and is_hidden(location.pattern.path, self._releases.manifest)
            ),
            redirect=_redirect(location.redirect) if location.redirect else None,
            root=root,
            proxy=proxy,
            timeout=location.timeout if location.timeout != self._site.timeout else None,
            files=files,
            headers=headers,
            headers_differ=everything is not None and headers != everything.headers,
            pages=pages,
            pages_differ=everything is not None and pages != everything.pages,
        )

    def _headers(self, headers: tuple[Header, ...], content: Folder | Upstream) -> HeaderWords:
        by_key = {header.key: header for header in headers}
        # nginx makes a file's type itself, and would send another one beside it.
        own_type = by_key.pop("content-type", None) if isinstance(content, Folder) else None
        taken = [header.name for header in headers] if self._site.upstreams else []
        if self._site.upstreams and self._site.hsts:
            taken.append("Strict-Transport-Security")
        return HeaderWords(
            added=tuple(
                (header.name, quoted(header.value), header.is_for_errors)
                for header in by_key.values()
                # An empty one says nothing, and keeps this place from taking over what stands outside of it.
                if header.value or header.key == "cache-control"
            ),
            taken=tuple(taken),
            content_type=quoted(own_type.value) if own_type else "",
            caching_is_said="cache-control" in by_key,
        )

    def _error_pages(self, location: Location) -> tuple[tuple[str, str], ...]:
        """404.html for files, 502.html for an upstream that does not answer: of the site's root, else of the top."""
        statuses = (502, 504) if isinstance(location.content, Upstream) else (404,)
        own = self._site.content if isinstance(self._site.content, Folder) else None
        folder = own or (location.content if isinstance(location.content, Folder) else Folder("."))
        headers = self._headers(location.headers, folder)._replace(content_type="")
        return tuple((str(status), self._page(folder, f"{statuses[0]}.html", status, headers)) for status in statuses)

    def _page(self, folder: Folder, file: str, status: int, headers: HeaderWords) -> str:
        key = (folder, file, status, headers)
        if key not in self._pages:
            # A dot: no request from outside can be for it, and no rule of the site.
            path = f"/.hookrunner/{len(self._pages)}/{status}"
            no_links = folder not in self._site.folders  # links in a served folder were looked at before
            self._pages[key] = Page(path, self._root(folder), file, status, headers, no_links)
        return self._pages[key].path

    def _before(self, folder: Folder, headers: HeaderWords, pages: tuple[tuple[str, str], ...]) -> str:
        key = (folder, headers, pages)
        if key not in self._previous:
            name = f"@previous{len(self._previous)}"
            self._previous[key] = Previous(name, _folder(self._releases.previous, folder), headers, pages)
        return self._previous[key].name

    def _root(self, folder: Folder) -> str:
        return _folder(self._releases.current, folder)


def quoted(text: object) -> str:
    """A word of nginx's language in double quotes; variables in it are still variables."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _folder(release: Path, folder: Folder) -> str:
    return quoted(release if folder.path == "." else release / folder.path)


def _match(pattern: UrlPattern) -> str:
    if pattern == UrlPattern("/", True):
        return "/"  # without ^~, so that a regular expression among the owner's own lines can come before it
    return f"{'^~' if pattern.is_prefix else '='} {quoted(pattern.path)}"


def _redirect(redirect: Redirect) -> RedirectWords:
    url, hash_, fragment = redirect.to.url.partition("#")
    args = "$hookrunner_more_args" if "?" in url else "$is_args$args"
    to = quoted(f"{url}{args}{hash_}{fragment}".replace(SPLAT, "${hookrunner_splat}"))
    splat = ""
    if SPLAT in redirect.to.url:
        splat = f'"^{_as_it_came(redirect.from_path.path)}{_SPLAT}(?:[?#]|\\z)"'
    return RedirectWords(splat, redirect.status, to)


def _as_it_came(path: str) -> str:
    """A regular expression for ``path`` as a request line may write it: percent-encoded, with slashes twice.

    The location has matched already, so it is enough to count the bytes between the slashes.
    """
    segments = path.split("/")[1:]
    return "".join(f"(?:/|%2[Ff])+(?:%..|[^%/?#]){{{len(segment.encode())}}}" for segment in segments)
