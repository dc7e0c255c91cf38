"""The command line as a user meets it, in its own processes against a whole Pushwarden."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apns_fixtures import Pair
from pushwarden.providers.generated import generated_key
from pushwarden.wiring.stage import BUNDLE_ID, KEY_ID, TEAM_ID, Stage, device_line, temporary
from warm_cli import Warm

IN = ("--env", "simulated")
GONE = f',"gone_at":{int(time.time() - 3600) * 1000},"gone_reason":"Unregistered"'


class Shell:
    """Runs `pushwarden …` as a person on this machine would, knowing only the data directory."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder = stage, folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PUSHWARDEN_")}
        patient = {"PUSHWARDEN_STOP_PATIENCE_MS": os.environ["PUSHWARDEN_STOP_PATIENCE_MS"]}
        self.environ = kept | patient | {"PUSHWARDEN_DATA": str(stage.data), "NO_COLOR": "1", "COLUMNS": "80"}
        self.warm = Warm(folder, self.environ)

    def run(self, *words: str, expect: int = 0, stdin: bytes = b"", **environ: str) -> tuple[str, str]:
        """Standard output and error; the exit code must be the expected one."""
        done = self.warm.run(words, stdin, self.environ | environ)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == expect, f"{words} → {done.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return out, err

    def json(self, *words: str, expect: int = 0, stdin: bytes = b"", **environ: str) -> Any:
        out, _ = self.run(*words, "--json", expect=expect, stdin=stdin, **environ)
        return json.loads(out)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with temporary("pushwarden-cli-") as folder, Stage(folder) as stage:
        stage.make_app("shop")
        stage.import_devices("/v1/apps/shop/simulated", (device_line(number) for number in range(50)))
        shell = Shell(stage, folder)
        yield shell
        shell.warm.close()


def test_an_app_is_made_shown_changed_and_removed(shell: Shell) -> None:
    assert "Next: pushwarden credentials add kiosk" in shell.run("apps", "create", "kiosk", "--bundle-id", "a.b")[0]
    assert shell.json("apps", "set", "kiosk", "--no-enabled")["enabled"] is False
    out, _ = shell.run("apps", "list")
    assert "kiosk" in out and "shop" in out
    assert shell.json("apps", "show", "shop", *IN)["credentials"]["apns"]["state"] == "active"
    shell.run("apps", "delete", "kiosk")
    assert shell.json("apps", "delete", "kiosk", expect=1)["error"]["code"] == "not_found"


def test_a_credential_is_judged_offline_in_rows_and_one_sentence(shell: Shell) -> None:
    key = shell.folder / f"AuthKey_{KEY_ID}.p8"
    key.write_bytes(generated_key())
    away = {"PUSHWARDEN_DATA": "/nonexistent"}
    good = shell.json("credentials", "check", str(key), "--team-id", TEAM_ID, **away)
    assert (good["usable"], good["provider"], good["kind"]) == (True, "apns", "apns_token")
    assert good["checks"][-1]["id"] == "live.offline"
    out, _ = shell.run("credentials", "check", str(key), "--team-id", TEAM_ID, **away)
    assert out.splitlines()[-1] == "It can be used, with 1 check only the provider can answer."
    out, _ = shell.run("credentials", "check", str(key), expect=1, **away)
    assert "✕ Failed" in out and "→ Give the team ID" in out
    assert out.splitlines()[-1] == "It cannot be used as it is: The team ID is missing."
    piped = shell.json("credentials", "check", "-", "--key-id", KEY_ID, "--team-id", TEAM_ID, stdin=key.read_bytes())
    assert piped["usable"]


def test_a_p12_is_opened_by_a_password_from_standard_input(shell: Shell) -> None:
    store = shell.folder / "push.p12"
    store.write_bytes(Pair(days=(-1, 10_000)).p12(b"two words"))
    asked = ("credentials", "check", str(store))
    assert shell.json(*asked, "--password-stdin", stdin=b"two words\n")["usable"]
    assert shell.json(*asked, "--password", "two words")["usable"]
    wrong = shell.json(*asked, "--password-stdin", stdin=b"three\n", expect=1)
    assert [one["id"] for one in wrong["checks"] if one["result"] == "failed"] == ["p12.password"]


