"""After the switch: the app's programs and units run, and when one fails everything is as it was."""

import json
import os
import signal
import stat
from pathlib import Path

import toml

from tests.conftest import Boot
from tests.flows.test_deploy import one_line
from tests.flows.test_push import manifest
from tests.lab.pushing import deploys, started, wait_for
from tests.lab.server import Clone, Server

# What runs after the switch: writes down what it was told and what is served then, and fails when told to.
PROGRAM = """\
#!/bin/sh
echo "hello from $HOOKRUNNER_APP $(cat "$HOOKRUNNER_CURRENT/public/index.html") in $(pwd)"
env >>{log}
echo "$HOOKRUNNER_DEPLOY $(readlink "$HOOKRUNNER_CURRENT") $HOOKRUNNER_RELEASE" >>{runs}
if grep -q {fails} "$HOOKRUNNER_RELEASE/public/index.html"; then echo "cannot work with this" >&2; exit 7; fi
"""


def configured(server: Server, **app: object) -> None:
    """Give the app `active` these settings."""
    settings = toml.loads(server.config.read_text())
    settings["apps"] = {"active": app}
    server.config.write_text(toml.dumps(settings))


def program(server: Server, name: str = "program", fails: str = "broken") -> Path:
    """The program on disk."""
    path = server.folder / name
    path.write_text(PROGRAM.format(log=server.folder / "env", runs=server.folder / "runs", fails=fails))
    path.chmod(0o755)
    return path


def commit(clone: Clone, page: str, *more: str) -> str:
    """A commit with a page."""
    return clone.commit({"app.toml": manifest("active.example", *more), "public/index.html": page}, f"Page {page}")


def test_programs_run_after_the_switch_and_their_output_is_shown(boot: Boot) -> None:
    """They see the new release, are told about the deploy, and have nothing of the client's or of git's."""
    server = boot()
    argv = [str(program(server)), "--all"]
    configured(server, activate=[argv, ["/bin/sh", "-c", "echo second"]])
    clone = server.app("active")
    first = commit(clone, "one")
    os.environ["FROM_THE_CLIENT"] = "x"
    push = clone.push("-o", "verbose", "main")
    del os.environ["FROM_THE_CLIENT"]
    assert push.verdict.startswith("success: deploy 1 is live"), push.text
    shown = one_line(push.output)
    assert f"-----> Running {argv[0]} --all hello from active one in /" in shown
    assert "-----> Running /bin/sh -c 'echo second' second" in shown
    release = f"1-{first}"
    assert (
        server.folder / "runs"
    ).read_text() == f"1 releases/{release} {server.state}/apps/active/releases/{release}\n"
    env = (server.folder / "env").read_text()
    assert f"HOOKRUNNER_COMMIT={first}\n" in env
    assert "GIT_" not in env
    assert "FROM_THE_CLIENT" not in env
    plan = json.loads(server.run("plan", "active", "--json").stdout)["plan"]
    assert plan["activate"] == [argv, ["/bin/sh", "-c", "echo second"]]
    assert f"{argv[0]} --all would be run" in one_line(server.run("plan", "active").stdout)


def test_a_failure_undoes_the_switch_and_runs_again(boot: Boot) -> None:
    """The old release is served with its names, its programs run again, and the deploy says why it is not live."""
    server = boot()
    configured(server, activate=[[str(program(server))]])
    clone = server.app("active")
    first = commit(clone, "good")
    assert clone.push().verdict.startswith("success: ")
    commit(clone, "broken", "new.active.example")
    push = clone.push()
    shown = one_line(push.output)
    assert "cannot work with this" in shown
    assert f"error: the app active could not be activated: {server.folder}/program ended with status 7" in shown
    assert "-----> Going back to release 1" in shown
    assert shown.index("Going back") < shown.index("hello from active good", shown.index("Going back"))
    assert push.verdict.endswith(f"deploy 1 ({first[:7]}) still is")
    assert server.get("active.example", https=True).body == "good"
    assert server.get("new.active.example").status == 0
    assert [line.split()[1] for line in (server.folder / "runs").read_text().splitlines()][-1] == f"releases/1-{first}"
    listed = deploys(server, "active")
    assert [one["state"] for one in listed] == ["done", "failed"]
    assert listed[1]["why"].startswith("the app active could not be activated")
    claims = server.state / "records" / "claims" / "domains"
    assert [file.name for file in claims.iterdir()] == ["active.example"]
    commit(clone, "mended")
    assert clone.push().verdict.startswith("success: deploy 3 is live")
    server.run("rollback", "active")
    assert (server.folder / "runs").read_text().splitlines()[-1].startswith("4 releases/1-"), "a rollback runs them too"