def test_wrong_usage_of_a_credential_check_is_one_sentence(shell: Shell) -> None:
    for words, sentence, code in (
        (("-", "--password-stdin"), "Standard input can be the file or the password, not both.", 2),
        (("x.p12", "--password", "a", "--password-stdin"), "Give --password or --password-stdin, not both.", 2),
        (("x.p12", "--provider", "pigeon"), "There is no provider pigeon; there are apns, fcm, wns, azure.", 2),
        (("none.p8",), "none.p8 cannot be read: No such file or directory.", 1),
        ((".",), ". cannot be read: Is a directory.", 1),
    ):
        _, err = shell.run("credentials", "check", *words, expect=code)
        assert sentence in " ".join(err.replace("│", " ").split())


def test_a_file_without_an_end_is_too_large(shell: Shell) -> None:
    report = shell.json("credentials", "check", "/dev/zero", expect=1)
    assert [one["id"] for one in report["checks"] if one["result"] == "failed"] == ["file.too_large"]


def test_a_credential_is_added_and_switched_back(shell: Shell) -> None:
    key = shell.folder / f"AuthKey_{KEY_ID}.p8"
    key.write_bytes(generated_key())
    first = next(one["id"] for one in shell.json("credentials", "list", "shop", *IN) if one["state"] == "active")
    added = shell.json("credentials", "add", "shop", str(key), *IN, "--team-id", TEAM_ID)["credential"]
    assert added["state"] == "active"
    assert "BEGIN" not in json.dumps(added)
    shell.run("credentials", "switch-back", "shop", first, *IN)
    states = {one["id"]: one["state"] for one in shell.json("credentials", "list", "shop", *IN)}
    assert states[first] == "active" and states[added["id"]] != "active"


def test_a_certificate_comes_without_a_mac(shell: Shell) -> None:
    shell.run("apps", "create", "nomac", "--bundle-id", BUNDLE_ID)
    out, _ = shell.run("credentials", "request", "nomac", *IN, "--name", "Shop calls")
    file = next(shell.folder.glob("nomac_Push_*.certSigningRequest"))
    assert f"Saved {file.name}." in out and "1. Open https://developer.apple.com" in out and "credentials answer" in out
    (listed,) = shell.json("credentials", "requests", "nomac", *IN)
    assert (listed["name"], listed["state"]) == ("Shop calls", "open")
    shown, _ = shell.run("credentials", "request", "nomac", *IN, "--again", listed["id"], "--out", "-")
    assert shown == file.read_text()
    cer = shell.folder / "aps.cer"
    authority = ("--cert-dir", str(shell.stage.folder / "certificates"), "--bundle-id", BUNDLE_ID)
    shell.run("simulate", "apple", str(file), *authority, "--out", str(cer))
    out, _ = shell.run("credentials", "answer", "nomac", str(cer), *IN)
    assert "The key was made here with the request Shop calls." in out
    assert "Next: pushwarden credentials activate nomac" in out
    again = shell.json("credentials", "answer", "nomac", str(cer), *IN, "--request", listed["id"])
    assert again["credential"]["state"] == "standby"
    renewal = shell.json("credentials", "request", "nomac", *IN, "--renews", again["credential"]["id"])
    assert renewal["request"]["name"] == "Shop calls"
    away = str(shell.folder / "none" / "a.csr")
    _, err = shell.run("credentials", "request", "nomac", *IN, "--again", listed["id"], "--out", away, expect=1)
    assert "have its file with --again" in err
    shell.run("credentials", "request-delete", "nomac", renewal["request"]["id"], *IN)
    assert len(shell.json("credentials", "requests", "nomac", *IN)) == 1
    said, _ = shell.run("credentials", "check", str(cer), "--bundle-id", BUNDLE_ID, expect=1)
    assert "We don't have the key for this certificate" in said
    _, err = shell.run("simulate", "apple", str(cer), *authority, "--out", str(cer), expect=1)
    assert "No certificate for" in err


def test_a_credential_is_verified_and_one_that_is_refused_is_kept_and_not_activated(
    shell: Shell, tmp_path: Path
) -> None:
    active = shell.json("apps", "show", "shop", *IN)["credentials"]["apns"]["id"]
    out, _ = shell.run("credentials", "verify", "shop", active, *IN)
    assert "Apple, Simulated" in out and "Ready: Apple accepts it." in out
    key = tmp_path / f"AuthKey_{KEY_ID}.p8"
    key.write_bytes(generated_key())
    add = ("credentials", "add", "shop", str(key), "--team-id", TEAM_ID, *IN)
    rule = {"do": "refuse", "status": 403, "reason": "InvalidProviderToken"}
    shell.stage.control("POST", "/script", json={"rules": [rule]})
    try:
        out, _ = shell.run(*add, expect=1)
        assert shell.json("credentials", "verify", "shop", active, *IN, expect=1)["finding"] == "refused"
    finally:
        shell.stage.control("POST", "/script", json={"rules": []})
    assert "is kept and not activated. Refused: it can't send." in out
    assert shell.json("apps", "show", "shop", *IN)["credentials"]["apns"]["id"] == active
    assert shell.json("credentials", "verify", "shop", active, *IN)["finding"] == "proven"


def test_devices_go_out_and_come_back_and_bad_lines_are_named(shell: Shell) -> None:
    exported, _ = shell.run("devices", "export", "shop", *IN)
    assert len(exported.splitlines()) >= 50
    again = shell.json("devices", "import", "shop", "-", *IN, stdin=exported.encode())
    assert (again["unchanged"], again["refused"]) == (len(exported.splitlines()), 0)
    bad = shell.folder / "bad.ndjson"
    bad.write_text(exported.splitlines()[0] + '\n{"installation_id":"x","provider":"apns","token":"zz"}\n')
    out, err = shell.run("devices", "import", "shop", str(bad), *IN, expect=1)
    assert "line 2: token must be" in err
    assert "refused          1" in out
    newest = shell.json("devices", "imports", "shop", *IN)[0]
    assert (newest["state"], newest["refused"]) == ("done", 1)
    assert "line 2" in shell.run("devices", "import-report", "shop", newest["id"], *IN)[0]
    shell.run("devices", "import-report", "shop", newest["id"], *IN, "--remove")
    assert newest["id"] not in shell.run("devices", "imports", "shop", *IN)[0]
    _, err = shell.run("devices", "import", "shop", "absent.ndjson", *IN, expect=1)
    assert err == "unreadable: absent.ndjson cannot be read: No such file or directory.\n"


def test_devices_are_found_marked_counted_and_cleared_away(shell: Shell) -> None:
    shell.run("apps", "create", "fleet", "--bundle-id", "a.fleet")
    lines = "".join(
        f'{{"installation_id":"phone-{n}","provider":"apns","token":"{n:02}{"ab" * 31}","user":"ann{n % 2}"'
        f"{GONE if n > 3 else ''}}}\n"
        for n in range(6)
    )
    shell.run("devices", "import", "fleet", "-", *IN, stdin=lines.encode())
    first = shell.json("devices", "list", "fleet", *IN, "--limit", "4")
    rest = shell.json("devices", "list", "fleet", *IN, "--limit", "4", "--after", first["next"])
    names = [one["installation_id"] for page in (first, rest) for one in page["devices"]]
    assert (sorted(names), rest["next"]) == ([f"phone-{n}" for n in range(6)], None)
    assert "Go on from here: --after" in shell.run("devices", "list", "fleet", *IN, "--limit", "4")[0]
    (found,) = shell.json("devices", "list", "fleet", *IN, "--token", "03ab")["devices"]
    assert found["installation_id"] == "phone-3"
    assert "phone-1 is a test device." in shell.run("devices", "mark", "fleet", "phone-1", *IN)[0]
    assert "phone-1" in shell.run("devices", "list", "fleet", *IN, "--only", "test")[0]
    assert shell.json("devices", "mark", "fleet", "phone-1", "--no-test", *IN)["devices"][0]["marked"] is False
    assert "No device is like that." in shell.run("devices", "list", "fleet", *IN, "--only", "test")[0]
    assert shell.json("devices", "summary", "fleet", *IN)["live"] == 4
    assert "apns" in shell.run("devices", "summary", "fleet", *IN)[0]
    assert "2 devices would be cleared away." in shell.run("devices", "clear", "fleet", *IN, "--dry-run")[0]
    assert shell.json("devices", "clear", "fleet", *IN, "--reason", "Nothing")["cleared"] == 0
    assert "2 devices cleared away." in shell.run("devices", "clear", "fleet", *IN)[0]
    assert "is one of test, live" in shell.run("devices", "list", "fleet", *IN, "--only", "lost", expect=2)[1]