def test_a_first_deploy_that_fails_leaves_nothing_on_the_web(boot: Boot) -> None:
    """There is no release to go back to; with the next push everything is there."""
    server = boot()
    configured(server, activate=[[str(program(server))]])
    clone = server.app("active")
    commit(clone, "broken")
    push = clone.push()
    assert "there is no release to go back to: the app is off the web again" in one_line(push.output)
    assert push.verdict.endswith(", nothing is live yet")
    assert server.get("active.example").status == 0
    assert not (server.nginx.sites / "active.conf").exists()
    commit(clone, "good")
    assert clone.push().verdict.startswith("success: ")
    assert server.get("active.example", https=True).body == "good"


def test_a_program_has_a_time_limit(boot: Boot) -> None:
    """One that hangs is ended, and the deploy fails; the site is as it was."""
    server = boot()
    clone = server.app("active")
    commit(clone, "one")
    assert clone.push().verdict.startswith("success: ")
    configured(server, activate=[["/bin/sh", "-c", "echo begun; sleep 1000"]], activate_timeout="1s")
    commit(clone, "two")
    push = clone.push()
    shown = one_line(push.output)
    assert "begun" in shown
    assert "could not be activated: /bin/sh did not end within 1 s" in shown
    assert "and it fails in the same way with the release before" in shown
    assert server.get("active.example", https=True).body == "one"


def test_nothing_of_it_comes_from_the_repository(server: Server) -> None:
    """Keys of that name in app.toml are refused, and no file of the release is run."""
    clone = server.app("cannot")
    for key in ("units = ['x.service']", "activate = [['/bin/true']]", "[deploy]\nactivate = [['/bin/true']]"):
        rest = manifest("cannot.example")
        clone.commit({"app.toml": rest + key if key.startswith("[") else f"{key}\n{rest}", "public/index.html": "x"})
        push = clone.push()
        assert push.status != 0
        assert "is not a key" in push.output


# Kills the deploy that runs it, as a reboot in that moment would.
KILLS = """\
#!/bin/sh
if grep -q bad "$HOOKRUNNER_RELEASE/public/index.html"; then kill -9 $PPID; fi
echo "$HOOKRUNNER_DEPLOY $HOOKRUNNER_COMMIT" >>{runs}
"""


def deadly(boot: Boot, **limits: object) -> tuple[Server, Clone, str]:
    """An app that is live and good, then bad: its deploy died after the switch."""
    server = boot(settings={"limits": limits})
    kills = server.folder / "kills"
    kills.write_text(KILLS.format(runs=server.folder / "runs"))
    kills.chmod(0o755)
    configured(server, activate=[[str(kills)]])
    clone = server.app("active")
    first = commit(clone, "good")
    assert clone.push().verdict.startswith("success: ")
    commit(clone, "bad")
    assert clone.push().verdict == "error: deploy 2 broke off: its process died"
    assert server.get("active.example", https=True).body == "bad"
    assert "running, died" in server.run("deploys", "active").stdout
    return server, clone, first


def test_a_deploy_that_dies_after_its_switch_three_times_is_put_back(boot: Boot) -> None:
    """The timer tries it twice more; then the release on record is served again, and its programs run for it."""
    server, _, first = deadly(boot)
    for _ in range(2):
        assert server.run("renew", check=False).returncode == -signal.SIGKILL
        assert server.get("active.example", https=True).body == "bad"
    shown = one_line(server.run("renew").stdout)
    assert "deploy 1 is put back: a later one died after its switch" in shown
    assert server.get("active.example", https=True).body == "good"
    assert (server.state / "apps/active/current").readlink().name == f"1-{first}"
    assert (server.folder / "runs").read_text().splitlines()[-1] == f"1 {first}"
    assert [one["state"] for one in deploys(server, "active")] == ["done", *["abandoned"] * 3, "done"]
    assert server.run("renew").stdout == "success: nothing was due\n"
    assert "deploy 2 was abandoned: its process died" in one_line(server.run("deploys", "active", "2").stderr)