def test_a_push_is_sent_awaited_and_shown(shell: Shell) -> None:
    state = shell.json("send", "shop", *IN, "--user", "user-7", "--title", "Hello", "--wait")
    assert (state["state"], state["accepted"]) == ("done", 1)
    out, _ = shell.run("pushes", "show", "shop", state["id"], *IN)
    assert "accepted         1" in out
    assert state["id"] in shell.run("pushes", "list", "shop", *IN)[0], "a table in a pipe is not folded"
    assert "Nobody failed." in shell.run("pushes", "failures", "shop", state["id"], *IN)[0]
    request = json.dumps({"to": {"user": "user-8"}, "title": "From a file"}).encode()
    preview, _ = shell.run("send", "shop", *IN, "--file", "-", "--preview", stdin=request)
    assert json.loads(preview)["requests"][0]["headers"]["apns-topic"] == "com.example.shop"


def test_a_wait_for_a_push_that_reaches_nobody_fails(shell: Shell) -> None:
    refuse = {"rules": [{"do": "refuse", "share": 1, "status": 410, "reason": "Unregistered", "timestamp_ms": 1}]}
    shell.stage.control("POST", "/script", json=refuse)
    try:
        state = shell.json("send", "shop", *IN, "--user", "user-9", "--title", "Hello", "--wait", expect=1)
    finally:
        shell.stage.control("POST", "/script", json={"rules": []})
    assert state["refused"] == 1
    assert "Unregistered" in shell.run("pushes", "failures", "shop", state["id"], *IN)[0]


def test_a_stopped_scope_refuses_until_it_is_resumed(shell: Shell) -> None:
    out, _ = shell.run("stop", "shop", *IN, "--reason", "drill")
    assert out.startswith("Stopped. The providers have read everything that was sent")
    assert "drill" in shell.run("stops")[0]
    assert shell.json("send", "shop", *IN, "--user", "user-1", "--title", "x", expect=1)["error"]["code"] == "stopped"
    held = shell.json("send", "shop", *IN, "--user", "user-1", "--title", "x", "--when-stopped", "hold")
    cancelled, _ = shell.run("pushes", "cancel", "shop", held["id"], *IN)
    assert "is cancelled" in cancelled
    assert "Nothing is stopped" in shell.run("resume", "shop", expect=1)[1]
    assert "goes on" in shell.run("resume", "shop", *IN, "--held", "release")[0]
    assert shell.json("stops") == []


def test_a_receipt_is_kept_signed_and_verified_without_a_server(shell: Shell) -> None:
    stopped = shell.json("stop", "shop", *IN, "--reason", "for the file")["id"]
    shell.run("resume", "shop", *IN, "--held", "discard")
    assert stopped in shell.run("receipts", "list")[0]
    out, _ = shell.run("receipts", "get", stopped)
    assert "for the file" in out and "Lifted" in out and "sender-urgent" in out
    assert shell.json("receipts", "get", stopped)["resumed_at"]
    assert "no such receipt" in shell.run("receipts", "get", "stop-none", expect=1)[1]
    file, _ = shell.run("receipts", "get", stopped, "--signed")
    key = str(shell.stage.data / "keys" / "receipts.pub")
    away = {"PUSHWARDEN_URL": "http://127.0.0.1:1"}
    out, _ = shell.run("receipts", "verify", "-", "--key", key, stdin=file.encode(), **away)
    assert "unchanged since" in out and stopped in out
    assert shell.json("receipts", "verify", "-", stdin=file.encode())["receipt"]["reason"] == "for the file"
    changed = file.replace("for the file", "for nothing").encode()
    assert "somebody changed this file" in shell.run("receipts", "verify", "-", stdin=changed, expect=1)[1]
    other = str(shell.stage.data / "keys" / "vault.pub")
    assert "receipts.pub" in shell.run("receipts", "verify", "-", "--key", other, stdin=file.encode(), expect=1)[1]