def test_what_is_served_is_never_pruned(boot: Boot) -> None:
    """Also a release that no record calls live; a rollback without a number goes back to the one on record."""
    server, clone, first = deadly(boot, keep_releases=2)
    broken = server.nginx.others / "wiki.conf"
    broken.write_text("nonsense;\n")
    for number in range(4):
        commit(clone, f"next {number}", f"n{number}.active.example")
        assert clone.push().verdict.startswith("error: deploy ")
        assert server.get("active.example", https=True).body == "bad"
    broken.unlink()
    refused = server.run("rollback", "active", "7", check=False)
    assert refused.returncode == 2, "there is no deploy 7"
    done = server.run("rollback", "active")
    assert "back to deploy 1" in done.stdout
    assert server.get("active.example", https=True).body == "good"
    assert (server.state / "apps/active/current").readlink().name == f"1-{first}"


def test_a_rollback_that_waits_goes_back_from_what_is_live_then(boot: Boot) -> None:
    """Typed while a bad release is being activated, it undoes just that one."""
    server = boot()
    clone = server.app("active")
    for page in ("1", "2"):
        commit(clone, page)
        assert clone.push().verdict.startswith("success: ")
    gate, logs = server.folder / "open", server.state / "apps" / "active" / "logs"
    configured(server, activate=[["/bin/sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done"]])
    commit(clone, "bad")
    push = started(clone)
    wait_for(lambda: (logs / "3.log").exists() and "Running" in (logs / "3.log").read_text())
    back = server.start("rollback", "active")
    wait_for(lambda: (logs / "4.log").exists() and "waits" in (logs / "4.log").read_text())
    gate.touch()
    push.communicate(timeout=60)
    assert back.wait(60) == 0
    shown = one_line((logs / "4.log").read_text())
    assert shown.startswith("-----> active: deploy 4, a rollback waits for deploy 3 (")
    assert "back to deploy 2 (" in shown
    assert server.get("active.example", https=True).body == "2"
    assert deploys(server, "active")[-1]["back_to"] == 2


# Stands in for systemd, which cannot run here: restarts what it is named, writes it down, and tells of its state.
SYSTEMCTL = """\
#!/bin/sh
echo "$@" >>{calls}
case $1 in
  restart) if grep -q broken {current}/public/index.html; then
             case {how} in fails) echo "Job for $2 failed." >&2; exit 1 ;; dies) touch {dead} ;; esac
           else rm -f {dead}; fi ;;
  show) if [ -e {dead} ]; then echo Type=simple; echo ActiveState=activating; echo SubState=auto-restart
        else echo Type=simple; echo ActiveState=active; echo SubState=running; fi ;;
esac
"""


def with_systemctl(server: Server, how: str) -> Path:
    """Put the stand-in before systemd's own on the hook's PATH; the file with its calls."""
    folder = server.folder / "bin"
    folder.mkdir()
    calls = server.folder / "calls"
    current = server.state / "apps" / "active" / "current"
    (folder / "systemctl").write_text(
        SYSTEMCTL.format(calls=calls, current=current, how=how, dead=server.folder / "dead")
    )
    (folder / "journalctl").write_text("#!/bin/sh\necho 'ImportError: no module named wsgi'\n")
    for file in folder.iterdir():
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    hook = server.state / "repos" / "active.git" / "hooks" / "post-receive"
    hook.write_text(hook.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nPATH={folder}:$PATH\n", 1))
    return calls


def units(boot: Boot, how: str) -> None:
    """A unit that does not run with the second release."""
    server = boot()
    configured(server, units=["web.service", "worker@1.service"])
    clone = server.app("active")
    calls = with_systemctl(server, how)
    commit(clone, "good")
    push = clone.push()
    assert push.verdict.startswith("success: "), push.text
    assert "-----> Restarting web.service, worker@1.service" in push.output
    restarts = [line for line in calls.read_text().splitlines() if line.startswith("restart")]
    assert restarts == ["restart web.service", "restart worker@1.service"]
    commit(clone, "broken")
    push = clone.push()
    shown = one_line(push.output)
    assert "error: a unit of active does not run web.service: " in shown
    assert "ImportError: no module named wsgi" in shown, "the last words of its journal"
    assert "-----> Going back to release 1" in shown
    assert server.get("active.example", https=True).body == "good"
    assert deploys(server, "active")[-1]["state"] == "failed"


def test_units_are_restarted_and_a_failed_restart_undoes_the_switch(boot: Boot) -> None:
    """By the publisher, in their order; what systemd says is shown."""
    units(boot, "fails")


def test_a_unit_that_dies_after_its_start_undoes_the_switch(boot: Boot) -> None:
    """systemd calls such a start a success; it is looked at again a moment later."""
    units(boot, "dies")