def test_a_stop_is_made_without_the_api_when_it_is_frozen(shell: Shell) -> None:
    started = [json.loads(line) for line in (shell.folder / "log").read_text().splitlines() if '"started"' in line]
    api = next(line["pid"] for line in reversed(started) if line.get("role") == "api")
    os.kill(api, signal.SIGSTOP)
    try:
        receipt = shell.json("stop", "shop", "--reason", "api is stuck")
        assert shell.json("stop", "shoop", expect=1)["error"]["code"] == "not_found"
    finally:
        os.kill(api, signal.SIGCONT)
    assert receipt["api"] == "did not answer"
    assert receipt["drained"] and {one["confirmation"] for one in receipt["senders"]} == {"drained"}
    assert _until(lambda: [one for one in shell.json("stops") if one["reason"] == "api is stuck"])
    shell.run("resume", "shop")


def _until(found: Any) -> Any:
    """What it finds, within ten seconds."""
    for _ in range(20):
        if something := found():
            return something
        time.sleep(0.25)
    return found()


def test_a_foreign_url_is_never_stopped_here_instead(shell: Shell) -> None:
    _, err = shell.run("--url", "http://127.0.0.1:9", "stop", expect=3)
    assert err.startswith("unreachable: http://127.0.0.1:9 does not answer")
    assert shell.json("stops") == []


def test_the_audit_is_verified_here_and_from_a_file(shell: Shell) -> None:
    assert "intact" in shell.run("audit", "verify")[0]
    exported, _ = shell.run("audit", "export")
    file = shell.folder / "audit.jsonl"
    file.write_text(exported)
    away = {"PUSHWARDEN_DATA": "/nonexistent"}
    assert shell.json("audit", "verify", str(file), **away)["entries"] == len(exported.splitlines())
    file.write_text(exported.replace("app.create", "app.delete", 1), encoding="utf-8")
    assert shell.json("audit", "verify", str(file), expect=1, **away)["error"]["code"] == "audit_broken"
    actions = {one["action"] for one in shell.json("audit", "list", "action:app.create", "--limit", "2")}
    assert actions == {"app.create"}


def test_a_key_is_made_used_and_revoked(shell: Shell) -> None:
    made = shell.json("keys", "create", "ci", "--kind", "stop", "--app", "shop", "--days", "2")
    key = {"PUSHWARDEN_KEY": made["key"]}
    assert shell.json("send", "shop", "--all", expect=1, **key)["error"]["code"] == "forbidden"
    assert shell.json("stops", **key) == []
    listed, _ = shell.run("keys", "list")
    assert "ci" in listed and made["key"] not in listed
    shell.run("keys", "revoke", made["view"]["id"])
    assert shell.json("stops", expect=1, **key)["error"]["code"] == "unauthenticated"


def test_a_key_that_is_none_and_a_server_that_is_none_say_so(shell: Shell) -> None:
    assert shell.json("apps", "list", expect=1, PUSHWARDEN_KEY="pwk_é")["error"]["code"] == "unauthenticated"
    assert shell.json("apps", "list", expect=1, PUSHWARDEN_KEY="pwk_none")["error"]["code"] == "unauthenticated"
    gone = {"PUSHWARDEN_URL": "http://127.0.0.1:9"}
    assert shell.json("apps", "list", expect=3, **gone)["error"]["code"] == "unreachable"
    assert shell.json("apps", "list", expect=3, PUSHWARDEN_URL="nowhere")["error"]["code"] == "unreachable"


def test_wrong_usage_exits_with_2(shell: Shell) -> None:
    shell.run("frobnicate", expect=2)
    shell.run("send", "shop", "--env", "moon", expect=2)
    shell.run("serve", "--role", "cook", expect=2)
    _, err = shell.run("apps", "list", expect=2, PUSHWARDEN_LISTEN_PORT="many")
    assert "PUSHWARDEN_LISTEN_PORT" in err


def test_a_callback_is_made_tried_mended_and_removed(shell: Shell) -> None:
    where = (
        "shop",
        shell.json("callbacks", "create", "shop", "https://127.0.0.1:9/told", "-e", "sandbox")["callback"]["id"],
    )
    one = shell.json("callbacks", "list", "shop")[0]
    assert (one["id"], one["environments"], one["failing"]) == (where[1], ["sandbox"], False)
    assert "Nothing was told yet." in shell.run("callbacks", "deliveries", *where)[0]
    assert "on its way" in shell.run("callbacks", "test", *where)[0]
    (tried,) = _until(lambda: shell.json("callbacks", "deliveries", *where))
    assert (tried["type"], tried["status"]) == ("callback.test", 0) and "127.0.0.1" in tried["error"]
    assert "callback.test" in shell.run("callbacks", "deliveries", *where)[0]
    changed = shell.json("callbacks", "change", *where, "--event", "lane.held", "--every-env", "--no-enabled")
    assert (changed["events"], changed["environments"], changed["enabled"]) == (["lane.held"], [], False)
    assert changed["url"] == one["url"], "what is not named stays"
    assert shell.json("callbacks", "test", *where, expect=1)["error"]["code"] == "in_use"
    assert shell.json("callbacks", "retry", *where, expect=1)["error"]["code"] == "in_use"
    assert shell.json("callbacks", "skip", *where, expect=1)["error"]["code"] == "in_use"
    assert "before now" in shell.run("callbacks", "skip", *where, "--all")[0]
    out, _ = shell.run("callbacks", "rotate", *where, "--overlap-seconds", "0")
    assert out.startswith("whsec_") and "whsec_" not in shell.run("callbacks", "list", "shop")[0]
    assert "Removed" in shell.run("callbacks", "delete", *where)[0]
    assert "None yet." in shell.run("callbacks", "list", "shop")[0]
    assert shell.json("callbacks", "delete", *where, expect=1)["error"]["code"] == "not_found"
    shell.run("callbacks", "create", "shop", "https://a.example", "--event", "push.lost", expect=2)
    assert shell.json("callbacks", "create", "shop", "http://a.example", expect=1)["error"]["code"] == "invalid"


def test_holds_and_organisations_are_listed(shell: Shell) -> None:
    assert shell.json("holds", "list") == []
    assert "No lane is held." in shell.run("holds", "list")[0]
    assert shell.json("holds", "show", "hold_x", expect=1)["error"]["code"] == "not_found"
    assert [one["id"] for one in shell.json("organisations", "list")] == ["default"]
    assert shell.json("organisations", "rename", "default", "Acme")["name"] == "Acme"


def test_the_doctor_finds_a_sound_house_and_a_missing_one(shell: Shell) -> None:
    assert shell.json("doctor")["healthy"] is True
    out, _ = shell.run("doctor", expect=1, PUSHWARDEN_DATA=str(shell.folder / "absent"))
    assert "does not exist" in out
    assert not (shell.folder / "absent").exists(), "a look changes nothing"


def test_a_backup_of_a_running_house_goes_into_an_empty_one(shell: Shell) -> None:
    copy, other = shell.folder / "copy", str(shell.folder / "other")
    assert "private key is not in it" in shell.run("backup", str(copy))[0]
    shell.run("backup", str(copy), expect=1)
    shell.run("restore", str(copy), PUSHWARDEN_DATA=other)
    shell.run("restore", str(copy), expect=1, PUSHWARDEN_DATA=other)
    assert "Nothing to do" in shell.run("migrate", PUSHWARDEN_DATA=other)[0]
    advice = ("put the vault.key it was made with back", "put the callbacks.key it was made with back")
    advised, _ = shell.run("doctor", expect=1, PUSHWARDEN_DATA=other)
    served = "".join(shell.run("serve", expect=1, PUSHWARDEN_DATA=other))
    assert all(sentence in said for said in (advised, served) for sentence in advice)
    names = sorted(one.name for one in (Path(other) / "keys").iterdir())
    assert names == ["callbacks.pub", "receipts.pub", "vault.pub"]
